import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError, ThrottledError } from '#lib/model/errors.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { QueryAnswer, QueryRequest } from '#lib/promql/backend.ts'
import { decodeAnswer, encodeAnswer } from '#lib/query/frame.ts'
import { runSlice } from '#lib/query/run-slice.ts'
import type { CutOptions } from '#lib/query/cut.ts'
import type { Slice } from '#lib/query/slice.ts'
import type { Deduplication } from '#lib/storage/scope.ts'
import { sliceFromEvent, sliceToEvent } from '#lib/query/slice.ts'
import type { SlicedBackendParts } from '#lib/query/sliced-backend.ts'
import type { SlicePlan } from '#lib/query/plan-slices.ts'
import { planSlices } from '#lib/query/plan-slices.ts'
import { prepareQuery } from '#lib/query/prepare-query.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import { HOUR, backendParts, bitsOf, fillTwoClusters, range, scope } from './two-clusters.ts'

async function makeBucket(): Promise<Bucket> {
  const bucket = memoryBucket()
  await fillTwoClusters(bucket)
  return bucket
}

async function plan(bucket: Bucket, request: QueryRequest, cut: CutOptions): Promise<SlicePlan> {
  const prepared = await prepareQuery(backendParts(bucket), request)
  return planSlices(prepared, { first: 0, count: request.grid.stepCount }, cut)
}

describe('slicedBackend', () => {
  let bucket: Bucket
  beforeAll(async () => {
    bucket = await makeBucket()
  })

  it('cuts only by series what is read with a memory', async () => {
    const request = range('sum by (host) (rate(requests_total[5m]))')
    const cut = { sliceBytes: 10, maxSlices: 8 }
    const firsts = async (deduplication: Deduplication): Promise<Set<number>> => {
      const { slices, runs } = await plan(
        bucket,
        { ...request, scope: { ...scope, deduplication } },
        cut,
      )
      expect(slices.length).toBeGreaterThan(1)
      return new Set(runs.map(({ first }) => first))
    }
    expect((await firsts('nearest')).size).toBeGreaterThan(1)
    for (const deduplication of ['penalty', 'chain'] as const) {
      expect(await firsts(deduplication)).toEqual(new Set([0]))
    }
  })

  it.each([
    'sum by (cluster) (rate(requests_total[5m]))',
    'increase(requests_total[1h])',
    'load offset 30m',
    'max_over_time(load[20m:3m])',
    'absent(load{host="w"})',
    'topk(2, load)',
    'load / on (cluster, host) requests_total',
    'count(load > 1) or vector(0)',
    'avg by (host) (load @ 40000)',
    'requests_total - requests_total offset 1h',
    'time() + scalar(sum(load))',
  ])('gives the same bits in slices as whole: %s', async (text) => {
    const whole = await slicedBackend(backendParts(bucket)).query(range(text))
    expect(whole.cost.slices).toBe(1)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 40 }), async (maxSlices) => {
        const cut = { sliceBytes: 1, maxSlices }
        const sliced = await slicedBackend(backendParts(bucket, { cut })).query(range(text))
        expect(sliced.cost.slices).toBeGreaterThan(1)
        expect(bitsOf(sliced)).toEqual(bitsOf(whole))
      }),
      { numRuns: 4 },
    )
  })

  it.each([
    'sum by (cluster) (rate(requests_total[5m]))',
    'quantile without (host) (0.3, load)',
    'load / on (cluster, host) requests_total',
    'topk by (host) (1, load)',
    'count(load)',
    'count by (cluster) (sum by (host, cluster) (load) > 1)',
    'group(sum by (host) (load))',
  ])('gives the same bits in shards as whole: %s', async (text) => {
    const instant = { ...range(text), grid: { startMs: 40_000_000, stepMs: 0, stepCount: 1 } }
    // Three steps can be cut three times at most, and are worth more functions than that.
    for (const request of [range(text, 0, 7 * HOUR, 3), instant]) {
      const whole = await slicedBackend(backendParts(bucket)).query(request)
      const cut = { sliceBytes: 10, maxSlices: 64 }
      const { slices } = await plan(bucket, request, cut)
      const sharded = await slicedBackend(backendParts(bucket, { cut })).query(request)
      const ordered = text.startsWith('topk') && request === instant
      expect(new Set(slices.map(({ shard }) => shard?.index))).toEqual(
        new Set(ordered ? [undefined] : [0, 1, 2, 3]),
      )
      expect(new Set(bitsOf(sharded) as unknown[])).toEqual(new Set(bitsOf(whole) as unknown[]))
    }
  })

  it.each([
    ['load{host="x"} + on (host) requests_total{host!="x"}', 'match group {host="y"}'],
    ['load{host="y"} + on (host) requests_total', 'match group {host="x"}'],
    ['load{host="none"} + on (host) requests_total', '0 series'],
  ])('fails in shards where it fails as a whole: %s', async (text, outcome) => {
    const cut = { sliceBytes: 10, maxSlices: 64 }
    const request = range(text, 0, 7 * HOUR, 3)
    const { slices } = await plan(bucket, request, cut)
    expect(slices.some(({ shard }) => shard !== undefined)).toBe(true)
    const said = await slicedBackend(backendParts(bucket, { cut }))
      .query(request)
      .then(
        ({ value: result }) => `${result.type === 'vector' ? result.series.length : ''} series`,
        (error: unknown) => String(error),
      )
    expect(said).toContain(outcome)
  })

  it('sends slices to another function when there is more than one, and runs a lone one in place', async () => {
    const sent: Slice[] = []
    const invokeSlice = async (slice: Slice) => {
      sent.push(slice)
      const event = JSON.parse(JSON.stringify(sliceToEvent(slice, 0))) as ReturnType<
        typeof sliceToEvent
      >
      const answer = await runSlice(backendParts(bucket), sliceFromEvent(event))
      return decodeAnswer(encodeAnswer(answer), () => Promise.reject(new Error('no spill')))
    }
    const request = range('sum(rate(requests_total[5m]))')
    const whole = await slicedBackend(backendParts(bucket, { invokeSlice })).query(request)
    expect(sent).toEqual([])
    expect(whole.cost).toMatchObject({ slices: 1, invokes: 0 })
    const cut = { sliceBytes: 1, maxSlices: 6 }
    const sliced = await slicedBackend(backendParts(bucket, { invokeSlice, cut })).query(request)
    expect(sent).toHaveLength(6)
    expect(sliced.cost).toMatchObject({ slices: 6, invokes: 6 })
    expect(bitsOf(sliced)).toEqual(bitsOf(whole))
  })

  it('cuts at block borders, and gives a slice only the blocks it may read', async () => {
    const cut = { sliceBytes: 1, maxSlices: 12 }
    const { slices, runs } = await plan(bucket, range('rate(load[5m])'), cut)
    expect(runs.map(({ first, count }) => [first, count])).toEqual(
      Array.from({ length: 12 }, (_, i) => [i * 120, 120]),
    )
    // Two clusters, two replicas; the window before for the range and the replicas' neighbours, the next for the latter.
    expect(slices.map((slice) => slice.blocks.length)).toEqual([
      8,
      ...Array.from({ length: 10 }, () => 12),
      8,
    ])
  })

  it('asks again for a slice that failed in passing', async () => {
    let calls = 0
    const invokeSlice = (slice: Slice) => {
      calls++
      if (calls % 2 === 1) return Promise.reject(new DomainError('unavailable', 'throttled'))
      return runSlice(backendParts(bucket), slice)
    }
    const cut = { sliceBytes: 1, maxSlices: 2 }
    const answer = await slicedBackend(
      backendParts(bucket, { invokeSlice, cut, concurrency: 1 }),
    ).query(range('load'))
    expect(calls).toBe(4)
    expect(answer.warnings).toEqual([])
  })

  it('runs slices itself, one at a time, when no other function is free', async () => {
    let asked = 0
    const invokeSlice = () => {
      asked++
      return Promise.reject(new ThrottledError('too many functions'))
    }
    const request = range('sum(rate(requests_total[5m]))')
    const whole = await slicedBackend(backendParts(bucket)).query(request)
    const cut = { sliceBytes: 1, maxSlices: 6 }
    const sliced = await slicedBackend(backendParts(bucket, { invokeSlice, cut })).query(request)
    expect(asked).toBe(6 * 5)
    expect(sliced.cost).toMatchObject({ slices: 6, invokes: 0 })
    expect(sliced.warnings).toEqual([])
    expect(bitsOf(sliced)).toEqual(bitsOf(whole))
  })

  describe('with a slice that stays away', () => {
    const invokeSlice = (slice: Slice) =>
      slice.grid.startMs === 0
        ? Promise.reject(new DomainError('unavailable', 'function store is gone'))
        : runSlice(backendParts(bucket), slice)
    const parts = () => backendParts(bucket, { invokeSlice, cut: { sliceBytes: 1, maxSlices: 2 } })

    it('answers the rest with a warning when half an answer is wanted', async () => {
      const request = { ...range('load'), scope: { ...scope, partialResponse: true } }
      const answer = await slicedBackend(parts()).query(request)
      expect(answer.warnings).toEqual([
        'no data from 1970-01-01T00:00:00.000Z to 1970-01-01T11:59:00.000Z: function store is gone',
      ])
      const { series } = answer.value as Extract<QueryAnswer['value'], { type: 'vector' }>
      expect(series[0]!.presence.subarray(0, 720).every((kind) => kind === 0)).toBe(true)
      expect(series[0]!.presence.subarray(720).some((kind) => kind === 1)).toBe(true)
    })

    it('fails otherwise', async () => {
      await expect(slicedBackend(parts()).query(range('load'))).rejects.toMatchObject({
        kind: 'unavailable',
      })
    })
  })

  describe('when a block went after the index was read', () => {
    /** The last block of a cluster is gone; the index of the query is from before, the bucket's may know. */
    async function withoutBlock(known: boolean): Promise<SlicedBackendParts> {
      const own = await makeBucket()
      const parts = backendParts(own, { cut: { sliceBytes: 1, maxSlices: 4 } })
      const [, second] = await parts.index.blocks(0, 24 * HOUR)
      for (const file of ['meta.json', 'index', 'chunks/000001']) {
        await own.delete(`${second!.id}/${file}`)
      }
      if (known) await updateBucketIndex(own, { now: () => 0 })
      return parts
    }
    const request = { ...range('load'), scope: { ...scope, partialResponse: true } }

    it('plans again with the index of now', async () => {
      const parts = await withoutBlock(true)
      const answer = await slicedBackend(parts).query(request)
      const fresh = await slicedBackend(backendParts(parts.bucket)).query(request)
      expect(answer.warnings).toEqual([])
      expect(bitsOf(answer)).toEqual(bitsOf(fresh))
      const strict = await slicedBackend(await withoutBlock(true)).query(range('load'))
      expect(bitsOf(strict)).toEqual(bitsOf(fresh))
    })

    it('says what is missing when the index of now has it too', async () => {
      const answer = await slicedBackend(await withoutBlock(false)).query(request)
      expect(answer.warnings).toEqual([expect.stringMatching(/^block \S+ is left out: no object/)])
      await expect(
        slicedBackend(await withoutBlock(false)).query(range('load')),
      ).rejects.toMatchObject({ kind: 'not-found' })
    })
  })

  it('does not try again what another try cannot help', async () => {
    let calls = 0
    const invokeSlice = () => {
      calls++
      return Promise.reject(new DomainError('execution', 'many-to-many'))
    }
    const parts = backendParts(bucket, {
      invokeSlice,
      cut: { sliceBytes: 1, maxSlices: 2 },
      concurrency: 1,
    })
    const request = { ...range('load'), scope: { ...scope, partialResponse: true } }
    await expect(slicedBackend(parts).query(request)).rejects.toMatchObject({
      message: 'many-to-many',
    })
    expect(calls).toBe(1)
  })

  it('counts the samples of all slices together', async () => {
    const cut = { sliceBytes: 1, maxSlices: 12 }
    const request = range('load')
    const options = { ...request.options, maxSamples: 6 * 1440 - 1 }
    await expect(
      slicedBackend(backendParts(bucket, { cut })).query({ ...request, options }),
    ).rejects.toMatchObject({ kind: 'limit' })
    const enough = { ...request, options: { ...options, maxSamples: 6 * 1440 } }
    await slicedBackend(backendParts(bucket, { cut })).query(enough)
  })

  it('says so when the bucket is away', async () => {
    const { bucket: faulty } = faultyBucket(bucket, {
      fault: { type: 'fail', error: unavailableError() },
    })
    await expect(slicedBackend(backendParts(faulty)).query(range('load'))).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })

  it('lists series of all matcher sets once, in order', async () => {
    const { series } = await slicedBackend(backendParts(bucket)).series(
      {
        matcherSets: [
          [{ type: '=', name: 'host', value: 'x' }],
          [
            { type: '=~', name: '__name__', value: 'load' },
            { type: '!=', name: 'host', value: 'z' },
          ],
        ],
        startMs: 0,
        endMs: 24 * HOUR,
        limit: 0,
      },
      scope,
    )
    expect(series.map(formatLabels)).toEqual([
      'load{cluster="a", host="x"}',
      'load{cluster="a", host="y"}',
      'load{cluster="b", host="x"}',
      'load{cluster="b", host="y"}',
      'requests_total{cluster="a", host="x"}',
      'requests_total{cluster="b", host="x"}',
    ])
  })
})

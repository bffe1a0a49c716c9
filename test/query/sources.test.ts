/** What is asked beside the bucket: the same data give the same answer, wherever they are. */
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { labelValue } from '#lib/model/labels.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { slicedBackend, type SlicedBackendParts } from '#lib/query/sliced-backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { SeriesSource, SourceRequest, SourceSeries } from '#lib/store/series-source.ts'
import { LoadedChunks } from '#lib/store/loaded-chunks.ts'
import { XOR } from '#lib/tsdb/chunk/chunk.ts'
import { SeriesCollector } from '#lib/store/series-collector.ts'
import { blockSource } from './block-source.ts'
import { HOUR, backendParts, bitsOf, fillTwoClusters, range, scope } from './two-clusters.ts'

const bucket = memoryBucket()
let all: readonly BlockRecord[]

beforeAll(async () => {
  await fillTwoClusters(bucket)
  all = await new BucketIndexReader(bucket, { now: () => 0, maxAgeMs: 0 }).blocks(
    -Infinity,
    Infinity,
  )
})

/** The bucket has the blocks that `isInBucket`, sources the rest and whatever else. */
function backendOver(
  sources: readonly SeriesSource[],
  isInBucket: (block: BlockRecord) => boolean,
  over: Partial<SlicedBackendParts> = {},
): QueryBackend {
  const index = new BucketIndexReader(bucket, { now: () => 0, maxAgeMs: 60_000 })
  const read = index.blocks.bind(index)
  index.blocks = async (...asked) => (await read(...asked)).filter(isInBucket)
  return slicedBackend(backendParts(bucket, { index, sources: async () => sources, ...over }))
}

const QUERIES = [
  'sum by (cluster) (rate(requests_total[5m]))',
  'load',
  'count(requests_total) by (host)',
  'max_over_time(load{cluster="b"}[1h:5m])',
]

const SPLITS: readonly [
  string,
  (block: BlockRecord) => boolean,
  (block: BlockRecord) => boolean,
][] = [
  ['all from a source', () => false, () => true],
  ['everything twice', () => true, () => true],
  ['the last hours from a source', (b) => b.minTimeMs < 16 * HOUR, (b) => b.minTimeMs >= 14 * HOUR],
  [
    'a replica from a source',
    (b) => labelValue(b.labels, 'replica') === 'r0',
    (b) => labelValue(b.labels, 'replica') === 'r1',
  ],
]

describe('sources beside a bucket', () => {
  describe.each(SPLITS)('%s', (_, inBucket, inSource) => {
    it.each(QUERIES)('%s', async (text) => {
      const whole = slicedBackend(backendParts(bucket))
      const source = blockSource(bucket, all.filter(inSource))
      const cut = { sliceBytes: 5000, maxSlices: 6 }
      const mixed = backendOver([source], inBucket, { cut })
      expect(bitsOf(await mixed.query(range(text)))).toEqual(bitsOf(await whole.query(range(text))))
      expect(source.asked).not.toEqual([])
    })

    it.each(['penalty', 'chain', 'apart'] as const)('merged by %s', async (how) => {
      const asked = { ...range('load'), scope: scopeOf(how) }
      const whole = slicedBackend(backendParts(bucket))
      const mixed = backendOver(
        [blockSource(bucket, all.filter(inSource), 'as in blocks')],
        inBucket,
      )
      expect(bitsOf(await mixed.query(asked))).toEqual(bitsOf(await whole.query(asked)))
    })

    it('labels and series', async () => {
      const whole = slicedBackend(backendParts(bucket))
      const mixed = backendOver([blockSource(bucket, all.filter(inSource))], inBucket)
      const matcherSets = [[{ type: '=~', name: 'host', value: 'x|y' }]] as const
      const request = { matcherSets, startMs: HOUR, endMs: 20 * HOUR, limit: 0 }
      for (const asked of [request, { ...request, matcherSets: [] }]) {
        expect((await mixed.labelNames(asked, scope)).values).toEqual(
          (await whole.labelNames(asked, scope)).values,
        )
        expect((await mixed.labelValues('cluster', asked, scope)).values).toEqual(
          (await whole.labelValues('cluster', asked, scope)).values,
        )
      }
      const { series } = await mixed.series(request, scope)
      expect(series).toEqual((await whole.series(request, scope)).series)
      expect(series).toHaveLength(8)
    })
  })

  it('cost no decoding where they have the very chunks of blocks', async () => {
    const decode = vi.spyOn(LoadedChunks.prototype, 'decode')
    onTestFinished(() => decode.mockRestore())
    const count = async (backend: QueryBackend): Promise<number> => {
      decode.mockClear()
      await backend.query(range('load'))
      return decode.mock.calls.length
    }
    const whole = await count(slicedBackend(backendParts(bucket)))
    const source = blockSource(bucket, all, 'as in blocks')
    // The source itself decodes what it has, once for each block, before it is asked.
    const twice = backendOver(
      [{ ...source, select: ready(await source.select(ALL_LOAD, signal)) }],
      () => true,
    )
    expect(await count(twice)).toBe(whole)
  })

  it('are asked only where they may have what is wanted', async () => {
    const inSource = all.filter(
      (b) => b.minTimeMs >= 20 * HOUR && labelValue(b.labels, 'cluster') === 'a',
    )
    const source = blockSource(bucket, inSource)
    const backend = backendOver([source], () => true)
    await backend.query(range('load{cluster="b"}'))
    await backend.query(range('load', 0, 60_000, 60))
    await backend.query({
      ...range('load'),
      scope: { ...scope, enforced: [{ type: '=', name: 'cluster', value: 'b' }] },
    })
    await backend.query({
      ...range('load'),
      scope: { ...scope, stores: [[{ type: '=', name: '__address__', value: 'thaw' }]] },
    })
    expect(source.asked).toEqual([])
    const onlyIt = {
      ...scope,
      stores: [[{ type: '=', name: '__address__', value: 'store:10901' }]],
    } as const
    const { value } = await backend.query({ ...range('load'), scope: onlyIt })
    expect(value).toMatchObject({ type: 'vector' })
    expect(bitsOf({ value } as never)).toHaveLength(3)
    expect(source.asked).toEqual(['series'])
  })

  it('answer once for all steps, in this process, while the other steps go elsewhere', async () => {
    const source = blockSource(
      bucket,
      all.filter((b) => b.minTimeMs >= 12 * HOUR),
    )
    const invoked: number[] = []
    const over: Partial<SlicedBackendParts> = {
      cut: { sliceBytes: 500, maxSlices: 12 },
      async invokeSlice(slice) {
        invoked.push(slice.grid.startMs)
        throw new DomainError('unsupported', 'no function in this test')
      },
      async runHere() {
        throw new Error('bug: a worker has no connections')
      },
    }
    const backend = backendOver([source], () => true, over)
    const half = { ...scope, partialResponse: true }
    await backend.query({ ...range('load'), scope: half }).catch(() => undefined)
    expect(source.asked).toEqual(['series'])
    expect(invoked.length).toBeGreaterThan(0)
    expect(Math.max(...invoked)).toBeLessThan(13 * HOUR)
  })

  it('keep answers out of the cache for the steps that they may know of', async () => {
    const source = blockSource(
      bucket,
      all.filter((b) => b.minTimeMs >= 12 * HOUR),
    )
    const results = new ResultsCache({
      maxBytes: 1 << 24,
      maxFreshnessMs: 0,
      inBucket: false,
      random: () => 0,
    })
    const backend = backendOver([source], () => true, { results, now: () => 100 * HOUR })
    const first = await backend.query(range('load'))
    const again = await backend.query(range('load'))
    expect(first.cost.cachedSteps).toBe(0)
    expect(bitsOf(again)).toEqual(bitsOf(first))
    // The whole cells before the source begins.
    expect(again.cost.cachedSteps).toBe(600)
    expect(source.asked).toEqual(['series', 'series'])
  })
})

describe('a source that fails', () => {
  const failing = (error: Error): SeriesSource => ({
    ...blockSource(bucket, all),
    async select() {
      throw error
    },
  })

  it('is a warning or an error that names it', async () => {
    const backend = backendOver([failing(new DomainError('timeout', 'no answer'))], () => true)
    const half = { ...scope, partialResponse: true }
    const { warnings, value } = await backend.query({ ...range('load'), scope: half })
    expect(warnings).toEqual(['endpoint store:10901: no answer'])
    expect(value).toMatchObject({ type: 'vector' })
    await expect(backend.query(range('load'))).rejects.toThrow(
      expect.objectContaining({ kind: 'timeout', message: 'endpoint store:10901: no answer' }),
    )
    const bug = backendOver([failing(new TypeError('x is undefined'))], () => true)
    await expect(bug.query({ ...range('load'), scope: half })).rejects.toThrow('x is undefined')
  })

  it('gives chunks that cannot be read', async () => {
    const source: SeriesSource = {
      ...blockSource(bucket, all),
      async select() {
        const series = new SeriesCollector()
        series.series(['__name__', 'load', 'host', 'w'])
        series.chunk(0, HOUR, XOR, Uint8Array.of(0, 90, 1))
        return { ...series.finish('x'), warnings: [] }
      },
    }
    const backend = backendOver([source], () => true)
    const whole = slicedBackend(backendParts(bucket))
    for (const deduplication of ['nearest', 'penalty'] as const) {
      const half: Scope = { ...scope, partialResponse: true, deduplication }
      const answer = await backend.query({ ...range('load'), scope: half })
      expect(answer.warnings).toHaveLength(1)
      expect(answer.warnings[0]).toMatch(/^endpoint store:10901: chunk: /)
      expect(bitsOf(answer)).toEqual(bitsOf(await whole.query({ ...range('load'), scope: half })))
      const asked = { ...range('load'), scope: { ...scope, deduplication } }
      await expect(backend.query(asked)).rejects.toThrow(CorruptError)
    }
  })

  it('says itself that it has not everything', async () => {
    const source = blockSource(bucket, all)
    const half: SeriesSource = {
      ...source,
      select: async (...asked) => ({
        ...(await source.select(...asked)),
        warnings: ['a block is away'],
      }),
    }
    const backend = backendOver([half], () => false)
    const scopeOfHalf = { ...scope, partialResponse: true }
    const { warnings } = await backend.query({ ...range('load'), scope: scopeOfHalf })
    expect(warnings).toEqual(['endpoint store:10901: a block is away'])
    await expect(backend.query(range('load'))).rejects.toThrow(
      'endpoint store:10901: a block is away',
    )
  })
})

function scopeOf(how: 'penalty' | 'chain' | 'apart'): Scope {
  return how === 'apart' ? { ...scope, dedup: false } : { ...scope, deduplication: how }
}

const signal = new AbortController().signal

const ALL_LOAD: SourceRequest = {
  matchers: [{ type: '=', name: '__name__', value: 'load' }],
  startMs: -Infinity,
  endMs: Infinity,
  labelsOnly: false,
  aggregation: 'average',
  maxResolutionMs: 0,
  tenant: undefined,
  partialResponse: false,
}

function ready(series: SourceSeries): SeriesSource['select'] {
  return async () => series
}

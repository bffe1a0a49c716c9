import { expect, it, describe, vi } from 'vitest'
import type { Series } from '#lib/grpc/series-messages.ts'
import type { SeriesRequest } from '#lib/grpc/store-messages.ts'
import { DomainError, LimitError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { NO_HINTS, type SelectRequest } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import type { SourceRequest } from '#lib/store/series-source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { columns } from '#test/store/sample-block.ts'
import { answering, endpointsOf, fakeEndpoint, SIDECAR, type FakeAnswers } from './fake-endpoint.ts'

const ASKED: SourceRequest = {
  matchers: [{ type: '=', name: '__name__', value: 'up' }],
  startMs: 1000,
  endMs: 60_000,
  labelsOnly: false,
  aggregation: 'average',
  maxResolutionMs: 300_000,
  tenant: 'team-a',
  partialResponse: true,
}
const SCOPE: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}
const never = new AbortController().signal

function seriesOf(labels: Labels, ...samples: readonly (readonly [number, number])[]): Series {
  const chunks = encodeChunks(columns(samples)).map((chunk) => ({
    minTimeMs: chunk.minTimeMs,
    maxTimeMs: chunk.maxTimeMs,
    raw: chunk,
  }))
  return { labels, chunks }
}

async function sourceOf(answers: FakeAnswers, over: Parameters<typeof endpointsOf>[1] = {}) {
  const { address, stop } = await fakeEndpoint(answers)
  const endpoints = endpointsOf([address], over)
  const [source] = await endpoints.sources()
  return { source: source!, address, stop, endpoints }
}

/** What an engine sees: labels in order, and samples as pairs. */
async function selected(answers: FakeAnswers, request: Partial<SelectRequest> = {}, scope = SCOPE) {
  const { source, address } = await sourceOf(answers)
  const storage = blockStorage({
    bucket: memoryBucket(),
    cache: new StoreCache(1 << 20),
    blocks: [],
    sources: [source],
    scope,
  })
  const { matchers, startMs, endMs } = ASKED
  const set = await storage.select({ matchers, startMs, endMs, hints: NO_HINTS, ...request })
  const series = set.labels.map((labels, i) => {
    const { length, timestamps, values } = set.samples(i)
    return [labels, [...timestamps.subarray(0, length)].map((t, j) => [t, values[j]])]
  })
  return { series, warnings: set.warnings.map((text) => text.replace(address, 'A')) }
}

const UP_A = ['__name__', 'up', 'job', 'a']
const UP_B = ['__name__', 'up', 'job', 'b']

describe('what is asked', () => {
  it('of series is what Thanos asks, with replicas and all series', async () => {
    const asked: SeriesRequest[] = []
    let tenant = ''
    const { source } = await sourceOf({
      async series(request, call) {
        asked.push(request)
        tenant = call.header('thanos-tenant')
      },
    })
    await source.select(ASKED, never)
    await source.select(
      {
        ...ASKED,
        startMs: -Infinity,
        endMs: Infinity,
        maxResolutionMs: Infinity,
        labelsOnly: true,
        partialResponse: false,
      },
      never,
    )
    expect(asked[0]).toMatchObject({
      minTime: 1000,
      maxTime: 60_000,
      matchers: ASKED.matchers,
      maxResolutionWindow: 300_000,
      aggregates: ['COUNT', 'SUM'],
      partialResponseStrategy: 'WARN',
      partialResponseDisabled: false,
      skipChunks: false,
      withoutReplicaLabels: [],
      limit: 0,
      shardInfo: undefined,
      responseBatchSize: 64,
    })
    expect(tenant).toBe('team-a')
    expect(asked[1]).toMatchObject({
      minTime: -Number.MAX_SAFE_INTEGER,
      maxTime: Number.MAX_SAFE_INTEGER,
      maxResolutionWindow: Number.MAX_SAFE_INTEGER,
      partialResponseStrategy: 'ABORT',
      partialResponseDisabled: true,
      skipChunks: true,
    })
  })

  it.each([
    ['counter', ['COUNTER']],
    ['min', ['MIN']],
    ['count', ['COUNT']],
  ] as const)('of downsampled chunks: %s', async (aggregation, aggregates) => {
    const asked: SeriesRequest[] = []
    const { source } = await sourceOf({ series: async (request) => void asked.push(request) })
    await source.select({ ...ASKED, aggregation }, never)
    expect(asked[0]!.aggregates).toEqual(aggregates)
  })

  it('has a matcher of series, since endpoints refuse a request of external labels alone', async () => {
    const asked: SeriesRequest[] = []
    const { source } = await sourceOf({ series: async (request) => void asked.push(request) })
    const cluster = { type: '=', name: 'cluster', value: 'a' } as const
    await source.select({ ...ASKED, matchers: [cluster] }, never)
    await source.select({ ...ASKED, matchers: [cluster, ...ASKED.matchers] }, never)
    expect(asked.map(({ matchers }) => matchers)).toEqual([
      [cluster, { type: '!=', name: '__name__', value: '' }],
      [cluster, ...ASKED.matchers],
    ])
  })

  it('of labels, with replica labels left out by the endpoint or here', async () => {
    const asked: unknown[] = []
    const { source } = await sourceOf({
      async labelNames(request) {
        asked.push(request)
        return { names: ['job', 'replica'], warnings: ['half'] }
      },
      async labelValues(request) {
        asked.push(request)
        return { values: ['', 'a'] }
      },
    })
    const request = { ...ASKED, hidden: ['replica'], limit: 7 }
    expect(await source.labelNames(request, never)).toEqual({ values: ['job'], warnings: ['half'] })
    expect(await source.labelValues('job', request, never)).toEqual({ values: ['a'], warnings: [] })
    const common = {
      start: 1000,
      end: 60_000,
      limit: 7,
      withoutReplicaLabels: ['replica'],
      matchers: ASKED.matchers,
    }
    expect(asked).toMatchObject([common, { ...common, label: 'job' }])
  })
})

describe('frames', () => {
  it('of one series, of batches, of parts of a series, in any order, are one answer', async () => {
    const series = answering(
      { series: [seriesOf(UP_B, [5000, 1]), seriesOf(UP_A, [5000, 2])] },
      { series: [seriesOf(UP_A, [10_000, 3])] },
      { series: [seriesOf(['job', 'c', '__name__', 'up'], [6000, 9], [90_000, 9])] },
      { series: [seriesOf(UP_B, [5000, 1], [7000, 4])] },
      { series: [seriesOf(['__name__', 'up', 'job', 'late'], [70_000, 1])] },
    )
    const { series: found, warnings } = await selected({ series })
    expect(found).toEqual([
      [
        UP_A,
        [
          [5000, 2],
          [10_000, 3],
        ],
      ],
      [
        UP_B,
        [
          [5000, 1],
          [7000, 4],
        ],
      ],
      [['__name__', 'up', 'job', 'c'], [[6000, 9]]],
    ])
    expect(warnings).toEqual([])
  })

  it('of replicas are merged by which replica a sample is of', async () => {
    const every = (replica: string, shift: number, ...gaps: number[]) =>
      seriesOf(
        [...UP_A, 'replica', replica],
        ...Array.from({ length: 12 }, (_, i): [number, number] => [i * 5000 + shift, shift]).filter(
          (_, i) => !gaps.includes(i),
        ),
      )
    const series = answering({ series: [every('1', 0, 4, 5, 6), every('2', 700)] })
    const { series: found } = await selected({ series })
    expect(found).toHaveLength(1)
    const times = (found[0]![1] as number[][]).map(([t]) => t)
    expect(times).toEqual([
      5000, 10_000, 15_000, 20_700, 25_700, 35_000, 40_000, 45_000, 50_000, 55_000,
    ])
  })

  it('of downsampled chunks are put together', async () => {
    const times = [300_000, 600_000]
    const piece = (...values: number[]) =>
      encodeChunks(columns(times.map((t, i) => [t, values[i]!])))[0]!
    const chunk = { minTimeMs: 300_000, maxTimeMs: 600_000, count: piece(10, 4), sum: piece(50, 2) }
    const answers = {
      info: async () => ({ ...SIDECAR, componentType: 'store' }),
      series: answering({ series: [{ labels: UP_A, chunks: [chunk] }] }),
    }
    const request = { startMs: 0, endMs: 900_000 }
    const { series } = await selected(answers, request, {
      ...SCOPE,
      maxSourceResolutionMs: 300_000,
    })
    expect(series).toEqual([
      [
        UP_A,
        [
          [300_000, 5],
          [600_000, 0.5],
        ],
      ],
    ])
  })
})

describe('an endpoint that fails', () => {
  const good = { series: [seriesOf(UP_A, [5000, 1])] }

  it.each<[string, NonNullable<FakeAnswers['series']>, string, string]>([
    [
      'with an error',
      async () => {
        throw new DomainError('limit', 'too many series')
      },
      'limit',
      'too many series',
    ],
    [
      'in the midst',
      async (request, call, sink) => {
        await answering(good)(request, call, sink)
        throw new DomainError('unavailable', 'gone')
      },
      'unavailable',
      'gone',
    ],
    [
      'with garbage',
      answering(good, Uint8Array.of(0x0a, 0xff, 0xff, 0xff)),
      'corrupt',
      'SeriesResponse: ',
    ],
    [
      'with a chunk that ends before it begins',
      answering({
        series: [
          {
            labels: UP_B,
            chunks: [{ minTimeMs: 5, maxTimeMs: 3, raw: { encoding: 1, data: Uint8Array.of(0) } }],
          },
        ],
      }),
      'corrupt',
      'chunk from 5 to 3',
    ],
    [
      'by a warning',
      answering(good, { warning: 'a block is away' }),
      'unavailable',
      'a block is away',
    ],
  ])('%s', async (_, series, kind, message) => {
    const half = await selected({ series })
    expect(half.warnings).toHaveLength(1)
    expect(half.warnings[0]).toContain(`endpoint A: ${message}`)
    const whole = selected({ series }, {}, { ...SCOPE, partialResponse: false })
    await expect(whole).rejects.toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(message) }),
    )
  })

  it('by saying nothing, is given up after --store.response-timeout', async () => {
    let isOver = false
    const { source } = await sourceOf(
      {
        async series(request, call, sink) {
          call.signal.addEventListener('abort', () => (isOver = true))
          await answering(good)(request, call, sink)
          await new Promise(() => undefined)
        },
      },
      { responseTimeoutMs: 150 },
    )
    await expect(source.select(ASKED, never)).rejects.toThrow(
      expect.objectContaining({ kind: 'timeout', message: 'no answer for 150 ms' }),
    )
    await vi.waitFor(() => expect(isOver).toBe(true))
  })

  it('with too much', async () => {
    const { source } = await sourceOf({ series: answering(good, good, good) }, { maxBytes: 100 })
    await expect(source.select(ASKED, never)).rejects.toThrow(LimitError)
  })

  it('ends when nobody waits', async () => {
    let isOver = false
    const stop = new AbortController()
    const { source } = await sourceOf({
      async series(_, call) {
        call.signal.addEventListener('abort', () => (isOver = true))
        stop.abort(new DomainError('canceled', 'the client went'))
        await new Promise(() => undefined)
      },
    })
    await expect(source.select(ASKED, stop.signal)).rejects.toThrow('the client went')
    await vi.waitFor(() => expect(isOver).toBe(true))
    await expect(
      source.labelNames({ ...ASKED, hidden: [], limit: 0 }, stop.signal),
    ).rejects.toThrow('the client went')
  })
})

// Whatever is cut into packs and blocks, and in whatever way they overlap: the answers are those over the samples themselves.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { OBJECT_STORE_READ_GAP } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { QueryOutcome, QueryValue } from '#lib/promql/result.ts'
import { answerEvent } from '#lib/query/answer-event.ts'
import { decodeAnswer, encodeAnswer } from '#lib/query/frame.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { type SliceEvent, sliceToEvent } from '#lib/query/slice.ts'
import { slicedBackend, type SlicedBackendParts } from '#lib/query/sliced-backend.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import type { Deduplication, Scope } from '#lib/storage/scope.ts'
import { NO_HINTS, type SeriesSet } from '#lib/storage/storage.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { FreshWorld, MINUTE } from './fresh-world.ts'

const scope: Scope = {
  dedup: true,
  replicaLabels: [],
  deduplication: 'nearest',
  partialResponse: false,
  maxSourceResolutionMs: 0,
}

const TEXTS = [
  'load',
  'load offset 7m',
  'rate(requests_total[5m])',
  'increase(requests_total{host="x"}[20m])',
  'sum by (cluster) (rate(requests_total[2m]))',
  'max_over_time(load[20m:3m])',
  'last_over_time({__name__=~"load|requests_total"}[3m])',
  'count by (__name__) ({host="y",cluster!="b"})',
  'histogram_count(rate(latency[5m]))',
  'latency',
  'count(load @ 900)',
  'absent(load{host="z"})',
  'load{cluster="b"} - on (host) load{cluster="a"}',
]

type Step = (world: FreshWorld) => Promise<void> | void

const CHANGES = ['merge', 'mergeAndKeep', 'ship', 'clean', 'restart']

const stepOf = (changes: readonly string[]): fc.Arbitrary<Step> =>
  fc
    .oneof(
      { weight: 8, arbitrary: fc.constantFrom(0.5, 1, 5, 11) },
      { weight: 4, arbitrary: fc.constantFrom(...changes) },
    )
    .chain((what) =>
      fc.nat(1000).map((pick): Step => (world) => {
        if (typeof what === 'number') return world.advance(what * MINUTE)
        if (what === 'ship') return world.ship()
        if (what === 'clean') return world.clean()
        if (what === 'delete') return world.deleteSome(pick)
        if (what === 'restart') return world.restart(pick)
        return world.merge(pick, 2 + (pick % 7), what === 'mergeAndKeep')
      }),
    )

const step = stepOf([...CHANGES, 'delete'])

async function worldOf(
  seed: number,
  steps: readonly Step[],
  externals: readonly Record<string, string>[],
): Promise<FreshWorld> {
  let state = seed
  const random = (): number => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31
  const readGap = seed % 2 === 0 ? 0 : OBJECT_STORE_READ_GAP
  const world = new FreshWorld(memoryBucket({ readGap }), externals, random)
  for (const one of steps) await one(world)
  // What is deleted counts when a pack says so.
  await world.advance(MINUTE)
  return world
}

const CLUSTERS = [{ cluster: 'a' }, { cluster: 'b', zone: 'ä/1' }]

function partsOf(world: FreshWorld, over: Partial<SlicedBackendParts> = {}): SlicedBackendParts {
  const now = (): number => world.nowMs
  const cache = new StoreCache(1 << 24)
  const runner = { bucket: world.bucket, cache, now }
  return {
    ...runner,
    index: new BucketIndexReader(world.bucket, { now, maxAgeMs: 0 }),
    cut: { sliceBytes: 2000, maxSlices: 5 },
    concurrency: 8,
    // As in another function: what it is told went through JSON.
    invokeSlice: async (slice) => {
      const event = JSON.parse(
        JSON.stringify(sliceToEvent(slice, world.nowMs + 60_000)),
      ) as SliceEvent
      return decodeAnswer(answerEvent(runner, event, encodeAnswer), () =>
        Promise.reject(new Error('no spill')),
      )
    },
    ...over,
  }
}

function range(text: string, startMs: number, endMs: number, stepMs: number): QueryRequest {
  const stepCount = stepMs === 0 ? 1 : Math.floor((endMs - startMs) / stepMs) + 1
  return {
    text,
    grid: { startMs: stepMs === 0 ? endMs : startMs, stepMs, stepCount, endMs },
    scope,
    options: DEFAULT_ENGINE_OPTIONS,
  }
}

function overSamples(
  world: FreshWorld,
  { text, grid, options }: QueryRequest,
): Promise<QueryOutcome> {
  const storage = memoryStorage(world.series())
  return evaluate({ expr: parseExpr(text), text, grid, whole: grid, storage, options })
}

/** Values to twelve digits: sums may be added in another order. */
function seen(value: QueryValue): unknown {
  if (value.type === 'scalar') return [...value.values]
  if (value.type !== 'vector') throw new Error(value.type)
  const close = (name: string, v: unknown): unknown => {
    // What is known of the sample before depends on where chunks begin.
    if (name === 'counterResetHint') return undefined
    return typeof v === 'number' ? Number(v.toPrecision(12)) : v
  }
  return value.series.map(({ labels, presence, values, histograms }) => [
    formatLabels(labels),
    [...values].map((v, i) => {
      if (presence[i] === 2) return JSON.stringify(histograms!.at(i), close)
      return presence[i] === 0 ? 'absent' : v.toPrecision(12)
    }),
  ])
}

const rangeIn = fc.record({
  text: fc.constantFrom(...TEXTS),
  from: fc.integer({ min: -100, max: 999 }).map((part) => part / 1000),
  length: fc.integer({ min: 100, max: 1000 }).map((part) => part / 1000),
  stepMs: fc.constantFrom(0, 15_000, 60_000, 7 * MINUTE),
})

function requestIn(
  world: FreshWorld,
  one: { text: string; from: number; length: number; stepMs: number },
): QueryRequest {
  const startMs = Math.floor(one.from * world.nowMs)
  return range(one.text, startMs, Math.floor(startMs + one.length * world.nowMs), one.stepMs)
}

const seed = fc.integer({ min: 1, max: 2 ** 30 })
const steps = fc.array(step, { minLength: 4, maxLength: 25 })
/** A series of which all is deleted is still there for who asks about labels. */
const stepsThatKeep = fc.array(stepOf(CHANGES), { minLength: 4, maxLength: 25 })

describe('queries over packs and blocks', () => {
  it('answer as over the samples, in slices, warm and cold', async () => {
    await fc.assert(
      fc.asyncProperty(
        seed,
        steps,
        fc.array(rangeIn, { minLength: 3, maxLength: 6 }),
        async (from, done, asked) => {
          const world = await worldOf(from, done, CLUSTERS)
          const backend = slicedBackend(partsOf(world))
          for (const one of [...asked, ...asked]) {
            const request = requestIn(world, one)
            const { value, warnings } = await backend.query(request)
            expect(warnings).toEqual([])
            expect(seen(value)).toEqual(seen((await overSamples(world, request)).value))
          }
        },
      ),
      { numRuns: 60 },
    )
  }, 120_000)

  it('find labels and series, and read samples, as they are', async () => {
    const matchers: Matcher[] = [{ type: '=~', name: '__name__', value: 'load|latency' }]
    await fc.assert(
      fc.asyncProperty(seed, stepsThatKeep, async (from, done) => {
        const world = await worldOf(from, done, CLUSTERS)
        const backend = slicedBackend(partsOf(world))
        const memory = memoryStorage(world.series())
        for (const matcherSets of [[], [matchers]]) {
          const request = { matcherSets, startMs: -Infinity, endMs: Infinity, limit: 0 }
          expect((await backend.labelNames(request, scope)).values).toEqual(
            (await memory.labelNames(request)).values,
          )
          for (const name of ['host', 'zone', '__name__', 'nothing']) {
            expect((await backend.labelValues(name, request, scope)).values).toEqual(
              (await memory.labelValues(name, request)).values,
            )
          }
        }
        const [startMs, endMs] = [world.nowMs * 0.3, world.nowMs * 0.9]
        const labelled = { matcherSets: [matchers], startMs: 0, endMs: world.nowMs, limit: 0 }
        const hints = NO_HINTS
        const selected = await memory.select({ matchers, startMs, endMs, hints })
        const set = await backend.select({ matchers, startMs, endMs, hints }, scope)
        expect(samplesOf(set)).toEqual(samplesOf(selected))
        const { series } = await backend.series(labelled, scope)
        const all = await memory.select({ matchers, startMs: 0, endMs: world.nowMs, hints })
        expect(series).toEqual(all.labels)
      }),
      { numRuns: 30 },
    )
  }, 120_000)

  it('are kept by the results cache only as long as they are true', async () => {
    let cachedSteps = 0
    await fc.assert(
      fc.asyncProperty(
        seed,
        fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 4 }),
        fc.array(rangeIn, { minLength: 1, maxLength: 3 }),
        async (from, rounds, asked) => {
          const world = await worldOf(from, [], CLUSTERS)
          await world.advance(40 * MINUTE)
          const results = new ResultsCache({
            maxBytes: 1 << 24,
            maxFreshnessMs: MINUTE,
            inBucket: true,
            random: () => 0,
          })
          const backend = slicedBackend(partsOf(world, { results }))
          const requests = asked.map((one) => requestIn(world, { ...one, stepMs: 60_000 }))
          for (const done of rounds) {
            for (const one of [...done, (w: FreshWorld) => w.advance(5 * MINUTE)]) await one(world)
            for (const request of [...requests, ...requests]) {
              const { value, cost } = await backend.query(request)
              expect(seen(value)).toEqual(seen((await overSamples(world, request)).value))
              cachedSteps += cost.cachedSteps
            }
          }
        },
      ),
      { numRuns: 20 },
    )
    expect(cachedSteps).toBeGreaterThan(1000)
  }, 120_000)

  it('merge replicas as if all were in blocks', async () => {
    const replicas = ['r0', 'r1'].map((replica) => ({ cluster: 'a', replica }))
    await fc.assert(
      fc.asyncProperty(seed, steps, rangeIn, async (from, done, one) => {
        const world = await worldOf(from, done, replicas)
        const request = requestIn(world, one)
        const merging = { ...request, scope: { ...scope, replicaLabels: ['replica'] } }
        const { value } = await slicedBackend(partsOf(world)).query(merging)
        const bucket = await world.asBlocks()
        const index = new BucketIndexReader(bucket, { now: () => world.nowMs, maxAgeMs: 0 })
        const inBlocks = slicedBackend(partsOf(world, { bucket, index, invokeSlice: undefined }))
        expect(seen(value)).toEqual(seen((await inBlocks.query(merging)).value))
      }),
      { numRuns: 30 },
    )
  }, 120_000)

  it.each<Deduplication>(['penalty', 'chain'])(
    'have each sample once where they are read as Thanos reads: %s',
    async (deduplication) => {
      await fc.assert(
        fc.asyncProperty(seed, steps, rangeIn, async (from, done, one) => {
          const world = await worldOf(from, done, CLUSTERS)
          const backend = slicedBackend(partsOf(world))
          const plain = requestIn(world, { ...one, text: 'count_over_time(load[10m])' })
          for (const dedup of [true, false]) {
            const replicaLabels = ['replica']
            const request = { ...plain, scope: { ...scope, deduplication, dedup, replicaLabels } }
            const { value } = await backend.query(request)
            expect(seen(value)).toEqual(seen((await overSamples(world, request)).value))
          }
        }),
        { numRuns: 30 },
      )
    },
    120_000,
  )
})

it('leaves out a pack that is broken, and says which, or fails where half an answer would not do', async () => {
  for (const seedOfGap of [1, 2]) {
    const world = await worldOf(seedOfGap, [(one) => one.advance(5 * MINUTE)], CLUSTERS)
    const { index } = partsOf(world)
    const [pack] = await index.blocks(0, world.nowMs)
    const { body } = await world.bucket.get(pack!.id)
    body[50]! ^= 1
    await world.bucket.put(pack!.id, body)
    const request = range('count(load)', 0, 5 * MINUTE, MINUTE)
    await expect(slicedBackend(partsOf(world)).query(request)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining(pack!.id) as string,
    })
    const half = { ...request, scope: { ...scope, partialResponse: true } }
    const { value, warnings } = await slicedBackend(partsOf(world)).query(half)
    expect(warnings).toEqual([expect.stringContaining(`block ${pack!.id} is left out`)])
    expect(value.type === 'vector' && value.series.length).toBe(1)
  }
})

describe('when packs went between their listing and their reading', () => {
  const matchers: Matcher[] = [{ type: '=', name: '__name__', value: 'load' }]
  const labelled = { matcherSets: [matchers], startMs: 0, endMs: 60 * MINUTE, limit: 0 }
  const selected = { matchers, startMs: 0, endMs: 60 * MINUTE, hints: NO_HINTS }
  const all = range('load', 0, 60 * MINUTE, MINUTE)

  it.each<[string, (backend: QueryBackend) => Promise<unknown>]>([
    ['a query', async (backend) => seen((await backend.query(all)).value)],
    ['series', async (backend) => (await backend.series(labelled, scope)).series],
    [
      'label values',
      async (backend) => (await backend.labelValues('host', labelled, scope)).values,
    ],
    ['samples', async (backend) => samplesOf(await backend.select(selected, scope))],
    [
      'cardinality',
      async (backend) =>
        (await backend.cardinality({ matchers: [], limit: 9 }, scope)).seriesByMetric,
    ],
  ])('%s is planned again, with the list and the index of now', async (_, ask) => {
    const world = await worldOf(1, [(one) => one.advance(19 * MINUTE)], CLUSTERS)
    await world.advance(2 * MINUTE)
    const expected = await ask(slicedBackend(partsOf(world)))
    const merge = async (): Promise<void> => {
      for (const writer of [0, 1]) await world.merge(writer, 2, false)
    }
    const ship = async (): Promise<void> => {
      await world.ship()
      await world.clean()
    }
    for (const change of [merge, ship]) {
      const index = new BucketIndexReader(world.bucket, { now: () => world.nowMs, maxAgeMs: 1e9 })
      const [first] = await index.blocks(-Infinity, Infinity)
      await change()
      await expect(world.bucket.head(first!.id)).rejects.toThrow('no object')
      expect(await ask(slicedBackend(partsOf(world, { index })))).toEqual(expected)
    }
  })
})

/** Of the series that have any. */
function samplesOf(set: SeriesSet): unknown {
  return set.labels.flatMap((labels, i) => {
    const { length, timestamps, values } = set.samples(i)
    if (length === 0) return []
    const times = [...timestamps.subarray(0, length)]
    return [[formatLabels(labels), times, [...values.subarray(0, length)]]]
  })
}

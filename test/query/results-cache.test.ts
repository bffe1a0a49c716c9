import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { QueryAnswer, QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { ChangingBucket, HOUR } from './changing-bucket.ts'

const MINUTE = 60_000

interface Cached {
  readonly results?: ResultsCache
}

/** `random` of Infinity writes nothing at once, of 0 everything. */
const newCache = (maxBytes = 1 << 24, random = Infinity): ResultsCache =>
  new ResultsCache({ maxBytes, maxFreshnessMs: MINUTE, inBucket: true, random: () => random })

function backend(world: ChangingBucket, { results }: Cached, sliceBytes = 3000): QueryBackend {
  const now = (): number => world.nowMs
  return slicedBackend({
    bucket: world.bucket,
    cache: new StoreCache(1 << 24),
    index: new BucketIndexReader(world.bucket, { now, maxAgeMs: 0 }),
    now,
    cut: { sliceBytes, maxSlices: 8 },
    concurrency: 8,
    results,
  })
}

function range(text: string, startMs: number, endMs: number, stepMs: number): QueryRequest {
  const stepCount = Math.floor((endMs - startMs) / stepMs) + 1
  return {
    text,
    grid: { startMs, stepMs, stepCount, endMs },
    scope: {
      dedup: true,
      replicaLabels: ['replica'],
      deduplication: 'nearest',
      partialResponse: true,
      maxSourceResolutionMs: 0,
    },
    options: {
      ...DEFAULT_ENGINE_OPTIONS,
      features: new Set(['promql-experimental-functions'] as const),
    },
  }
}

/** All that a client may see, with the bits of every number. */
function seen({ value, annotations, warnings }: QueryAnswer): unknown {
  const lists = [annotations.warnings, annotations.infos, warnings].map((list) => list.toSorted())
  const said = [...lists, annotations.places]
  if (value.type === 'scalar') return [said, Buffer.from(value.values.slice().buffer)]
  if (value.type !== 'vector') throw new Error(value.type)
  const series = value.series.map(({ labels, presence, values, histograms }) => [
    formatLabels(labels),
    [...presence],
    [...values].map((v, i) => {
      if (presence[i] === 2) return histograms!.at(i)
      return presence[i] === 0 ? '' : Buffer.from(Float64Array.of(v).buffer).toString('hex')
    }),
  ])
  return [said, series]
}

interface Asked {
  readonly seen: unknown
  readonly cachedSteps: number
}

/** An error is an answer too. */
async function ask(to: QueryBackend, one: QueryRequest): Promise<Asked> {
  try {
    const answer = await to.query(one)
    return { seen: seen(answer), cachedSteps: answer.cost.cachedSteps }
  } catch (error) {
    return { seen: String(error), cachedSteps: 0 }
  }
}

const TEXTS = [
  'rate(requests_total[5m])',
  'sum by (cluster) (rate(requests_total[5m]))',
  'load',
  'load offset 3h',
  'load offset -1h',
  'max_over_time(load[20m:3m])',
  'topk(2, load)',
  'sort_desc(load)',
  'sort_by_label(load, "host")',
  'load > 2',
  'rate(latency[10m])',
  'histogram_quantile(0.9, sum by (cluster) (rate(latency[10m])))',
  'latency',
  'rate(load[5m])', // says that it may be no counter
  'quantile(1.5, load)', // says that this is no quantile
  'load or latency', // floats and histograms
  'sum by (host) (load or latency)', // says that it can't mix them
  'rate(mixed[5m])', // says so where both are in a range
  'sum(mixed)',
  'histogram_quantile(0.5, mixed)',
  'rate(load[5m]) or rate(load[10m])', // says so twice
  'rate(mixed[5m]) or rate(mixed[7m])',
  'absent(load{cluster="b"})',
  'scalar(sum(load))',
  'load @ end() - load @ start()',
  'load @ 30000',
  'load * step()',
  'sum(load) / range()',
  'vector(time())',
  'rate({__name__=~"requests_total|load"}[5m])', // not answered in parts
  'label_replace(load, "host", "z", "host", "x")',
  'count_values("v", requests_total > bool 4000)',
]

const HOURS = 14

/** Of few queries, so that answers meet. */
const requests = fc
  .uniqueArray(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 2 })
  .chain((texts) =>
    fc.array(
      fc
        .record({
          text: fc.constantFrom(...texts),
          startMinute: fc.constantFrom(0, 100, 120, 120.5, 240),
          minutes: fc.constantFrom(20, 140, 240, 371, 600),
          stepMs: fc.constantFrom(30_000, MINUTE, 2 * MINUTE),
        })
        .map(({ text, startMinute, minutes, stepMs }) =>
          range(text, startMinute * MINUTE, (startMinute + minutes) * MINUTE, stepMs),
        ),
      { minLength: 2, maxLength: 5 },
    ),
  )

type Change = (world: ChangingBucket) => Promise<void>

const change: fc.Arbitrary<Change> = fc
  .tuple(fc.constantFrom('compact', 'lateBlock', 'deleteBlock', 'restoreBlock'), fc.nat())
  .map(
    ([what, pick]) =>
      (world) =>
        world[what as 'compact'](pick),
  )

describe('the results cache', () => {
  it('never changes an answer, whatever comes, goes and is compacted in between', async () => {
    let cachedSteps = 0
    let fromBucket = 0
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.array(fc.array(change, { maxLength: 2 }), { minLength: 2, maxLength: 3 }),
        async (asked, rounds) => {
          const world = new ChangingBucket(HOURS)
          await world.fill()
          const results = newCache(1 << 24, 0)
          for (const changes of rounds) {
            for (const apply of changes) await apply(world)
            // Twice: from the blocks, and from what was kept of them.
            for (const one of [...asked, ...asked]) {
              const plain = await ask(backend(world, {}), one)
              const answer = await ask(backend(world, { results }), one)
              expect(answer.seen).toEqual(plain.seen)
              cachedSteps += answer.cachedSteps
            }
            // A function that has just started has the bucket only.
            for (const one of asked) {
              const plain = await ask(backend(world, {}, 1 << 30), one)
              const cold = await ask(backend(world, { results: newCache() }, 1 << 30), one)
              expect(cold.seen).toEqual(plain.seen)
              fromBucket += cold.cachedSteps
            }
          }
        },
      ),
      { numRuns: 15 },
    )
    expect(cachedSteps).toBeGreaterThan(10_000)
    expect(fromBucket).toBeGreaterThan(1000)
  }, 120_000)

  async function filled(): Promise<ChangingBucket> {
    const world = new ChangingBucket(HOURS)
    await world.fill()
    return world
  }

  /** Hours 0 to 6: three cells at a step of a minute. */
  const sixHours = (text: string): QueryRequest => range(text, 0, 6 * HOUR - MINUTE, MINUTE)

  async function objects(world: ChangingBucket): Promise<string[]> {
    const keys: string[] = []
    for await (const page of world.bucket.list('thaw/results/')) {
      keys.push(...page.objects.map(({ key }) => key))
    }
    return keys
  }

  it('answers again without reading a block', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache() })
    const first = await cached.query(sixHours('load'))
    expect(first.cost).toMatchObject({ steps: 360, cachedSteps: 0, puts: 14 }) // lookups of its blocks
    const second = await cached.query(sixHours('load'))
    // Only the index is asked for.
    expect(second.cost).toMatchObject({ slices: 0, cachedSteps: 360, gets: 1, puts: 0 })
    expect(seen(second)).toEqual(seen(first))
    expect(await objects(world)).toEqual([])
  })

  it('gives the bucket whole cells, as likely as they cost a write, and answers other functions from there', async () => {
    const world = await filled()
    const first = await backend(world, { results: newCache(1 << 24, 0) }).query(sixHours('load'))
    expect(await objects(world)).toHaveLength(3)
    const elsewhere = await backend(world, { results: newCache() }).query(sixHours('load'))
    expect(elsewhere.cost).toMatchObject({ cachedSteps: 360, gets: 4, puts: 0 })
    expect(seen(elsewhere)).toEqual(seen(first))
    const cache = newCache(1 << 24, 0.5)
    expect([2.4e-6, 2.6e-6, 1].map((usd) => cache.isWorthStoring(usd))).toEqual([false, true, true])
  })

  it('reads only the steps it does not have', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache() })
    await cached.query(range('load', HOUR, 3 * HOUR, MINUTE))
    const wider = range('load', 0, 4 * HOUR, MINUTE)
    const answer = await cached.query(wider)
    expect(answer.cost).toMatchObject({ steps: 241, cachedSteps: 121 })
    expect(seen(answer)).toEqual(seen(await backend(world, {}).query(wider)))
    expect((await cached.query(wider)).cost.cachedSteps).toBe(241)
  })

  it('keeps nothing young, and writes no cell whose blocks have not come', async () => {
    const world = await filled()
    world.nowMs = 2 * HOUR
    const cached = backend(world, { results: newCache(1 << 24, 0) })
    const request = range('load', HOUR, 3 * HOUR, MINUTE)
    await cached.query(request)
    const again = await cached.query(request)
    // From one o'clock to a minute before two.
    expect(again.cost).toMatchObject({ steps: 121, cachedSteps: 60 })
    world.nowMs = HOURS * HOUR + 2 * HOUR
    const late = range('load', (HOURS - 2) * HOUR, (HOURS + 2) * HOUR - MINUTE, MINUTE)
    await cached.query(late)
    // The cell behind the last block has nothing but lookback.
    expect(await objects(world)).toEqual([expect.stringMatching(`/${(HOURS - 2) * HOUR}/`)])
  })

  it('forgets what a block that came, went or was compacted may have changed, and only that', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache() })
    await cached.query(sixHours('load'))
    await world.lateBlock(1) // cluster b, hours 4 to 6
    const answer = await cached.query(sixHours('load'))
    // Replicas are merged by samples a quarter of an hour around, so the cell before is asked again, too.
    expect(answer.cost).toMatchObject({ cachedSteps: 120 })
    expect(seen(answer)).toEqual(seen(await backend(world, {}).query(sixHours('load'))))
    expect((await cached.query(sixHours('load'))).cost.cachedSteps).toBe(360)
  })

  it('keeps no answer that lacks a block', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache() })
    const [block] = await new BucketIndexReader(world.bucket, {
      now: () => world.nowMs,
      maxAgeMs: 0,
    }).blocks(0, HOUR)
    const index = await world.bucket.get(`${block!.id}/index`)
    await world.bucket.delete(`${block!.id}/index`)
    const lacking = await cached.query(sixHours('load'))
    expect(lacking.warnings).toHaveLength(1)
    await world.bucket.put(`${block!.id}/index`, index.body)
    const answer = await cached.query(sixHours('load'))
    expect(answer.cost.cachedSteps).toBe(0)
    expect(answer.warnings).toEqual([])
  })

  it('says of each step what is said of it alone', async () => {
    const world = await filled()
    const plain = backend(world, {})
    const cached = backend(world, { results: newCache() })
    const text = 'rate(mixed[5m])'
    const halfHours = Array.from({ length: 12 }, (_, i) =>
      range(text, i * 30 * MINUTE, (i + 1) * 30 * MINUTE, MINUTE),
    )
    const cells = [0, 2, 4].map((hour) =>
      range(text, hour * HOUR, (hour + 2) * HOUR - MINUTE, MINUTE),
    )
    const parts = [...cells, ...halfHours]
    const said = await Promise.all(parts.map((part) => plain.query(part)))
    const counts = said.map(({ annotations }) => annotations.warnings.length)
    expect(counts.slice(0, 3)).toEqual([0, 1, 1])
    expect(new Set(counts.slice(3)).size).toBe(2)
    // Twice: the first answer is of all cells together, the second of each of them.
    for (let i = 0; i < 3; i++) await cached.query(sixHours(text))
    expect((await cached.query(sixHours(text))).cost.cachedSteps).toBe(360)
    for (const [i, part] of parts.entries()) {
      expect(seen(await cached.query(part))).toEqual(seen(said[i]!))
    }
  })

  it('answers from an answer with denser steps', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache() })
    await cached.query(range('load', 0, 6 * HOUR - MINUTE, 30_000))
    const sparse = range('load', HOUR, 5 * HOUR, 5 * MINUTE)
    const answer = await cached.query(sparse)
    expect(answer.cost).toMatchObject({ steps: 49, cachedSteps: 49, slices: 0 })
    expect(seen(answer)).toEqual(seen(await backend(world, {}).query(sparse)))
    const off = range('load', HOUR + 1000, 5 * HOUR, 5 * MINUTE)
    expect((await cached.query(off)).cost.cachedSteps).toBe(0)
  })

  it('makes nothing of an object that is broken', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache(1 << 24, 0) })
    await cached.query(sixHours('load'))
    expect(await objects(world)).toHaveLength(3)
    for (const key of await objects(world)) await world.bucket.put(key, new Uint8Array(9))
    const answer = await backend(world, { results: newCache() }).query(sixHours('load'))
    expect(answer.cost.cachedSteps).toBe(0)
    expect(seen(answer)).toEqual(seen(await backend(world, {}).query(sixHours('load'))))
  })

  it('gives no tenant what another one was answered', async () => {
    const world = await filled()
    const results = newCache(1 << 24, 0)
    const asTenant = (cluster: string): QueryRequest => {
      const request = sixHours('load')
      const enforced = [{ type: '=', name: 'cluster', value: cluster }] as const
      return { ...request, scope: { ...request.scope, enforced } }
    }
    for (const cluster of ['a', 'b', 'a', 'b']) {
      const answer = await backend(world, { results }).query(asTenant(cluster))
      expect(seen(answer)).toEqual(seen(await backend(world, {}).query(asTenant(cluster))))
      expect(JSON.stringify(seen(answer))).not.toContain(cluster === 'a' ? '\\"b\\"' : '\\"a\\"')
    }
  })

  it('stays within its memory', async () => {
    const world = await filled()
    const cached = backend(world, { results: newCache(2000) })
    for (let i = 0; i < 2; i++) await cached.query(sixHours('load'))
    expect((await cached.query(sixHours('load'))).cost.cachedSteps).toBe(0)
  })

  it.each(['analyze', 'instant'])('leaves a query alone: %s', async (what) => {
    const world = await filled()
    const cached = backend(world, { results: newCache() })
    const whole = sixHours('load')
    const request: QueryRequest =
      what === 'analyze'
        ? { ...whole, analyze: true }
        : { ...whole, grid: { startMs: HOUR, stepMs: 0, stepCount: 1 } }
    for (let i = 0; i < 2; i++) expect((await cached.query(request)).cost.cachedSteps).toBe(0)
  })
})

/** What rules read, and what it takes. */
import { describe, expect, it, vi } from 'vitest'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { labelsFrom, labelsToRecord } from '#lib/model/labels.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import type { ResultSample, RuleAnswer } from '#lib/rules/evaluate/contract.ts'
import type { RuleReads } from '#lib/rules/reads/rule-reads.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { blockSource } from '../../query/block-source.ts'
import { BEGIN, HOUR, MINUTE, RULER, RuleWorld } from '../rule-world.ts'

const ABORT = { partialResponse: 'abort' } as const
const WARN = { partialResponse: 'warn' } as const

function made(timeMs: number, value: number, more: Readonly<Record<string, string>> = {}) {
  const labels = labelsFrom({ __name__: 'made', ...more })
  return { labels, timeMs, value } satisfies ResultSample
}

const shown = ({ samples }: RuleAnswer): unknown[] =>
  samples.map(({ labels, value }) => [labelsToRecord(labels), value])

async function filled(parts?: ConstructorParameters<typeof RuleWorld>[0]): Promise<RuleWorld> {
  const world = new RuleWorld(parts)
  await world.fillBlocks()
  const fromMs = world.nowMs
  world.nowMs += 10 * MINUTE
  await world.fillPacks(fromMs)
  return world
}

async function deletePacksOfOne(world: RuleWorld): Promise<void> {
  for (const key of await world.keys('thaw/fresh/')) {
    if (key.includes('cluster=us')) await world.bucket.delete(key)
  }
}

describe('what rules read', () => {
  it('is a vector, or a scalar as one sample without labels, and nothing else', async () => {
    const world = await filled()
    const ask = (expr: string): Promise<RuleAnswer> =>
      world.reads.query(expr, world.nowMs - MINUTE, ABORT)
    expect(shown(await ask('scalar(count(load)) + 1'))).toEqual([[{}, 7]])
    expect(shown(await ask('count by (cluster) (load)'))).toEqual([
      [{ cluster: 'eu' }, 3],
      [{ cluster: 'us' }, 3],
    ])
    expect(await ask('load > 1e9')).toEqual({ samples: [], warnings: [] })
    for (const expr of ['"text"', 'load[5m]']) {
      await expect(ask(expr)).rejects.toMatchObject({
        kind: 'invalid',
        message: 'rule result is not a vector or scalar',
      })
    }
    await expect(ask('sum(')).rejects.toMatchObject({ kind: 'invalid' })
    await expect(ask('load * on (cluster) load')).rejects.toMatchObject({
      kind: 'execution',
      message: expect.stringMatching(/^found duplicate series for the match group/) as string,
    })
  })

  it('has what was written in this tick, under the external labels, until the next one begins', async () => {
    const world = await filled()
    const timeMs = world.nowMs - MINUTE
    const ask = async (expr: string): Promise<unknown[]> =>
      shown(await world.reads.query(expr, timeMs, ABORT))
    expect(await ask('made')).toEqual([])
    world.reads.write([made(timeMs, 1, { host: 'a' }), made(timeMs, 2, { host: 'b' })])
    expect(await ask('made')).toEqual([
      [{ __name__: 'made', host: 'a', ...RULER }, 1],
      [{ __name__: 'made', host: 'b', ...RULER }, 2],
    ])
    world.reads.write([{ ...made(timeMs + 1, NaN, { host: 'a' }), stale: true }])
    world.reads.write([made(timeMs - 2 * MINUTE, 7, { host: 'c' })])
    expect(await ask('count by (host) ({host=~"a|c", ruler="thaw"})')).toEqual([
      [{ host: 'a' }, 1],
      [{ host: 'c' }, 1],
    ])
    expect(await ask('made{ruler="other"}')).toEqual([])
    expect(shown(await world.reads.query('made', timeMs + 1, ABORT))).toEqual([
      [{ __name__: 'made', host: 'b', ...RULER }, 2],
      [{ __name__: 'made', host: 'c', ...RULER }, 7],
    ])
    expect(await ask('sum(load) * 0 + on() sum(made)')).toEqual([[{}, 10]])
    world.reads.begin()
    expect(await ask('made')).toEqual([])
  })

  it('has results once, whether they are in the bucket, in this tick or both', async () => {
    const world = await filled()
    const timeMs = world.nowMs - MINUTE
    const results = [made(timeMs - MINUTE, 1), made(timeMs, 2)]
    const place = { externalLabels: labelsFrom(RULER), epoch: world.epoch, number: 0 }
    const pack = resultPack(results, place)!
    await world.bucket.put(pack.key, pack.bytes)
    world.reads.write([results[1]!, made(timeMs + 1, 3)])
    const asked = world.reads.query('sum_over_time(made[5m])', timeMs + 1, ABORT)
    expect(shown(await asked)).toEqual([[RULER, 6]])
  })

  it('is one series of the replicas of a ruler', async () => {
    const world = await filled({
      externalLabels: { ruler: 'thaw', replica: '0' },
      replicaLabels: ['replica'],
    })
    const timeMs = world.nowMs - MINUTE
    const externalLabels = labelsFrom({ ruler: 'thaw', replica: '1' })
    const place = { externalLabels, epoch: world.epoch, number: 0 }
    const pack = resultPack([made(timeMs - 2 * MINUTE, 1), made(timeMs - MINUTE, 1)], place)!
    await world.bucket.put(pack.key, pack.bytes)
    world.reads.begin()
    world.reads.write([made(timeMs - MINUTE, 1), made(timeMs, 1)])
    const ask = async (expr: string): Promise<unknown[]> =>
      shown(await world.reads.query(expr, timeMs, ABORT))
    expect(await ask('made')).toEqual([[{ __name__: 'made', ruler: 'thaw' }, 1]])
    expect(await ask('count_over_time(made[5m])')).toEqual([[{ ruler: 'thaw' }, 3]])
  })

  it('has stored samples of a selector, those of this tick too', async () => {
    const world = await filled()
    const timeMs = world.nowMs - MINUTE
    world.reads.write([made(timeMs, 4)])
    const matchers = [{ name: '__name__', type: '=', value: 'made' }] as const
    const request = { matchers, startMs: timeMs - HOUR, endMs: timeMs, hints: NO_HINTS }
    const set = await world.reads.select(request)
    expect(set.labels.map(labelsToRecord)).toEqual([{ __name__: 'made', ...RULER }])
    const { length, values } = set.samples(0)
    expect([...values.subarray(0, length)]).toEqual([4])
  })

  it('ends with the words of Prometheus when it takes too long, or when nobody waits', async () => {
    const hanging = faultyBucket(new RuleWorld().bucket, {
      on: ['list'],
      fault: { type: 'delay', until: () => new Promise(() => undefined) },
    })
    const world = await filled()
    const ask = (timeoutMs: number, signal?: AbortSignal): Promise<RuleAnswer> =>
      world
        .newReads({ bucket: hanging.bucket, timeoutMs })
        .query('load', world.nowMs, { ...ABORT, signal })
    await expect(ask(5)).rejects.toMatchObject({
      kind: 'timeout',
      message: 'query timed out in expression evaluation',
    })
    const stop = new AbortController()
    const asked = ask(10_000, stop.signal)
    stop.abort()
    await expect(asked).rejects.toMatchObject({
      kind: 'canceled',
      message: 'query was canceled in expression evaluation',
    })
    await expect(
      world
        .newReads({ engine: { ...DEFAULT_ENGINE_OPTIONS, maxSamples: 3 } })
        .query('load', world.nowMs, ABORT),
    ).rejects.toMatchObject({
      kind: 'limit',
      message: 'query processing would load too many samples into memory in query execution',
    })
  })

  describe('where something can not be read', () => {
    it('is an error of rules that want all, and half an answer with a warning of others', async () => {
      const world = await filled()
      const faulty = faultyBucket(world.bucket, {
        key: /cluster=us/,
        fault: { type: 'fail', error: unavailableError('away') },
      })
      const reads = world.newReads({ bucket: faulty.bucket })
      const timeMs = world.nowMs - MINUTE
      await expect(reads.query('count(load)', timeMs, ABORT)).rejects.toMatchObject({
        kind: 'unavailable',
      })
      const answer = await reads.query('count(load)', timeMs, WARN)
      expect(shown(answer)).toEqual([[{}, 3]])
      expect(answer.warnings.length).toBeGreaterThan(0)
    })

    it('as it went meanwhile, is planned again with what is there now', async () => {
      for (const partial of [ABORT, WARN]) {
        const world = await filled()
        // What there is is known from here on, and of it nothing is read yet.
        await world.reads.query('load', BEGIN + HOUR, ABORT)
        await deletePacksOfOne(world)
        const answer = await world.reads.query('count(latency)', world.nowMs - MINUTE, partial)
        expect(answer).toMatchObject({ warnings: [] })
        expect(shown(answer)).toEqual([[{}, 3]])
      }
    })
  })

  it('may come from other StoreAPIs too', async () => {
    const world = await filled()
    const other = new RuleWorld()
    await other.fillBlocks()
    const { BucketIndexReader } = await import('#lib/blocks/bucket-index.ts')
    const index = new BucketIndexReader(other.bucket, { now: other.now, maxAgeMs: 0 })
    const source = blockSource(other.bucket, await index.blocks(BEGIN, BEGIN + 2 * HOUR))
    const reads = world.newReads({
      bucket: new RuleWorld().bucket,
      sources: async () => [source],
    })
    const timeMs = BEGIN + 2 * HOUR - MINUTE
    reads.write([made(timeMs, 5)])
    expect(shown(await reads.query('count(latency) + on() made', timeMs, ABORT))).toEqual([
      [{}, 11],
    ])
    expect(source.asked).toEqual(['series', 'series'])
  })
})

const RULES = [
  'sum by (cluster) (rate(requests_total[5m]))',
  'max by (cluster) (rate(requests_total[5m]))',
  'requests_total > 10',
  'rate(requests_total{host="x"}[1m])',
  'load > 2',
  'avg_over_time(load[5m])',
  'histogram_quantile(0.9, sum(rate(latency[5m])))',
  'absent(made)',
]

async function evaluateAll(reads: RuleReads, timeMs: number): Promise<void> {
  reads.begin()
  await Promise.all(RULES.map((expr) => reads.query(expr, timeMs, ABORT)))
}

describe('what reading takes', () => {
  it('looks once in a tick what there is, and reads what it has not read', async () => {
    const world = await filled()
    const counting = countingBucket(world.bucket, { lockstep: true })
    const { bucket, counts } = counting
    const cache = new StoreCache(1 << 26)
    const pages = vi.spyOn(cache, 'keepPage')
    const reads = world.newReads({ bucket, cache })
    await evaluateAll(reads, world.nowMs - MINUTE)
    // However many want it at the same time, a page is unpacked once.
    expect(pages).toHaveBeenCalledTimes(21)
    // The index, and of two clusters the packs of five minutes: directory and pages at once, as they are small.
    expect(counts).toMatchObject({ lists: 1, gets: 1 + 21, puts: 0, roundTrips: 2 })
    counting.reset()
    await world.tick()
    await evaluateAll(reads, world.nowMs - MINUTE)
    // Two of each cluster came.
    expect(counts).toMatchObject({ lists: 1, gets: 1 + 2 * 2, puts: 0, roundTrips: 2 })
    counting.reset()
    reads.write([made(world.nowMs, 1)])
    for (const expr of RULES) await reads.query(expr, world.nowMs - MINUTE, ABORT)
    expect(counts).toMatchObject({ lists: 0, gets: 0 })
  })

  it('evaluates the same at the same time once, unless something was written that it reads', async () => {
    const world = await filled()
    const reads = world.newReads()
    const timeMs = world.nowMs - MINUTE
    const ask = (expr: string): Promise<RuleAnswer> => reads.query(expr, timeMs, ABORT)
    const [first, second] = await Promise.all([ask('sum(load)'), ask('sum(load)')])
    expect(second).toBe(first)
    reads.write([made(timeMs, 1)])
    expect(await ask('sum(load)')).toBe(first)
    const any = await ask('count({ruler="thaw"})')
    const own = await ask('count(made)')
    reads.write([made(timeMs, 1, { host: 'b' })])
    expect(await ask('sum(load)')).toBe(first)
    expect(shown(await ask('count({ruler="thaw"})'))).not.toEqual(shown(any))
    expect(shown(await ask('count(made)'))).not.toEqual(shown(own))
    reads.begin()
    expect(await ask('sum(load)')).not.toBe(first)
  })

  it('looks again once, however many find something gone', async () => {
    const world = await filled()
    const counting = countingBucket(world.bucket, { lockstep: true })
    const { bucket, counts } = counting
    const reads = world.newReads({ bucket })
    await reads.query('load', BEGIN + HOUR, ABORT)
    counting.reset()
    await deletePacksOfOne(world)
    await Promise.all(RULES.map((expr) => reads.query(expr, world.nowMs - MINUTE, ABORT)))
    expect(counts.lists).toBe(1)
  })
})

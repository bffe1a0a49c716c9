/** Rules that read each other's results, over an hour: what they read of a bucket is what they would read of a memory. */
import { describe, expect, it } from 'vitest'
import { labelsKey, labelsToRecord, setLabel, withoutLabels } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { ResultSample, VectorSample } from '#lib/rules/evaluate/contract.ts'
import { instantVector } from '#lib/rules/reads/instant-vector.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { RuleWorld } from '../rule-world.ts'

/** By name, in their order: each sees what those before it wrote in the same tick, and all of earlier ticks. */
const RULES: readonly (readonly [record: string, expr: string])[] = [
  ['cluster:requests:rate5m', 'sum by (cluster) (rate(requests_total[5m]))'],
  ['cluster:requests:max10m', 'max_over_time(cluster:requests:rate5m[10m])'],
  [
    'cluster:requests:share',
    'cluster:requests:rate5m / on() group_left() sum(cluster:requests:rate5m)',
  ],
  ['cluster:requests:before', 'cluster:requests:rate5m offset 7m'],
  ['cluster:latency:sum', 'sum by (cluster) (latency)'],
  ['cluster:latency:p90', 'histogram_quantile(0.9, rate(cluster:latency:sum[6m]))'],
  ['high', 'load > 2'],
  ['high:count', 'count(high)'],
  ['high:seen', 'count_over_time(high[15m])'],
  ['ALERTS', 'high > 3'],
  ['alerting', 'count by (host, ruler) (ALERTS{host!="x"})'],
  ['any', 'count by (__name__) ({__name__=~"high.*|ALERTS", ruler="thaw"})'],
  ['mixed', 'sum(load) + on() sum(high)'],
  ['ratio:nan', 'sum(high) - sum(high) / 0 * 0'],
  ['ratio:was', 'present_over_time({__name__=~"ratio:n.*"}[3m])'],
  ['clock', 'time()'],
]

async function ofMemory(storage: Storage, text: string, timeMs: number): Promise<VectorSample[]> {
  const grid = { startMs: timeMs, stepMs: 0, stepCount: 1 }
  const options = DEFAULT_ENGINE_OPTIONS
  const asked = { expr: parseExpr(text), text, grid, whole: grid, storage, options }
  return instantVector((await evaluate(asked)).value)
}

/** Whether a histogram is known not to begin anew depends on where chunks begin. */
function shown({ labels, value, histogram }: VectorSample): string {
  const { counterResetHint: _, ...rest } = histogram ?? {}
  return JSON.stringify([labelsToRecord(labels), String(value), rest])
}

class Recorder {
  readonly #last = new Map<string, readonly (readonly string[])[]>()

  /** What a recording rule writes, with markers for what was there the last time. */
  results(record: string, samples: readonly VectorSample[], timeMs: number): ResultSample[] {
    const written = samples.map(({ labels, value, histogram }): ResultSample => {
      const own = withoutLabels(labels, new Set(['__name__', 'ruler']))
      return { labels: setLabel(own, '__name__', record), timeMs, value, histogram }
    })
    const keys = new Set(written.map(({ labels }) => labelsKey(labels)))
    const gone = (this.#last.get(record) ?? []).filter((labels) => !keys.has(labelsKey(labels)))
    this.#last.set(
      record,
      written.map(({ labels }) => labels),
    )
    return [
      ...written,
      ...gone.map((labels): ResultSample => ({ labels, timeMs, value: NaN, stale: true })),
    ]
  }
}

const isResult = (key: string): boolean => key.includes('/ruler=thaw/')

describe('rules over a bucket for an hour', () => {
  it('read what they would read of a memory, tick after tick', { timeout: 300_000 }, async () => {
    const world = new RuleWorld()
    await world.fillBlocks()
    const recorder = new Recorder()
    const gave = new Set<string>()
    let mostPacks = 0
    for (let tick = 0; tick < 60; tick++) {
      // Every now and then another process goes on.
      if (tick % 17 === 16) world.reads = world.newReads()
      const timeMs = await world.tick()
      const results: ResultSample[] = []
      for (const [record, expr] of RULES) {
        const asked = world.reads.query(expr, timeMs, { partialResponse: 'abort' })
        const { samples, warnings } = await asked
        const expected = await ofMemory(world.memory(), expr, timeMs)
        expect(samples.map(shown), `tick ${tick}: ${record} = ${expr}`).toEqual(expected.map(shown))
        expect(warnings).toEqual([])
        if (samples.length > 0) gave.add(record)
        const written = recorder.results(record, samples, timeMs)
        world.write(written)
        results.push(...written)
      }
      await world.deliver(results)
      const packs = await world.keys('thaw/fresh/')
      mostPacks = Math.max(mostPacks, packs.filter(isResult).length)
    }
    expect([...gave].sort()).toEqual(RULES.map(([record]) => record).sort())
    // Nine that wait, six of ten each, and for two minutes those that the last one is made of.
    expect(mostPacks).toBeLessThanOrEqual(9 + 6 + 10)
  })
})

// What the sample data says: counters that only fall when something restarts, windows that join, replicas that differ.
import { describe, expect, it } from 'vitest'
import { labelValue } from '#lib/model/labels.ts'
import { isStale } from '#lib/model/samples.ts'
import {
  generationsWithin,
  isGap,
  isNodeDown,
  rollout,
  startedMs,
} from '#localstack/sample-data/events.ts'
import { SampleFiller } from '#localstack/sample-data/fill.ts'
import { CLUSTERS, seriesWithin } from '#localstack/sample-data/metrics.ts'
import { scrapesWithin } from '#localstack/sample-data/scrapes.ts'
import type { Latencies, SampleSeries } from '#localstack/sample-data/series.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START_MS = Date.UTC(2026, 10, 10)
const CLUSTER = CLUSTERS[0]

interface Filled {
  readonly series: SampleSeries
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly bits: BigUint64Array
  readonly buckets: readonly Float64Array[] | undefined
}

/** By label set. */
function fillWindow(startMs: number, endMs: number, replica = 0): Map<string, Filled> {
  const filler = new SampleFiller()
  const filled = new Map<string, Filled>()
  for (const series of seriesWithin(CLUSTER, startMs, endMs, MINUTE_MS)) {
    const { instance, node } = series.target
    const plan = { cluster: CLUSTER, replica, instance, node, intervalMs: MINUTE_MS }
    const columns = filler.fill(series, scrapesWithin(plan, startMs, endMs))
    const values = columns.values.slice(0, columns.length)
    filled.set(series.labels.join(), {
      series,
      timestamps: columns.timestamps.slice(0, columns.length),
      values,
      bits: new BigUint64Array(values.buffer),
      buckets: columns.histograms
        ?.list(columns.length)
        .map((histogram) => histogram!.positiveBuckets),
    })
  }
  return filled
}

function processOf({ shape }: SampleSeries) {
  if (shape.type === 'counter') return shape.process
  return 'latencies' in shape ? (shape.latencies satisfies Latencies).process : undefined
}

describe('sample counters', () => {
  const days = fillWindow(START_MS, START_MS + 5 * DAY_MS)

  it('fall exactly where their process was started anew, and never stand below zero', () => {
    let resets = 0
    let counters = 0
    const wrong: string[] = []
    for (const { series, timestamps, values } of days.values()) {
      const process = processOf(series)
      if (process === undefined) continue
      counters++
      for (let i = 1; i < values.length; i++) {
        if (isStale(values, i) || isStale(values, i - 1)) continue
        if (values[i]! < 0) wrong.push(`${series.labels.join()} is ${values[i]!}`)
        if (values[i]! >= values[i - 1]!) continue
        resets++
        if (startedMs(process, timestamps[i]!) > startedMs(process, timestamps[i - 1]!)) continue
        wrong.push(`${series.labels.join()} falls at ${timestamps[i]!}`)
      }
    }
    expect(wrong).toEqual([])
    expect(counters).toBeGreaterThan(200)
    expect(resets).toBeGreaterThan(50)
  })

  it('count whole requests, and buckets that never hold fewer than the one below', () => {
    const byPod = new Map<string, Float64Array[]>()
    for (const { series, values } of days.values()) {
      const name = labelValue(series.labels, '__name__')
      const whole = values.every((v, i) => isStale(values, i) || Number.isInteger(v))
      expect(whole || name !== 'http_requests_total').toBe(true)
      if (series.shape.type !== 'bucket' || name !== 'http_request_duration_seconds_bucket')
        continue
      const key = `${labelValue(series.labels, 'handler')} ${series.target.instance}`
      const buckets = byPod.get(key) ?? []
      buckets[series.shape.bucket] = values
      byPod.set(key, buckets)
    }
    expect(byPod.size).toBeGreaterThan(8)
    for (const buckets of byPod.values()) {
      expect(buckets.length).toBe(10)
      for (let b = 1; b < buckets.length; b++) {
        const below = buckets[b - 1]!
        expect(buckets[b]!.every((v, i) => isStale(below, i) || v >= below[i]!)).toBe(true)
      }
    }
  })

  it('have buckets of native histograms that only grow between restarts', () => {
    let compared = 0
    let falls = 0
    for (const { series, timestamps, values, buckets } of days.values()) {
      if (buckets === undefined) continue
      const process = processOf(series)!
      for (let i = 1; i < buckets.length; i++) {
        if (isStale(values, i) || isStale(values, i - 1)) continue
        if (startedMs(process, timestamps[i]!) !== startedMs(process, timestamps[i - 1]!)) continue
        compared++
        if (buckets[i]!.some((count, b) => count < buckets[i - 1]![b]!)) falls++
      }
    }
    expect(falls).toBe(0)
    expect(compared).toBeGreaterThan(10_000)
  })
})

describe('sample windows', () => {
  it('join to what one longer window has, to the bit', () => {
    // A rollout is inside, so that series end and begin.
    const [generation] = generationsWithin(CLUSTER, START_MS + DAY_MS, START_MS + 2 * DAY_MS).slice(
      -1,
    )
    const fromMs =
      Math.floor(rollout(CLUSTER, generation!).startMs / HOUR_MS) * HOUR_MS - 2 * HOUR_MS
    const whole = fillWindow(fromMs, fromMs + 6 * HOUR_MS)
    const parts = [0, 2, 4].map((hours) =>
      fillWindow(fromMs + hours * HOUR_MS, fromMs + (hours + 2) * HOUR_MS),
    )
    for (const [labels, { timestamps, bits }] of whole) {
      const pieces = parts.flatMap((part) => part.get(labels) ?? [])
      expect(pieces.flatMap((piece) => [...piece.timestamps])).toEqual([...timestamps])
      expect(pieces.flatMap((piece) => [...piece.bits])).toEqual([...bits])
    }
    const withSamples = (part: Map<string, Filled>) =>
      [...part].filter(([, { timestamps }]) => timestamps.length > 0).map(([labels]) => labels)
    expect(new Set(parts.flatMap(withSamples))).toEqual(new Set(withSamples(whole)))
  })

  it('end every series of a pod that was replaced with one stale marker', () => {
    const [generation] = generationsWithin(CLUSTER, START_MS, START_MS + 5 * DAY_MS).slice(1)
    const { startMs } = rollout(CLUSTER, generation!)
    // Neither of the hours is one that this replica missed.
    const replica = [0, 1].find((r) =>
      [-1, 0, 1].every((h) => !isGap(CLUSTER, r, startMs + h * HOUR_MS)),
    )
    const filled = fillWindow(startMs - HOUR_MS, startMs + HOUR_MS, replica)
    let ended = 0
    for (const { series, values } of filled.values()) {
      if (series.life.endMs !== startMs) continue
      const stale = [...values.keys()].filter((i) => isStale(values, i))
      if (values.length === 0) continue
      ended++
      expect(stale).toEqual([values.length - 1])
    }
    expect(ended).toBeGreaterThan(100)
  })

  it('show a node that is down: up is 0, its other series are stale and then absent for twenty minutes', () => {
    let downMs = START_MS
    let node = -1
    while (node < 0) {
      downMs += MINUTE_MS
      node = [0, 1, 2].findIndex((n) => isNodeDown(CLUSTER, n, downMs))
    }
    const replica = isGap(CLUSTER, 0, downMs) ? 1 : 0
    const filled = fillWindow(downMs - 10 * MINUTE_MS, downMs + 30 * MINUTE_MS, replica)
    const of = (name: string) =>
      [...filled.values()].find(
        ({ series }) =>
          labelValue(series.labels, '__name__') === name && series.target.node === node,
      )!
    const up = of('up')
    expect(up.values.filter((v) => v === 0).length).toBeGreaterThanOrEqual(19)
    expect(up.values[0]).toBe(1)
    expect(up.values.at(-1)).toBe(1)
    const { timestamps, values } = of('node_load1')
    const stale = [...values.keys()].filter((i) => isStale(values, i))
    expect(stale.length).toBe(1)
    expect(timestamps[stale[0]! + 1]! - timestamps[stale[0]!]!).toBeGreaterThanOrEqual(
      19 * MINUTE_MS,
    )
  })
})

describe('replicas', () => {
  it('miss an hour in three days each, never the same one', () => {
    for (const cluster of CLUSTERS) {
      for (let period = 6900; period < 6960; period++) {
        const missed = [0, 1].map((replica) =>
          Array.from({ length: 72 }, (_, hour) => hour).filter((hour) =>
            isGap(cluster, replica, (period * 72 + hour) * HOUR_MS + MINUTE_MS),
          ),
        )
        expect(missed.map((hours) => hours.length)).toEqual([1, 1])
        expect(missed[0]).not.toEqual(missed[1])
      }
    }
  })

  it('scrape at their own times and then see the same gauge and counter to a few per cent', () => {
    const [a, b] = [0, 1].map((replica) =>
      fillWindow(START_MS + 9 * HOUR_MS, START_MS + 11 * HOUR_MS, replica),
    )
    expect([...a!.keys()]).toEqual([...b!.keys()])
    const key = [...a!.keys()].find((labels) => labels.includes('node_load15'))!
    const first = a!.get(key)!
    const second = b!.get(key)!
    expect(first.timestamps[3]! % MINUTE_MS).not.toBe(second.timestamps[3]! % MINUTE_MS)
    expect(Math.abs(first.values[3]! - second.values[3]!)).toBeLessThan(0.1)
  })
})

/** Buckets and requests made by chance for the comparison with Thanos: replicas with gaps, lags and phases, raw and to be downsampled. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { scrapedSamples, type ScrapedValue } from '#test/store/scraped.ts'
import type { Params } from './ask.ts'
import { noise } from './noise.ts'
import { exponential } from './written-series.ts'

const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 2, 1)
const LONG_HOURS = 248
const SHORT_HOURS = 8

/** The same numbers for the same seed. */
export class Chance {
  readonly #seed: number
  #count = 0

  constructor(seed: number) {
    this.#seed = Math.imul(seed, 0x9e3779b1)
  }

  /** In [0, below). */
  number(below = 1): number {
    return noise(this.#seed, this.#count++) * below
  }

  whole(from: number, to: number): number {
    return from + Math.floor(this.number(to - from + 1))
  }

  one<T>(values: readonly T[]): T {
    return values[this.whole(0, values.length - 1)]!
  }

  is(probability: number): boolean {
    return this.number() < probability
  }
}

type Hours = readonly [from: number, to: number]

export interface RandomWorld {
  /** Hours of the long stream that have samples. */
  readonly hours: readonly Hours[]
}

/** `long`: mostly empty, and with blocks of ten days for downsampling; `short`: eight hours of raw blocks. */
export async function putRandomWorld(bucket: Bucket, chance: Chance): Promise<RandomWorld> {
  const hours: Hours[] = [[236, 246]]
  for (let i = 0; i < 4; i++) {
    const from = chance.whole(0, 232)
    hours.push([from, from + chance.whole(1, 9)])
  }
  await putStream(bucket, chance, {
    cluster: 'long',
    firstId: 100,
    hours,
    stepMs: chance.one([60_000, 120_000, 180_000]),
    blocks: () => [
      ...chance.one<Hours[]>([
        [[0, 240]],
        [
          [0, 48],
          [48, 96],
          [96, 240],
        ],
      ]),
      [240, 244],
      [244, LONG_HOURS],
    ],
  })
  await putStream(bucket, chance, {
    cluster: 'short',
    firstId: 200,
    hours: [[0, SHORT_HOURS]],
    stepMs: chance.one([15_000, 30_000, 60_000]),
    blocks: () => {
      const each = chance.one([2, 4])
      const cut = Array.from({ length: SHORT_HOURS / each }, (_, i): Hours => [
        i * each,
        (i + 1) * each,
      ])
      // Sometimes the compacted block is there beside its sources.
      return chance.is(0.4) ? [...cut, [0, SHORT_HOURS]] : cut
    },
  })
  return { hours }
}

interface StreamPlan {
  readonly cluster: string
  readonly firstId: number
  readonly hours: readonly Hours[]
  readonly stepMs: number
  readonly blocks: () => readonly Hours[]
}

async function putStream(
  bucket: Bucket,
  chance: Chance,
  { cluster, firstId, hours, stepMs, blocks }: StreamPlan,
): Promise<void> {
  const last = Math.max(...hours.map(([, to]) => to))
  const restarts = Array.from({ length: chance.whole(0, 6) }, () =>
    chance.number(last * 3600),
  ).sort((a, b) => a - b)
  const replicas = chance.whole(1, 4)
  let id = firstId
  for (let replica = 0; replica < replicas; replica++) {
    const times = scrapeTimes(chance, hours, stepMs, last * HOUR_MS)
    const metrics = metricsOf(chance, restarts)
    for (const [from, to] of blocks()) {
      const within = times.filter((ms) => ms >= from * HOUR_MS && ms < to * HOUR_MS)
      if (within.length === 0) continue
      await putBlock(bucket, {
        id: testId(id++),
        minTimeMs: START_MS + from * HOUR_MS,
        maxTimeMs: START_MS + to * HOUR_MS,
        externalLabels: { cluster, replica: String(replica) },
        series: Object.entries(metrics).flatMap(([name, metric]) => seriesOf(name, metric, within)),
      })
    }
  }
}

function scrapeTimes(
  chance: Chance,
  hours: readonly Hours[],
  stepMs: number,
  untilMs: number,
): number[] {
  const phaseMs = chance.one([0, 4000, chance.whole(0, stepMs)])
  const jitterMs = chance.one([0, 30, 2000])
  const missed = chance.one([0, 0.02, 0.2])
  const gaps = Array.from({ length: chance.whole(0, 4) }, () => {
    const [from, to] = chance.one(hours)
    const start = (from + chance.number(to - from)) * HOUR_MS
    return [start, start + chance.number(2 * HOUR_MS)] as const
  })
  const times: number[] = []
  for (let ms = phaseMs; ms < untilMs; ms += stepMs) {
    const late = ms + Math.floor(chance.number(jitterMs))
    const there = hours.some(([from, to]) => late >= from * HOUR_MS && late < to * HOUR_MS)
    const away = gaps.some(([from, to]) => late >= from && late < to)
    if (there && !away && !chance.is(missed)) times.push(late)
  }
  return times
}

/** At `seconds`, in scrape `k` of a block. */
type Metric = (seconds: number, k: number) => ScrapedValue

function metricsOf(chance: Chance, restarts: readonly number[]): Record<string, Metric> {
  const lag = chance.one([0, 0, 30, 100])
  const unit = chance.one([1, 1, 0.37])
  const counted = (seconds: number): number => {
    const since = restarts.findLast((restart) => restart <= seconds - lag) ?? -5000
    const total = 3 * (seconds - lag - since)
    return unit === 1 ? Math.floor(total) : unit * total
  }
  const flapping: Metric = (_, k) => {
    const at = k % 16
    switch ((k >> 4) % 3) {
      case 0:
        return at === 15 ? 'stale' : k % 7
      case 1:
        return k % 5
      default:
        return at === 3 ? NaN : undefined
    }
  }
  return {
    gauge: (seconds) => Math.round(100 * (Math.sin(seconds / 900) + chance.number())) / 10,
    things_total: counted,
    flapping,
    whole_seconds: (seconds) => exponential(1, Math.floor(counted(seconds) / 100 + 60), 1),
    fraction_seconds: (seconds) => exponential(2, Math.floor(counted(seconds) / 100 + 60), 0.375),
    gauge_seconds: (_, k) => ({ ...exponential(0, k % 50, 1), counterResetHint: 'gauge' }),
  }
}

const METRICS = Object.keys(metricsOf(new Chance(0), []))

function seriesOf(name: string, metric: Metric, times: readonly number[]): TestSeries[] {
  const samples = scrapedSamples(
    times.map((ms) => START_MS + ms),
    (index) => metric(times[index]! / 1000, index),
  )
  if (!samples) return []
  return [{ labels: labelsFrom({ __name__: name }), samples }]
}

export interface ThanosRequest {
  /** Which querier, or the query-frontend of the first. */
  readonly asked: 'penalty' | 'chain' | 'frontend'
  readonly path: 'query' | 'query_range'
  readonly params: Params
}

export function randomThanosRequest(chance: Chance, { hours }: RandomWorld): ThanosRequest {
  const cluster = chance.one(['long', 'short'])
  const query = randomQuery(chance, chance.is(0.1) ? '~.+' : cluster)
  const long = cluster === 'long'
  const [from, to] = long ? chance.one(hours) : [0, SHORT_HOURS]
  const start = START_MS / 1000 + Math.floor((from + chance.number(to - from)) * 3600)
  const seconds = chance.number(long ? chance.one([12, LONG_HOURS]) : 6) * 3600
  const step = Math.max(1, Math.floor(seconds / chance.whole(3, 40)))
  const times = chance.is(0.2) ? { time: start } : { start, end: Math.floor(start + seconds), step }
  const resolution = chance.one(['', '0s', '5m', '1h', '1h', 'auto', '90m'])
  const more = {
    ...(resolution !== '' && { max_source_resolution: resolution }),
    ...(chance.is(0.2) && { dedup: 'false' }),
    ...(chance.is(0.1) && {
      'replicaLabels[]': chance.one([['cluster', 'replica'], ['other'], ['replica', '__name__']]),
    }),
    ...(chance.is(0.1) && { lookback_delta: chance.one(['2m', '40m']) }),
  }
  const asksAgain = !('time' in times) && resolution === 'auto' && chance.is(0.5)
  return {
    asked: asksAgain ? 'frontend' : chance.one(['penalty', 'penalty', 'chain'] as const),
    path: 'time' in times ? 'query' : 'query_range',
    params: { query, ...times, ...more },
  }
}

const OVER_RANGE = [
  'rate',
  'increase',
  'irate',
  'resets',
  'delta',
  'idelta',
  'deriv',
  'changes',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'sum_over_time',
  'count_over_time',
  'last_over_time',
  'stddev_over_time',
  'present_over_time',
]
/** Prometheus sums histograms more exactly since Thanos took over its engine. */
const SUMS_HISTOGRAMS = /\b(sum|avg)(_over_time)?( by \(cluster\) )?\(.*_seconds/

function randomQuery(chance: Chance, cluster: string): string {
  for (;;) {
    const query = anyQuery(chance, cluster)
    if (!SUMS_HISTOGRAMS.test(query)) return query
  }
}

function anyQuery(chance: Chance, cluster: string): string {
  const offset = (): string =>
    chance.one(['', '', ' offset 23m', ' offset 2h', ' offset -10m', ' @ end()', ' @ start()'])
  const instant = (): string =>
    cluster === '~.+'
      ? `{__name__=~"${chance.one(['gauge', 'things.+', 'flap.*'])}"}`
      : `${chance.one(METRICS)}{cluster="${cluster}"}`
  const range = (): string => `${instant()}[${chance.one(['5m', '11m', '20m', '1h', '3h', '7h'])}]`
  const overRange = (): string => `${chance.one(OVER_RANGE)}(${range()}${offset()})`
  const aggregation = chance.one(['sum', 'min', 'max', 'count', 'avg', 'group', 'stddev'])
  return chance.one([
    () => instant() + offset(),
    () => `${aggregation}(${instant()}${offset()})`,
    () => `${aggregation} by (cluster) (${overRange()})`,
    () =>
      `${chance.one(['max', 'avg', 'sum', 'last'])}_over_time(${overRange()}[${chance.one(['30m', '2h'])}:${chance.one(['90s', '11m'])}]${offset()})`,
    () => `${overRange()} - ${overRange()}`,
    () => `${instant()} - ${instant()}${offset()}`,
    () => `histogram_${chance.one(['count', 'sum', 'avg'])}(${instant()})`,
    () => `histogram_quantile(0.8, rate(${range()}${offset()}))`,
    () => `timestamp(${instant()}${offset()})`,
    overRange,
  ])()
}

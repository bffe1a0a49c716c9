/** The bucket of the Thanos cases: replicas with gaps, lags and phases, and a long stream that Thanos downsampled. Every run gives the same bytes. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { exponential } from '#test/e2e/support/written-series.ts'
import { putBlock, testId, type TestSeries } from '../sample-block.ts'
import { scrapedSamples, type ScrapedValue } from '../scraped.ts'

const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
/** Six hours of `cluster="eu"`. */
export const EU_START_MS = Date.UTC(2026, 2, 20)
/** Twelve days of `cluster="us"`, and four hours of raw blocks behind. */
export const US_START_MS = Date.UTC(2026, 2, 1)
export const US_END_MS = US_START_MS + 12 * DAY_MS

/** What a target shows at a time, in seconds since the stream began, and what `replica` makes of it. */
type Metric = (seconds: number, replica: string) => ScrapedValue

interface Stream {
  readonly replica: string
  readonly startMs: number
  /** Scrapes, in ms since the start; the values are what the target shows then. */
  readonly scrapes: readonly number[]
  readonly metrics: Readonly<Record<string, Metric>>
  readonly labels: Readonly<Record<string, string>>
}

function seriesOf({ replica, startMs, scrapes, metrics, labels }: Stream): TestSeries[] {
  return Object.entries(metrics).flatMap(([name, metric]) => {
    const samples = scrapedSamples(
      scrapes.map((ms) => startMs + ms),
      (index) => metric(scrapes[index]! / 1000, replica),
    )
    if (!samples) return []
    return [{ labels: labelsFrom({ __name__: name, ...labels }), samples }]
  })
}

/** Every `stepMs` with a phase and some ms of lateness, where `there` says so. */
function scrapes(
  seed: string,
  stepMs: number,
  phaseMs: number,
  untilMs: number,
  there: (ms: number) => boolean,
): number[] {
  const times: number[] = []
  for (let k = 0; k * stepMs + phaseMs < untilMs; k++) {
    const ms = k * stepMs + phaseMs + Math.floor(25 * noise(seedOf(seed), k))
    if (there(ms) && noise(seedOf(`${seed} missed`), k) > 0.02) times.push(ms)
  }
  return times
}

const within = (ms: number, fromMinute: number, toMinute: number): boolean =>
  ms >= fromMinute * MINUTE_MS && ms < toMinute * MINUTE_MS

const LAG_SECONDS: Readonly<Record<string, number>> = { a: 0, b: 40, c: 95 }
/** The target restarts; a replica that lags shows it later. */
const RESTARTS = [4_000, 9_100, 9_400, 15_000]

function counted(seconds: number, perSecond: number): number {
  const since = RESTARTS.findLast((restart) => restart <= seconds) ?? -3_000
  return perSecond * (seconds - since)
}

const EU_METRICS: Readonly<Record<string, Metric>> = {
  temperature: (s, replica) =>
    Math.round(100 * (20 + 5 * Math.sin(s / 900) + noise(seedOf(replica), Math.floor(s)))) / 100,
  requests_total: (s, replica) => Math.floor(counted(s - LAG_SECONDS[replica]!, 7.3)),
  precise_total: (s, replica) => counted(s - LAG_SECONDS[replica]! / 10, 0.1234567),
  latency_seconds: (s) => exponential(2, Math.floor(counted(s, 0.05)), 1),
  fraction_seconds: (s) => exponential(1, Math.floor(s / 30), 0.375),
  flapping: (s) =>
    s % 1200 < 700
      ? Math.floor(s % 7)
      : s % 1200 < 740
        ? 'stale'
        : s % 1200 < 800
          ? NaN
          : undefined,
  mixed: (s) => (s % 3000 < 1500 ? exponential(1, Math.floor(s / 30), 1) : Math.floor(s)),
  only_b: (s, replica) => (replica === 'b' ? s : undefined),
  late_c: (s, replica) => (replica === 'c' || s > 7200 ? Math.floor(s / 10) : undefined),
}

/** Two hours each; the first replica of a stream with three. */
async function putEu(bucket: Bucket): Promise<void> {
  const replicas = [
    scrapes('a', 30_000, 4_317, 6 * HOUR_MS, (ms) => !within(ms, 70, 100) && !within(ms, 200, 203)),
    scrapes('b', 30_000, 17_100, 6 * HOUR_MS, (ms) => !within(ms, 150, 185) && !within(ms, 90, 91)),
    scrapes('c', 60_000, 31_000, 4 * HOUR_MS, (ms) => !within(ms, 10, 14)),
  ]
  for (const [i, times] of replicas.entries()) {
    const replica = 'abc'[i]!
    const stream = { replica, startMs: EU_START_MS, metrics: EU_METRICS }
    for (let block = 0; block < 3; block++) {
      const inBlock = times.filter((ms) => within(ms, block * 120, block * 120 + 120))
      if (inBlock.length === 0) continue
      await putBlock(bucket, {
        id: testId(100 + i * 10 + block),
        minTimeMs: EU_START_MS + block * 2 * HOUR_MS,
        maxTimeMs: EU_START_MS + (block + 1) * 2 * HOUR_MS,
        externalLabels: { cluster: 'eu', replica },
        series: ['one', 'two'].flatMap((instance) =>
          seriesOf({
            ...stream,
            scrapes: instance === 'one' ? inBlock : inBlock.map((ms) => ms + 1_500),
            labels: { instance },
          }),
        ),
      })
    }
  }
}

/** Replicas at the same times, with other values; replicas told apart by a label of the series; overlapping blocks of one stream. */
async function putOthers(bucket: Bucket): Promise<void> {
  const times = Array.from({ length: 240 }, (_, k) => k * 30_000)
  const put = (
    n: number,
    externalLabels: Record<string, string>,
    scraped: readonly number[],
    series: readonly (readonly [Record<string, string>, Metric])[],
  ): Promise<unknown> =>
    putBlock(bucket, {
      id: testId(n),
      minTimeMs: EU_START_MS,
      maxTimeMs: EU_START_MS + 2 * HOUR_MS,
      externalLabels,
      series: series.flatMap(([labels, metric]) =>
        seriesOf({
          replica: externalLabels['replica'] ?? 'a',
          startMs: EU_START_MS,
          scrapes: scraped,
          metrics: { same_time: metric },
          labels,
        }),
      ),
    })
  const value: Metric = (s, replica) => s / 30 + (replica === 'a' ? 0 : 0.5)
  await put(
    200,
    { cluster: 'sa', replica: 'a' },
    times.filter((_, k) => k % 50 < 40),
    [[{}, value]],
  )
  await put(
    201,
    { cluster: 'sa', replica: 'b' },
    times.filter((_, k) => k % 60 < 50),
    [[{}, value]],
  )
  await put(
    202,
    { cluster: 'sa', replica: 'c' },
    times.filter((_, k) => k % 70 < 60),
    [[{}, (s) => s / 30]],
  )
  await put(203, { cluster: 'in' }, times, [
    [{ pod: 'x', rank: '0' }, (s) => Math.floor(s / 7)],
    [{ pod: 'y', rank: '0' }, (s) => Math.floor(s / 7) + 3],
    [{ pod: 'x', rank: '1' }, (s) => Math.floor(s / 5)],
  ])
  await put(
    204,
    { cluster: 'over' },
    times.filter((_, k) => k < 150),
    [[{}, (s) => s]],
  )
  await put(
    205,
    { cluster: 'over' },
    times.filter((_, k) => k >= 90).map((ms) => ms + 11_000),
    [[{}, (s) => s]],
  )
}

const US_METRICS: Readonly<Record<string, Metric>> = {
  load: (s, replica) =>
    Math.round(10 * (5 + 3 * Math.sin(s / 5000) + noise(seedOf(replica), s))) / 10,
  hits_total: (s, replica) =>
    Math.floor(3 * ((s - LAG_SECONDS[replica]!) % 100_000)) + (s % 100_000 < 50_000 ? 0 : 1000),
  joules_total: (s) => (s < 500_000 ? s * 0.37 : (s - 500_000) * 0.37),
  blinking: (s) => (s % 9000 < 6000 ? Math.floor(s / 100) : s % 9000 < 6120 ? 'stale' : undefined),
  size_bytes: (s) => exponential(1, Math.floor((s % 300_000) / 120), 1),
}

/** Hours of the twelve days that have samples. */
const US_HOURS = [
  [0, 4],
  [100, 107],
  [170, 171],
  [282, 288],
] as const

/** The first block of each replica, of twelve days, is what Thanos downsampled. */
async function putUs(bucket: Bucket): Promise<void> {
  for (const replica of ['a', 'b']) {
    const phaseMs = replica === 'a' ? 3_000 : 47_000
    const hours = (ms: number): boolean =>
      US_HOURS.some(([from, to]) => ms >= from * HOUR_MS && ms < to * HOUR_MS) &&
      // One replica is away for some hours.
      !(replica === 'a' && within(ms, 102 * 60, 104 * 60)) &&
      !(replica === 'b' && within(ms, 283 * 60 + 17, 284 * 60))
    const externalLabels = { cluster: 'us', replica }
    const stream = {
      externalLabels,
      replica,
      startMs: US_START_MS,
      metrics: US_METRICS,
      labels: {},
    }
    const put = (n: number, fromHour: number, toHour: number, there = hours): Promise<unknown> =>
      putBlock(bucket, {
        id: testId((replica === 'a' ? 300 : 310) + n),
        minTimeMs: US_START_MS + fromHour * HOUR_MS,
        maxTimeMs: US_START_MS + toHour * HOUR_MS,
        externalLabels,
        series: seriesOf({
          ...stream,
          scrapes: scrapes(
            `us ${replica}`,
            120_000,
            phaseMs,
            toHour * HOUR_MS,
            (ms) => ms >= fromHour * HOUR_MS && there(ms),
          ),
        }),
      })
    await put(0, 0, 288)
    await put(1, 288, 290, () => true)
    await put(2, 290, 292, () => true)
  }
}

/** Hours of `cluster="old"` with samples: of its two long blocks, and of the one that is not downsampled. */
const OLD_HOURS = [
  [20, 22],
  [300, 303],
  [577, 578],
] as const

/** Two blocks that are to be downsampled, from 0 to 288 and to 576 hours, of which no raw one stays, and a raw one. */
async function putOld(bucket: Bucket): Promise<void> {
  for (const [i, [fromHour, toHour]] of [
    [0, 288],
    [288, 576],
    [576, 578],
  ].entries()) {
    const there = (ms: number): boolean =>
      OLD_HOURS.some(([from, to]) => ms >= from * HOUR_MS && ms < to * HOUR_MS)
    await putBlock(bucket, {
      id: testId(OLD_ID + i),
      minTimeMs: US_START_MS + fromHour! * HOUR_MS,
      maxTimeMs: US_START_MS + toHour! * HOUR_MS,
      externalLabels: { cluster: 'old', replica: 'a' },
      series: seriesOf({
        replica: 'a',
        startMs: US_START_MS,
        scrapes: scrapes(
          'old',
          60_000,
          0,
          toHour! * HOUR_MS,
          (ms) => ms >= fromHour! * HOUR_MS && there(ms),
        ),
        metrics: { depth: (s) => Math.floor(s / 60) % 17, moves_total: (s) => Math.floor(s / 3) },
        labels: {},
      }),
    })
  }
}

const OLD_ID = 500
/** What retention took away after downsampling; of the first block the resolution of five minutes went, too. */
export const OLD_RAW_IDS = [testId(OLD_ID), testId(OLD_ID + 1)]
export const OLD_BORDER_MS = US_START_MS + 288 * HOUR_MS

/** A block whose chunks are gone: its samples can't be read. */
async function putBroken(bucket: Bucket): Promise<void> {
  const startMs = EU_START_MS
  const id = testId(400)
  await putBlock(bucket, {
    id,
    minTimeMs: startMs,
    maxTimeMs: startMs + 2 * HOUR_MS,
    externalLabels: { cluster: 'broken', replica: 'a' },
    series: seriesOf({
      replica: 'a',
      startMs,
      scrapes: [0, 30_000, 60_000],
      metrics: { unreadable: (s) => s },
      labels: {},
    }),
  })
  await bucket.delete(`${id}/chunks/000001`)
}

/** All raw blocks. */
export async function putWorld(bucket: Bucket): Promise<void> {
  await putBroken(bucket)
  await putEu(bucket)
  await putOthers(bucket)
  await putUs(bucket)
  await putOld(bucket)
}

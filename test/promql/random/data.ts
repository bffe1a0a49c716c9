/** The data that random queries are asked of: three blocks of two hours with every kind of series a scrape can bring. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { isStale, type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { goldenBlock } from '#test/tsdb/golden.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { customHistogram, grownHistogram, type HistogramShape } from './data-histograms.ts'

export const DATA_START_MS = Date.UTC(2026, 4, 5)
const BLOCK_MS = 7_200_000
const BLOCK_COUNT = 3
export const DATA_END_MS = DATA_START_MS + BLOCK_COUNT * BLOCK_MS

/** What a series has at its scrape `k`. */
type Sample = number | FloatHistogram | 'stale' | undefined
type At = (k: number) => Sample
type LabelRecord = Readonly<Record<string, string>>

interface MadeSeries {
  readonly labels: LabelRecord
  readonly at: At
  readonly stepMs: number
  /** Every sample this long after a multiple of the step; 0 puts samples on the borders of ranges. */
  readonly phaseMs: number
}

const JOBS = ['api', 'web'] as const
const INSTANCES = ['a:1', 'b:2'] as const
const targets = JOBS.flatMap((job) => INSTANCES.map((instance) => ({ job, instance })))
const LE = ['0.05', '0.1', '0.5', '1', '5', '+Inf'] as const

/** Sum of what `rate` gives at each scrape since the last reset; a reset each `resetEvery` scrapes. */
function counter(seed: number, rate: number, resetEvery = Infinity): At {
  return (k) => {
    const begun = resetEvery === Infinity ? 0 : k - (k % resetEvery)
    return Math.floor((k - begun + 1) * rate + 3 * noise(seed, k) + (begun > 0 ? 0 : 40))
  }
}

function made(
  labels: LabelRecord,
  at: At,
  { stepMs = 30_000, phaseMs = 0 }: { stepMs?: number; phaseMs?: number } = {},
): MadeSeries {
  return { labels, at, stepMs, phaseMs }
}

/** What type-and-unit-labels has Prometheus write. */
const typed = (type: string): LabelRecord => ({ __type__: type, __unit__: 'seconds' })

function floats(): MadeSeries[] {
  const series: MadeSeries[] = []
  targets.forEach((target, n) => {
    const seed = seedOf(`${target.job}${target.instance}`)
    const of = (name: string, more: LabelRecord = {}): LabelRecord => ({
      __name__: name,
      ...target,
      ...more,
    })
    for (const [c, code] of ['200', '404', '500'].slice(0, 2 + (n % 2)).entries()) {
      const at = counter(seed + c, 7 / (c + 1), c === 1 ? 170 + n * 31 : Infinity)
      series.push(made(of('requests_total', { code }), at))
    }
    series.push(
      made(of('bytes_total'), (k) => (k % 233) * (1000.5 + n) + noise(seed, k), {
        phaseMs: 7_313 + n,
      }),
      made(
        of('temperature', { zone: n % 2 ? 'n' : 's' }),
        (k) => Math.round(400 * Math.sin(k / 40 + n) + 50 * noise(seed, k)) / 8,
      ),
      made(of('level'), (k) => noise(seed + 9, k) * 2 - 1, { phaseMs: 11_000 }),
      made(of('up'), (k) => (noise(seed + 5, Math.floor(k / 20)) < 0.1 ? 0 : 1)),
      made(of('flapping'), (k) => {
        const at = (k + n * 3) % 20
        return at < 13 ? (k * 7) % 11 : at === 13 ? 'stale' : undefined
      }),
      made(of('typed_seconds_total', typed('counter')), counter(seed + 7, 1.5, 210 + n)),
      made(of('target_info', { version: n < 2 ? '1.0' : '2.0', region: `r${n}` }), (k) =>
        n === 3 && k > 400 ? undefined : 1,
      ),
      made(of('build_info', { version: n === 0 ? '' : '3.1', revision: `x${n}` }), () => 1),
    )
  })
  const [first, second] = [targets[0]!, targets[1]!]
  series.push(
    made(
      { __name__: 'special', ...first, kind: 'all' },
      (k) => [NaN, Infinity, -Infinity, -0, 0, 1e300, 2 ** -1022, 0.1, -1e300, 3][k % 10],
    ),
    made({ __name__: 'special', ...first, kind: 'inf' }, (k) => (k % 50 < 5 ? Infinity : k)),
    made({ __name__: 'special', ...second, kind: 'nan' }, (k) => (k % 9 === 2 ? NaN : -k / 3)),
    made({ __name__: 'special', ...second, kind: 'big' }, (k) => 1e15 + k * 0.25),
    made({ __name__: 'sparse', ...first }, (k) => k, { stepMs: 240_000 }),
    made({ __name__: 'sparse', ...second }, (k) => k * k, { stepMs: 420_000, phaseMs: 100 }),
    made({ __name__: 'constant', job: 'api' }, () => 42, { stepMs: 60_000 }),
    made({ __name__: 'gone', ...first }, (k) => (k < 200 ? k : k === 200 ? 'stale' : undefined)),
    made({ __name__: 'gone', ...second }, (k) => (k < 330 ? 10 - k : undefined)),
    made({ __name__: 'late', ...first }, (k) => (k > 450 ? k / 3 : undefined)),
    made({ __name__: 'once', ...second }, (k) => (k === 333 ? 1 : undefined)),
    made({ __name__: 'dotted.name', 'label.ä': 'ü', job: 'api' }, (k) => k % 17),
    made({ __name__: 'dotted.name', 'label.ä': '😀', job: 'web' }, (k) => (k % 23) - 5),
    made({ __name__: 'unix_seconds', job: 'api' }, (k) => 1.6e9 + k * 86_411.5),
    made({ __name__: 'unix_seconds', job: 'web' }, (k) => -5e8 + k * 3_000_017),
  )
  return series
}

function classic(): MadeSeries[] {
  return targets.flatMap((target, n) => {
    const at = (b: number): At => counter(n, (b + 1) * 2.5, n === 1 ? 190 : Infinity)
    const bounds = LE.filter((le) => !(n === 2 && le === '+Inf') && !(n === 3 && le === '0.5'))
    return [
      ...bounds.map((le) => {
        const b = LE.indexOf(le)
        // One instance counts less in a wider bucket now and then, which is repaired and said.
        const grown: At = (k) =>
          Math.floor(Number(at(b)(k)) - (n === 1 && b === 3 && k % 7 < 3 ? 2000 : 0))
        return made({ __name__: 'classic_seconds_bucket', ...target, le }, grown)
      }),
      made({ __name__: 'classic_seconds_count', ...target }, at(5)),
      made({ __name__: 'classic_seconds_sum', ...target }, (k) => Number(at(5)(k)) * 0.37),
    ]
  })
}

function native(): MadeSeries[] {
  const series: MadeSeries[] = []
  targets.forEach((target, n) => {
    const of = (name: string, more: LabelRecord = {}): LabelRecord => ({
      __name__: name,
      ...target,
      ...more,
    })
    const shape = (schema: number, more: Partial<HistogramShape> = {}): HistogramShape => ({
      schema,
      unit: 1,
      seed: n,
      zeroThreshold: 0.001,
      gauge: false,
      ...more,
    })
    const resetEvery = n % 2 ? 260 + n : 10_000
    series.push(
      made(of('native_seconds'), (k) => grownHistogram(shape(3 - n), k % resetEvery)),
      made(of('native_float_seconds'), (k) => grownHistogram(shape(1, { unit: 0.375 }), k), {
        phaseMs: 7_313,
      }),
      made(of('native_gauge_seconds'), (k) =>
        grownHistogram(
          shape(0, { gauge: true, unit: n < 2 ? 1 : 0.1 }),
          Math.floor(60 * noise(n, k)),
        ),
      ),
      made(of('native_coarser_seconds'), (k) =>
        grownHistogram(shape(k < 400 ? 4 : 2, { zeroThreshold: k < 300 ? 2 ** -128 : 0.4 }), k),
      ),
      made(of('native_custom_seconds'), (k) =>
        customHistogram(n, k, k % 300 < 150 ? [0.1, 0.5, 1, 5] : [0.1, 1, 2.5, 5, 7]),
      ),
    )
    if (n >= 2) return
    series.push(
      made(of('typed_seconds', typed('histogram')), (k) => grownHistogram(shape(1), k % 333)),
      made(of('native_gone_seconds'), (k) =>
        k % 150 < 100 ? grownHistogram(shape(2), k) : k % 150 === 100 ? 'stale' : undefined,
      ),
      made(of('mixed_seconds'), (k) => (k % 40 < 25 ? grownHistogram(shape(2), k) : k)),
    )
  })
  return series
}

const ALL: readonly MadeSeries[] = [...floats(), ...classic(), ...native()]

/** The samples in [startMs, endMs). */
export function dataSeries(startMs: number, endMs: number): TestSeries[] {
  return ALL.flatMap(({ labels, at, stepMs, phaseMs }) => {
    const samples: [number, Exclude<Sample, undefined>][] = []
    for (let k = 0; DATA_START_MS + phaseMs + k * stepMs < endMs; k++) {
      const t = DATA_START_MS + phaseMs + k * stepMs
      const value = t < startMs ? undefined : at(k)
      if (value !== undefined) samples.push([t, value])
    }
    if (samples.length === 0) return []
    return [{ labels: labelsFrom(labels), samples: columnsOf(samples) }]
  })
}

function columnsOf(
  samples: readonly (readonly [number, Exclude<Sample, undefined>])[],
): SampleColumns {
  const length = samples.length
  const values = new Float64Array(length)
  const histograms: (FloatHistogram | undefined)[] = []
  samples.forEach(([, value], i) => {
    histograms.push(typeof value === 'object' ? value : undefined)
    if (value === 'stale') writeStale(values, i)
    else values[i] = typeof value === 'object' ? value.sum : value
  })
  const timestamps = Float64Array.from(samples, ([t]) => t)
  const shape = histograms.find((histogram) => histogram !== undefined)
  if (shape === undefined) return { length, timestamps, values }
  // A series of histograms ends with a histogram too, whose sum is the stale marker.
  const ended = histograms.map((one, i) => one ?? (isStale(values, i) ? shape : undefined))
  return { length, timestamps, values, histograms: HistogramColumn.of(ended) }
}

/** The made series, and the block with start times, which lies long before them. */
export async function putData(bucket: Bucket): Promise<void> {
  for (let i = 0; i < BLOCK_COUNT; i++) {
    const minTimeMs = DATA_START_MS + i * BLOCK_MS
    const maxTimeMs = minTimeMs + BLOCK_MS
    const series = dataSeries(minTimeMs, maxTimeMs)
    await putBlock(bucket, { id: testId(i), minTimeMs, maxTimeMs, externalLabels: {}, series })
  }
  const { files, ulid } = goldenBlock('prometheus-3.14-start-times')
  const meta = new BlockReader(files).meta
  for (const name of ['chunks/000001', 'index', 'tombstones']) {
    await bucket.put(`${ulid}/${name}`, files(name)!)
  }
  const thanos = { labels: {}, downsample: { resolution: 0 }, source: 'test' }
  await bucket.put(
    `${ulid}/meta.json`,
    new TextEncoder().encode(formatBlockMeta({ ...meta, thanos })),
  )
}

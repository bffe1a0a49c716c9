/** The series of the golden blocks: made up, the same on every run, with a case for each branch of the encoders. */

export interface MadeHistogram {
  readonly kind: 'int' | 'float'
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly count: number
  readonly sum: number
  /** [offset, length] */
  readonly positiveSpans: readonly (readonly [number, number])[]
  readonly negativeSpans: readonly (readonly [number, number])[]
  /** Absolute. */
  readonly positive: readonly number[]
  readonly negative: readonly number[]
  readonly customValues?: readonly number[]
  readonly gauge?: boolean
  readonly stale?: boolean
}

export interface MadeSample {
  readonly t: number
  readonly v?: number
  readonly stale?: boolean
  readonly histogram?: MadeHistogram
}

export interface MadeSeries {
  readonly labels: readonly (readonly [string, string])[]
  readonly samples: readonly MadeSample[]
  readonly exemplars?: readonly MadeExemplar[]
}

export interface MadeExemplar {
  readonly t: number
  readonly v: number
  readonly labels: readonly (readonly [string, string])[]
}

export const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % 7_200_000)
export const END_MS = START_MS + 7_199_999
const STEP_MS = 15_000

/** A small generator (xorshift32), so that the data never changes. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const EXTREMES = [
  0, 1, -1, 0.1, 1e-7, 1e21, 123456789.125, Infinity, -Infinity, NaN, 5e-324, 1.7976931348623157e308, -0,
]

export function floatSeries(): MadeSeries[] {
  const rnd = random(42)
  const steady = (count: number, value: (i: number) => number): MadeSample[] =>
    Array.from({ length: count }, (_, i) => ({ t: START_MS + i * STEP_MS, v: value(i) }))
  const jitter = [0, 1, -3, 8000, -8191, 8192, 40_000, -40_000, 300_000, 600_000]
  let t = START_MS
  const uneven: MadeSample[] = Array.from({ length: 60 }, (_, i) => {
    t += 60_000 + jitter[i % jitter.length]!
    return { t, v: Math.floor(rnd() * 1e6) / 1000 }
  }).filter((sample) => sample.t < END_MS - 600_000)
  let total = 0
  return [
    { labels: [['__name__', 'constant'], ['job', 'a']], samples: steady(250, () => 1) },
    {
      labels: [['__name__', 'counter_total'], ['job', 'a'], ['path', '/ünïcode/😀']],
      samples: steady(300, (i) => (total = i === 170 ? 3 : total + Math.floor(rnd() * 50))),
    },
    { labels: [['__name__', 'extreme'], ['job', 'b']], samples: steady(40, (i) => EXTREMES[i % EXTREMES.length]!) },
    { labels: [['__name__', 'gauge'], ['job', 'b']], samples: steady(130, () => rnd() * 100) },
    { labels: [['__name__', 'single'], ['job', 'b']], samples: steady(1, () => 7) },
    { labels: [['__name__', 'uneven'], ['job', 'c']], samples: uneven },
  ]
}

/** Series that only remote write can bring: histograms and stale markers. */
export function histogramSeries(): MadeSeries[] {
  const at = (i: number): number => START_MS + i * STEP_MS
  return [
    { labels: [['__name__', 'custom_buckets']], samples: customBuckets(at) },
    { labels: [['__name__', 'flapping']], samples: flapping(at) },
    { labels: [['__name__', 'float_histogram']], samples: floatHistogram(at) },
    { labels: [['__name__', 'gauge_histogram']], samples: gaugeHistogram(at) },
    { labels: [['__name__', 'histogram']], samples: intHistogram(at) },
  ]
}

/** Grows new buckets, is reset, goes stale and comes back. */
function intHistogram(at: (i: number) => number): MadeSample[] {
  const rnd = random(7)
  const samples: MadeSample[] = []
  let counts = new Map<number, number>()
  let zeros = 0
  for (let i = 0; i < 60; i++) {
    if (i === 35) {
      counts = new Map()
      zeros = 0
    }
    if (i === 50) {
      samples.push({ t: at(i), histogram: { ...emptyHistogram('int'), stale: true } })
      continue
    }
    const widest = i < 10 ? 3 : 8
    for (let n = 0; n < 5; n++) {
      const bucket = Math.floor(rnd() * widest) * 2 - 4
      counts.set(bucket, (counts.get(bucket) ?? 0) + Math.floor(rnd() * 400))
    }
    if (i % 3 === 0) zeros++
    samples.push({ t: at(i), histogram: histogramOf('int', 3, counts, zeros, i * 1.5) })
  }
  return samples
}

function floatHistogram(at: (i: number) => number): MadeSample[] {
  const rnd = random(11)
  const counts = new Map<number, number>()
  const samples: MadeSample[] = []
  for (let i = 0; i < 40; i++) {
    const bucket = Math.floor(rnd() * 6) - 3
    counts.set(bucket, (counts.get(bucket) ?? 0) + rnd() * 10)
    if (i === 20) for (const key of counts.keys()) counts.set(key, counts.get(key)! / 4)
    const made = histogramOf('float', i < 30 ? 0 : -1, counts, i / 8, i * 0.1)
    samples.push({ t: at(i), histogram: made })
  }
  samples.push({ t: at(40), histogram: { ...emptyHistogram('float'), stale: true } })
  return samples
}

function gaugeHistogram(at: (i: number) => number): MadeSample[] {
  const rnd = random(13)
  return Array.from({ length: 30 }, (_, i) => {
    const counts = new Map<number, number>()
    for (let n = 0; n < 4; n++) counts.set(Math.floor(rnd() * 9), Math.floor(rnd() * 20) + 1)
    return { t: at(i), histogram: { ...histogramOf('int', 1, counts, i % 4, rnd()), gauge: true } }
  })
}

function customBuckets(at: (i: number) => number): MadeSample[] {
  const rnd = random(17)
  const counts = new Map<number, number>([0, 1, 2, 3].map((bucket) => [bucket, 0]))
  return Array.from({ length: 30 }, (_, i) => {
    counts.set(i % 4, counts.get(i % 4)! + Math.floor(rnd() * 9))
    const made = histogramOf('int', -53, counts, 0, i * 2)
    const customValues = i < 20 ? [0.005, 1, 1e7 / 3] : [0.005, 1, 40_000]
    return { t: at(i), histogram: { ...made, zeroThreshold: 0, customValues } }
  })
}

/** Floats with stale markers in between, and changes of kind. */
function flapping(at: (i: number) => number): MadeSample[] {
  return Array.from({ length: 150 }, (_, i): MadeSample => {
    if (i === 0 || (i > 5 && i % 9 === 0)) return { t: at(i), stale: true }
    return { t: at(i), v: i % 4 === 0 ? i : i / 8 }
  })
}

function emptyHistogram(kind: 'int' | 'float'): MadeHistogram {
  return {
    kind,
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    negativeSpans: [],
    positive: [],
    negative: [],
  }
}

/** Buckets below 0 become negative ones of that distance. */
function histogramOf(
  kind: 'int' | 'float',
  schema: number,
  counts: ReadonlyMap<number, number>,
  zeroCount: number,
  sum: number,
): MadeHistogram {
  const buckets = [...counts].sort(([a], [b]) => a - b)
  const positive = buckets.filter(([bucket]) => bucket >= 0)
  const negative = buckets
    .filter(([bucket]) => bucket < 0)
    .map(([bucket, count]): [number, number] => [-bucket, count])
    .reverse()
  let count = zeroCount
  for (const [, n] of buckets) count += n
  return {
    kind,
    schema,
    zeroThreshold: schema === 0 ? 0.001 : 2 ** -128,
    zeroCount,
    count,
    sum,
    positiveSpans: spans(positive),
    negativeSpans: spans(negative),
    positive: positive.map(([, n]) => n),
    negative: negative.map(([, n]) => n),
  }
}

function spans(buckets: readonly (readonly [number, number])[]): [number, number][] {
  const out: [number, number][] = []
  let end = 0
  for (const [index] of buckets) {
    const last = out[out.length - 1]
    if (last && index === end) last[1]++
    else out.push([index - end, 1])
    end = index + 1
  }
  return out
}

export function openMetrics(series: readonly MadeSeries[]): string {
  const lines: string[] = []
  for (const { labels, samples } of series) {
    const name = labels[0]![1]
    const text = labels.slice(1).map(([key, value]) => `${key}="${value}"`)
    lines.push(`# TYPE ${name.replace(/_total$/, '')} ${name.endsWith('_total') ? 'counter' : 'gauge'}`)
    for (const { t, v } of samples) {
      lines.push(`${name}{${text.join(',')}} ${formatGo(v!)} ${(t / 1000).toFixed(3)}`)
    }
  }
  return `${lines.join('\n')}\n# EOF\n`
}

function formatGo(value: number): string {
  if (Object.is(value, -0)) return '-0'
  return String(value).replace('Infinity', 'Inf')
}

/** What an OTLP sender says; only this way start timestamps come into a Prometheus at chosen times. */
export interface MadeStartedSample {
  readonly t: number
  readonly st: number
  readonly v: number
}

/** Counters by name: one that knows its start all along, one that learns it late and restarts. */
export function startedSeries(): ReadonlyMap<string, readonly MadeStartedSample[]> {
  const samples = (st: (i: number) => number): MadeStartedSample[] =>
    Array.from({ length: 50 }, (_, i) => ({ t: START_MS + i * STEP_MS, st: st(i), v: i % 5 === 0 ? i : i / 4 }))
  return new Map([
    ['restarting', samples((i) => (i < 4 ? 0 : START_MS + (i - (i % 20)) * STEP_MS - 77))],
    ['started', samples(() => START_MS - 1234)],
    ['started_each', samples((i) => START_MS + i * STEP_MS - 900 - (i % 7))],
  ])
}

/** An OTLP request of all samples at a time: a sum and an exponential histogram of each name. */
export function otlpRequest(time: number): unknown {
  const metrics = [...startedSeries()].flatMap(([name, samples]) => {
    const sample = samples.find(({ t }) => t === time)
    if (!sample) return []
    const point = {
      timeUnixNano: `${sample.t}000000`,
      startTimeUnixNano: `${sample.st}000000`,
    }
    const total = Math.floor(sample.v) + 1
    const sum = { dataPoints: [{ ...point, asDouble: sample.v }], aggregationTemporality: 2 }
    const histogram = {
      ...point,
      count: String(total),
      sum: sample.v,
      scale: 1,
      zeroCount: '1',
      positive: { offset: 3, bucketCounts: [String(total - 1)] },
    }
    return [
      { name, sum: { ...sum, isMonotonic: false } },
      { name: `${name}_histogram`, exponentialHistogram: { dataPoints: [histogram], aggregationTemporality: 2 } },
    ]
  })
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
}

/** How fast is a million samples of query_range written as JSON? Against JSON.stringify of the same answer. */
import { formatFloat } from '#lib/model/go-float.ts'
import type { QueryOutcome, StepSeries } from '#lib/promql/result.ts'
import { writeQueryAnswer } from '#lib/api/write-json.ts'

const SERIES = 694
const STEPS = 1441
const ROUNDS = 7

let seed = 1
const random = (): number => {
  seed = (seed * 48271) % 2147483647
  return seed / 2147483647
}

const KINDS: ReadonlyArray<readonly [string, () => number]> = [
  ['17-digit floats', () => random() * 1000],
  ['integers', () => Math.floor(random() * 1e6)],
  ['two decimals', () => Math.round(random() * 1e5) / 100],
  ['counters past 1e12', () => 1e12 + Math.floor(random() * 1e12)],
]

for (const [name, next] of KINDS) {
  const outcome = answer(next)
  const form = { range: true, limit: 0, warnings: [], infos: [], maxBytes: Infinity }
  const [bytes] = [...writeQueryAnswer(outcome, form)] as [Uint8Array]
  const ours = median(() => [...writeQueryAnswer(outcome, form)])
  const theirs = median(() => Buffer.from(JSON.stringify(asObjects(outcome))))
  const mb = bytes.length / 1e6
  console.log(
    `${name.padEnd(20)} ${mb.toFixed(1)} MB  bytes ${ours.toFixed(0)} ms (${(mb / (ours / 1000)).toFixed(0)} MB/s)` +
      `  JSON.stringify ${theirs.toFixed(0)} ms (${(mb / (theirs / 1000)).toFixed(0)} MB/s)`,
  )
}

function answer(next: () => number): QueryOutcome {
  const series: StepSeries[] = []
  for (let s = 0; s < SERIES; s++) {
    series.push({
      labels: ['__name__', 'requests_total', 'instance', `node-${String(s).padStart(3, '0')}`],
      values: Float64Array.from({ length: STEPS }, next),
      presence: new Uint8Array(STEPS).fill(1),
    })
  }
  return {
    grid: { startMs: 1_700_000_000_000, stepMs: 15_000, stepCount: STEPS },
    value: { type: 'vector', series },
    annotations: { warnings: [], infos: [], places: {} },
    warnings: [],
    stats: { samplesRead: 0, peakSamples: 0, seriesRead: 0 },
  }
}

function asObjects(outcome: QueryOutcome): unknown {
  const { grid, value } = outcome
  if (value.type !== 'vector') return undefined
  const result = value.series.map(({ labels, values }) => {
    const metric: Record<string, string> = {}
    for (let i = 0; i < labels.length; i += 2) metric[labels[i]!] = labels[i + 1]!
    const points: Array<[number, string]> = []
    for (let i = 0; i < values.length; i++) {
      points.push([(grid.startMs + i * grid.stepMs) / 1000, formatFloat(values[i]!)])
    }
    return { metric, values: points }
  })
  return { status: 'success', data: { resultType: 'matrix', result } }
}

function median(run: () => unknown): number {
  const times: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.now()
    run()
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!
}

/** The series behind the golden log with a past: what comes in each session of a Prometheus that is started again and again. */
import { histogramSeries, type MadeSample, type MadeSeries, START_MS } from './made-series.ts'

const MINUTE_MS = 60_000
const STEP_MS = 5 * MINUTE_MS
/** Once there are more than three hours, a block of two is cut off. */
const SESSION_MINUTES = [0, 60, 120, 165, 180, 255]

/** Where the head, and so the checkpoint, begins after that. */
export const TRUNCATED_MS = START_MS + 120 * MINUTE_MS
const END_MS = START_MS + SESSION_MINUTES.at(-1)! * MINUTE_MS

const steps = Array.from({ length: (END_MS - START_MS) / STEP_MS }, (_, i) => START_MS + i * STEP_MS)

function everyStep(value: (i: number) => number): MadeSample[] {
  return steps.map((t, i) => ({ t, v: value(i) }))
}

/** A sample at each step. */
const HISTOGRAMS = histogramSeries()
  .filter(({ labels }) => labels[0]![1] === 'histogram' || labels[0]![1] === 'float_histogram')
  .map(({ labels, samples }): MadeSeries => ({
    labels,
    samples: samples.slice(0, steps.length).map((sample, i) => ({ ...sample, t: steps[i]! })),
  }))

export const PAST_SERIES: readonly MadeSeries[] = [
  ...Array.from({ length: 20 }, (_, n): MadeSeries => ({
    labels: [
      ['__name__', 'gone'],
      ['n', String(n)],
    ],
    samples: everyStep((i) => i * n).slice(0, 5),
  })),
  ...HISTOGRAMS,
  {
    labels: [
      ['__name__', 'steady_total'],
      ['job', 'ä'],
    ],
    samples: everyStep((i) => i / 8),
    exemplars: steps.map((t, i) => ({ t, v: i / 4, labels: [['trace_id', `t${i}`]] })),
  },
  {
    labels: [
      ['__name__', 'young'],
      ['job', 'b'],
    ],
    samples: everyStep((i) => -i).slice(40),
  },
]

export const SESSIONS: readonly (readonly MadeSeries[])[] = SESSION_MINUTES.slice(1).map((end, i) => {
  const isIn = ({ t }: { readonly t: number }): boolean =>
    t >= START_MS + SESSION_MINUTES[i]! * MINUTE_MS && t < START_MS + end * MINUTE_MS
  return PAST_SERIES.map((series) => ({
    ...series,
    samples: series.samples.filter(isIn),
    exemplars: series.exemplars?.filter(isIn) ?? [],
  }))
})

/** After all of that: more samples of one series than a chunk of late ones holds, and few of another. */
export const LATE: readonly MadeSeries[] = [
  {
    labels: [
      ['__name__', 'steady_total'],
      ['job', 'ä'],
    ],
    samples: Array.from({ length: 40 }, (_, i) => ({ t: END_MS - STEP_MS - 1 - i * 1000, v: i })),
  },
  {
    labels: [
      ['__name__', 'young'],
      ['job', 'b'],
    ],
    samples: [{ t: END_MS - 2 * STEP_MS + 7, v: 0.5 }],
  },
]

export const DELETED = {
  selector: 'young',
  startMs: END_MS - 3 * STEP_MS,
  endMs: END_MS - 2 * STEP_MS,
}

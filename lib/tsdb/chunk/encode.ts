/** Cuts the samples of one series into chunks of about the size Prometheus makes. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { EMPTY_LAYOUT } from '#lib/model/row-layout.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import { FLOAT_HISTOGRAM, HISTOGRAM, type ReadyChunk, XOR } from './chunk.ts'
import { encodeHistograms } from './histogram.ts'
import { CounterResetHeader } from './histogram-layout.ts'
import { type HistogramRun, HistogramRuns } from './histogram-runs.ts'
import { encodeXor } from './xor.ts'

export const SAMPLES_PER_CHUNK = 120
/** A histogram chunk over twice this size is cut, down to `MIN_HISTOGRAMS` samples. */
const HISTOGRAM_CHUNK_BYTES = 1024
const MIN_HISTOGRAMS = 10

/**
 * All samples, as few chunks as hold at most 120 samples each, of nearly equal length. Histograms become integer
 * chunks where all counts of the series are whole, float chunks otherwise.
 */
export function encodeChunks(samples: SampleColumns): ReadyChunk[] {
  const chunks: ReadyChunk[] = []
  const { length } = samples
  const histograms = samples.histograms?.list(length)
  if (!histograms) {
    encodeFloats(samples, 0, length, chunks)
    return chunks
  }
  const whole = histograms.every((histogram) => !histogram || isWhole(histogram))
  for (let from = 0; from < length;) {
    const float = histograms[from] === undefined
    let to = from + 1
    while (to < length && (histograms[to] === undefined) === float) to++
    if (float) encodeFloats(samples, from, to, chunks)
    else encodeRuns(samples, new HistogramRuns(samples, histograms, from, to), whole, chunks)
    from = to
  }
  return chunks
}

/** Start of part `i` of [from, to) cut in `count` nearly equal parts. */
function partStart(from: number, to: number, i: number, count: number): number {
  return from + Math.floor(((to - from) * i) / count)
}

function encodeFloats(
  { timestamps, values }: SampleColumns,
  from: number,
  to: number,
  chunks: ReadyChunk[],
): void {
  const count = Math.ceil((to - from) / SAMPLES_PER_CHUNK)
  for (let i = 0; i < count; i++) {
    const start = partStart(from, to, i, count)
    const end = partStart(from, to, i + 1, count)
    chunks.push({
      minTimeMs: timestamps[start]!,
      maxTimeMs: timestamps[end - 1]!,
      encoding: XOR,
      data: encodeXor(timestamps, values, start, end),
    })
  }
}

function encodeRuns(
  samples: SampleColumns,
  runs: HistogramRuns,
  whole: boolean,
  chunks: ReadyChunk[],
): void {
  for (const run of runs) {
    const parts = Math.ceil((run.to - run.from) / SAMPLES_PER_CHUNK)
    for (let i = 0; i < parts; i++) {
      const start = partStart(run.from, run.to, i, parts)
      const end = partStart(run.from, run.to, i + 1, parts)
      encodePart(samples, run, start, end, whole, chunks)
    }
  }
}

/** One chunk, or several when one would be too large. */
function encodePart(
  samples: SampleColumns,
  run: HistogramRun,
  start: number,
  end: number,
  whole: boolean,
  chunks: ReadyChunk[],
): void {
  const { timestamps, values } = samples
  // Where a stale marker comes first, only stale markers follow: they have no buckets.
  const stale = isStale(values, start)
  const continued = start > run.from && run.header !== CounterResetHeader.gauge
  const data = encodeHistograms(
    whole ? 'integer' : 'float',
    continued ? CounterResetHeader.notReset : run.header,
    stale ? EMPTY_LAYOUT : run.layout,
    timestamps.subarray(start, end),
    values.subarray(start, end),
    run.histograms.slice(start - run.from, end - run.from),
  )
  const wanted = Math.ceil(data.length / HISTOGRAM_CHUNK_BYTES)
  const parts = Math.min(wanted, Math.floor((end - start) / MIN_HISTOGRAMS))
  if (data.length > 2 * HISTOGRAM_CHUNK_BYTES && parts > 1) {
    for (let i = 0; i < parts; i++) {
      const partFrom = partStart(start, end, i, parts)
      const partTo = partStart(start, end, i + 1, parts)
      encodePart(samples, run, partFrom, partTo, whole, chunks)
    }
    return
  }
  chunks.push({
    minTimeMs: timestamps[start]!,
    maxTimeMs: timestamps[end - 1]!,
    encoding: whole ? HISTOGRAM : FLOAT_HISTOGRAM,
    data,
  })
}

function isWhole(histogram: FloatHistogram): boolean {
  const { count, zeroCount, positiveBuckets, negativeBuckets } = histogram
  return (
    isCount(count) &&
    isCount(zeroCount) &&
    positiveBuckets.every(isCount) &&
    negativeBuckets.every(isCount)
  )
}

/** Half the exact range, so that changes of differences stay exact too. */
function isCount(count: number): boolean {
  return Number.isInteger(count) && count >= 0 && count <= 2 ** 50 && !Object.is(count, -0)
}

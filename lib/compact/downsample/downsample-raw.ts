/** Raw samples of a series become aggregate chunks, as Thanos makes them. */
import type { SampleColumns } from '#lib/model/samples.ts'
import { AggregateWriter } from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { CounterResetHeader } from '#lib/tsdb/chunk/histogram-layout.ts'
import { FloatWindows } from './float-windows.ts'
import { cutBatch } from './histogram-batches.ts'
import { HistogramWindows } from './histogram-windows.ts'
import { batchEnds } from './windows.ts'

const floats = new FloatWindows()
const out = new AggregateWriter()

/** `samples` have no stale markers; other NaN count where chunks are cut, but not in windows. Floats and histograms don't share a chunk. */
export function downsampleRaw(samples: SampleColumns, resolutionMs: number): ReadyChunk[] {
  const chunks: ReadyChunk[] = []
  const { length, timestamps, values, histograms } = samples
  for (let from = 0; from < length;) {
    const isFloat = histograms?.layouts[from] === undefined
    let to = histograms ? from + 1 : length
    while (to < length && (histograms!.layouts[to] === undefined) === isFloat) to++
    for (const end of batchEnds(timestamps, from, to, resolutionMs)) {
      if (isFloat) {
        floats.fill(timestamps, values, from, end, resolutionMs, 'drop')
        if (floats.length > 0) chunks.push(floats.chunk(out))
      } else histogramChunks(samples, from, end, resolutionMs, chunks)
      from = end
    }
  }
  return chunks
}

function histogramChunks(
  { timestamps, values, histograms }: SampleColumns,
  from: number,
  to: number,
  resolutionMs: number,
  chunks: ReadyChunk[],
): void {
  const picks: number[] = []
  for (let row = from; row < to; row++) if (!Number.isNaN(values[row]!)) picks.push(row)
  if (picks.length === 0) return
  for (const batch of cutBatch(histograms!, timestamps, picks)) {
    const windows = new HistogramWindows(batch, resolutionMs)
    chunks.push(histogramChunk(windows, windows, windows.counts, batch.header))
  }
}

/** Of sums and counters in the same windows. Histograms have neither least nor greatest. */
export function histogramChunk(
  sums: HistogramWindows,
  counters: HistogramWindows,
  counts: Float64Array,
  header: number,
): ReadyChunk {
  const { times, length } = counters
  out.floats(times, counts, 0, length)
  out.chunk(sums.encodeSums(CounterResetHeader.gauge))
  out.chunk(undefined)
  out.chunk(undefined)
  out.chunk(counters.encodeCounters(header))
  return {
    encoding: AGGREGATE,
    data: out.finish(),
    minTimeMs: times[0]!,
    maxTimeMs: times[length - 1]!,
  }
}

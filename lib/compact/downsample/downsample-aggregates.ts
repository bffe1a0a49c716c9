/** Aggregate chunks of a series become such of longer windows, as Thanos makes them: whole chunks, so that counters keep what each began and ended with. */
import {
  type AggregateChunk,
  type Aggregate,
  AGGREGATES,
  AggregateWriter,
  parseAggregateChunk,
} from '#lib/tsdb/chunk/aggregate.ts'
import {
  AGGREGATE,
  chunkSampleCount,
  decodeChunk,
  type EncodedChunk,
  type ReadyChunk,
  XOR,
} from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, type Interval } from '#lib/tsdb/chunk/columns.ts'
import { toCounterTotals } from '#lib/tsdb/chunk/counter-totals.ts'
import { FloatWindows } from './float-windows.ts'
import { histogramChunk } from './downsample-raw.ts'
import { cutBatch, sameKind } from './histogram-batches.ts'
import { HistogramWindows } from './histogram-windows.ts'
import { chunkCount, FIVE_MINUTES_MS, ONE_HOUR_MS } from './windows.ts'

/** In time order; those that begin before another has ended give only what is later. `deleted` is of windows, by their time. */
export function downsampleAggregates(
  chunks: readonly ReadyChunk[],
  deleted: readonly Interval[],
): ReadyChunk[] {
  const made: ReadyChunk[] = []
  const parts = partsOf(chunks, deleted)
  for (let from = 0; from < parts.length;) {
    const { isHistogram } = parts[from]!
    let to = from + 1
    while (to < parts.length && parts[to]!.isHistogram === isHistogram) to++
    const size = batchSize(parts.slice(from, to))
    for (; from < to; from = Math.min(from + size, to)) {
      const batch = parts.slice(from, Math.min(from + size, to))
      if (isHistogram) histogramChunks(batch, made)
      else floatChunk(batch, made)
    }
  }
  return made
}

/** A chunk, parsed, and what of it doesn't count. */
interface Part {
  readonly chunk: ReadyChunk
  readonly aggregates: AggregateChunk
  readonly isHistogram: boolean
  readonly left: readonly Interval[]
}

function partsOf(chunks: readonly ReadyChunk[], deleted: readonly Interval[]): Part[] {
  let endMs = -Infinity
  return chunks.map((chunk) => {
    const aggregates = parseAggregateChunk(chunk.data)
    const overlaps = chunk.minTimeMs <= endMs
    const left = overlaps ? [...deleted, { minTimeMs: -Infinity, maxTimeMs: endMs }] : deleted
    endMs = Math.max(endMs, chunk.maxTimeMs)
    const { counter } = aggregates
    return {
      chunk,
      aggregates,
      isHistogram: counter !== undefined && counter.encoding !== XOR,
      left,
    }
  })
}

function batchSize(parts: readonly Part[]): number {
  const extent = {
    minTimeMs: parts[0]!.chunk.minTimeMs,
    maxTimeMs: parts.at(-1)!.chunk.maxTimeMs,
    count: parts.reduce((sum, { aggregates: { count } }) => sum + countOf(count), 0),
  }
  const chunks = chunkCount(extent, FIVE_MINUTES_MS, ONE_HOUR_MS)
  return Math.max(1, Math.floor(parts.length / chunks))
}

function countOf(chunk: EncodedChunk | undefined): number {
  return chunk ? chunkSampleCount(chunk.encoding, chunk.data) : 0
}

/** Used again from batch to batch. */
const builders: Readonly<Record<Aggregate, ColumnBuilder>> = {
  count: new ColumnBuilder(),
  sum: new ColumnBuilder(),
  min: new ColumnBuilder(),
  max: new ColumnBuilder(),
  counter: new ColumnBuilder(),
}
const windows = new FloatWindows()
const out = new AggregateWriter()

/** What there is of one aggregate, end to end. */
function decodeAll(parts: readonly Part[], aggregate: Aggregate): ColumnBuilder {
  const builder = builders[aggregate]
  builder.reset()
  for (const { aggregates, left } of parts) {
    const chunk = aggregates[aggregate]
    if (!chunk) continue
    const from = builder.length
    decodeChunk(chunk.encoding, chunk.data, builder)
    for (const interval of left) builder.delete(interval, from)
  }
  return builder
}

const FLOAT_COLUMNS = { count: 'sums', sum: 'sums', min: 'mins', max: 'maxs' } as const

function floatChunk(parts: readonly Part[], made: ReadyChunk[]): void {
  let minTimeMs = Infinity
  let maxTimeMs = -Infinity
  for (const aggregate of AGGREGATES) {
    const builder = decodeAll(parts, aggregate)
    const last = aggregate === 'counter' ? toCounterTotals(builder) : 0
    const { timestamps, values, length } = builder
    if (length === 0) {
      out.chunk(undefined)
      continue
    }
    windows.fill(timestamps, values, 0, length, ONE_HOUR_MS, 'keep')
    minTimeMs = Math.min(minTimeMs, windows.times[1]!)
    maxTimeMs = Math.max(maxTimeMs, windows.times[windows.length]!)
    if (aggregate === 'counter') {
      windows.counters[windows.length + 1] = last
      windows.writeCounter(out)
    } else windows.write(windows[FLOAT_COLUMNS[aggregate]], out)
  }
  const data = out.finish()
  if (minTimeMs <= maxTimeMs) made.push({ encoding: AGGREGATE, data, minTimeMs, maxTimeMs })
}

function histogramChunks(parts: readonly Part[], made: ReadyChunk[]): void {
  const counts = decodeAll(parts, 'count')
  const sums = decodeAll(parts, 'sum')
  const counters = decodeAll(parts, 'counter')
  align([counts, sums, counters])
  const { timestamps, length } = counters
  if (length === 0) return
  const rows = counters.histograms()
  const sumRows = sums.histograms()
  const picks = Array.from({ length }, (_, i) => i)
  const alsoFits = (a: number, b: number): boolean =>
    sameKind(sumRows.layouts[a]!, sumRows.layouts[b]!)
  for (const batch of cutBatch(rows, timestamps, picks, alsoFits)) {
    const [from, to] = [batch.picks[0]!, batch.picks.at(-1)! + 1]
    windows.fill(timestamps, counts.values, from, to, ONE_HOUR_MS, 'keep')
    const summed = windows.sums.subarray(1, windows.length + 1)
    made.push(
      histogramChunk(
        new HistogramWindows({ ...batch, rows: sumRows }, ONE_HOUR_MS),
        new HistogramWindows(batch, ONE_HOUR_MS),
        summed,
        batch.header,
      ),
    )
  }
}

/** Leaves the times that all have: of histograms whose zero bucket changes, Thanos loses sums or counters. */
function align(columns: readonly ColumnBuilder[]): void {
  const at = columns.map(() => 0)
  let kept = 0
  while (columns.every(({ length }, c) => at[c]! < length)) {
    const times = columns.map(({ timestamps }, c) => timestamps[at[c]!]!)
    const newest = Math.max(...times)
    const isEverywhere = times.every((timeMs) => timeMs === newest)
    for (const [c, column] of columns.entries()) {
      if (isEverywhere) column.move(at[c]!, kept)
      if (isEverywhere || times[c]! < newest) at[c]!++
    }
    if (isEverywhere) kept++
  }
  for (const column of columns) column.remove(kept, column.length)
}

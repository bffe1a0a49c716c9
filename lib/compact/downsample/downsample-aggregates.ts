/** Aggregate chunks of a series become such of longer windows, as Thanos makes them: whole chunks, so that counters keep what each began and ended with. */
import {
  ABSENT,
  type Aggregate,
  AGGREGATES,
  AggregateWriter,
  placeAggregates,
  PLACES,
} from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE, decodeChunk, type ReadyChunk, XOR } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, type Interval } from '#lib/tsdb/chunk/columns.ts'
import { toCounterTotals } from '#lib/tsdb/chunk/counter-totals.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { FloatWindows } from './float-windows.ts'
import { histogramChunk } from './downsample-raw.ts'
import { cutBatch, sameKind } from './histogram-batches.ts'
import { HistogramWindows } from './histogram-windows.ts'
import { chunkCount, FIVE_MINUTES_MS, ONE_HOUR_MS } from './windows.ts'

/** In time order; those that begin before another has ended give only what is later. `deleted` is of windows, by their time. */
export function downsampleAggregates(
  frames: FrameList,
  deleted: readonly Interval[],
): ReadyChunk[] {
  const made: ReadyChunk[] = []
  parts.take(frames, deleted)
  for (let from = 0; from < frames.length;) {
    const isHistogram = parts.isHistogram(from)
    let to = from + 1
    while (to < frames.length && parts.isHistogram(to) === isHistogram) to++
    const size = batchSize(frames, from, to)
    for (; from < to; from = Math.min(from + size, to)) {
      const end = Math.min(from + size, to)
      if (isHistogram) histogramChunks(from, end, made)
      else floatChunk(from, end, made)
    }
  }
  return made
}

/** The chunks of a series, parsed, and what of each doesn't count. */
class Parts {
  #frames = new FrameList()
  #places = new Int32Array(0)
  readonly #left: (readonly Interval[])[] = []

  take(frames: FrameList, deleted: readonly Interval[]): void {
    const { length, bytes, dataStarts, ends, minTimes, maxTimes } = frames
    this.#frames = frames
    if (length * PLACES > this.#places.length) this.#places = new Int32Array(length * PLACES * 2)
    let endMs = -Infinity
    for (let i = 0; i < length; i++) {
      placeAggregates(bytes[i]!, dataStarts[i]!, ends[i]! - 4, this.#places, i * PLACES)
      const overlaps = minTimes[i]! <= endMs
      this.#left[i] = overlaps ? [...deleted, { minTimeMs: -Infinity, maxTimeMs: endMs }] : deleted
      endMs = Math.max(endMs, maxTimes[i]!)
    }
  }

  isHistogram(part: number): boolean {
    const encoding = this.#places[part * PLACES + COUNTER]!
    return encoding !== ABSENT && encoding !== XOR
  }

  /** What there is of one aggregate in parts [from, to), end to end. */
  decode(from: number, to: number, aggregate: Aggregate): ColumnBuilder {
    const builder = builders[aggregate]
    builder.reset()
    for (let part = from; part < to; part++) {
      const at = part * PLACES + AGGREGATES.indexOf(aggregate) * 3
      const encoding = this.#places[at]!
      if (encoding === ABSENT) continue
      const before = builder.length
      const bytes = this.#frames.bytes[part]!
      decodeChunk(encoding, bytes, builder, this.#places[at + 1], this.#places[at + 2])
      for (const interval of this.#left[part]!) builder.delete(interval, before)
    }
    return builder
  }
}

const COUNTER = AGGREGATES.indexOf('counter') * 3

const parts = new Parts()

function batchSize(frames: FrameList, from: number, to: number): number {
  let count = 0
  for (let i = from; i < to; i++) count += frames.sampleCount(i)
  const extent = { minTimeMs: frames.minTimes[from]!, maxTimeMs: frames.maxTimes[to - 1]!, count }
  const chunks = chunkCount(extent, FIVE_MINUTES_MS, ONE_HOUR_MS)
  return Math.max(1, Math.floor((to - from) / chunks))
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

const FLOAT_COLUMNS = { count: 'sums', sum: 'sums', min: 'mins', max: 'maxs' } as const

function floatChunk(from: number, to: number, made: ReadyChunk[]): void {
  let minTimeMs = Infinity
  let maxTimeMs = -Infinity
  for (const aggregate of AGGREGATES) {
    const builder = parts.decode(from, to, aggregate)
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

function histogramChunks(from: number, to: number, made: ReadyChunk[]): void {
  const counts = parts.decode(from, to, 'count')
  const sums = parts.decode(from, to, 'sum')
  const counters = parts.decode(from, to, 'counter')
  align([counts, sums, counters])
  const { timestamps, length } = counters
  if (length === 0) return
  const rows = counters.histograms()
  const sumRows = sums.histograms()
  const picks = Array.from({ length }, (_, i) => i)
  const alsoFits = (a: number, b: number): boolean =>
    sameKind(sumRows.layouts[a]!, sumRows.layouts[b]!)
  for (const batch of cutBatch(rows, timestamps, picks, alsoFits)) {
    const [first, end] = [batch.picks[0]!, batch.picks.at(-1)! + 1]
    windows.fill(timestamps, counts.values, first, end, ONE_HOUR_MS, 'keep')
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

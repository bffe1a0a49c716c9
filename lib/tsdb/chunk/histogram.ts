/** Histogram chunks, integer (encodings 2 and 5) and float (3 and 6): a layout, then time and fields of each sample. */
import { CorruptError } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HINT_GAUGE, HINT_NOT_RESET, HINT_UNKNOWN } from '#lib/model/histogram-column.ts'
import { EMPTY_LAYOUT, type RowLayout } from '#lib/model/row-layout.ts'
import { type BitReader, loadBits } from './bit-reader.ts'
import { BitWriter } from './bit-writer.ts'
import type { ColumnBuilder } from './columns.ts'
import { FloatFields } from './float-fields.ts'
import { reduceResolution } from './histogram-buckets.ts'
import { readHeader } from './histogram-header.ts'
import {
  CounterResetHeader,
  expectRoomForBuckets,
  MAX_SCHEMA,
  readLayout,
  writeLayout,
} from './histogram-layout.ts'
import { IntegerFields } from './integer-fields.ts'
import { StartTimestampReader } from './start-timestamps.ts'
import { readVarbitInt, writeVarbitInt } from './varbit.ts'
import { isStaleBits } from './xor-value.ts'

/** Integer chunks have whole counts. */
export type HistogramKind = 'integer' | 'float'

/** What a sample has besides its times, in the way of one kind; samples come in order. */
export interface HistogramFields {
  /** A chunk begins. */
  reset(layout: RowLayout): void
  /** Of the sample that was read last; not of a stale one. */
  readonly count: number
  readonly zeroCount: number
  /** Low and high half. */
  readonly sumBits: Int32Array
  /** Writes the buckets at `at`, without those of a stale sample. */
  readFirst(reader: BitReader, buckets: Float64Array, at: number): void
  /** Those of the sample before that was not stale are at `before`. */
  readNext(reader: BitReader, buckets: Float64Array, at: number, before: number): void
  writeFirst(out: BitWriter, fields: WrittenFields): void
  writeNext(out: BitWriter, fields: WrittenFields): void
}

export interface WrittenFields {
  count: number
  zeroCount: number
  readonly sumBits: Int32Array
  /** Then the counts are 0, and there are no buckets. */
  stale: boolean
  readonly buckets: Float64Array
}

/** Used again: chunks are read and written in one go. */
const shared = { integer: new IntegerFields(), float: new FloatFields() }

/**
 * Of bytes [start, end). `withStarts`: the encoding has start timestamps. Samples outside of what `into` wants are left
 * out, and those behind it are not even read.
 */
export function decodeHistograms(
  kind: HistogramKind,
  withStarts: boolean,
  data: Uint8Array,
  into: ColumnBuilder,
  start = 0,
  end = data.length,
): void {
  const reader = loadBits(data, start, end)
  const header = readHeader(reader, withStarts)
  const { count } = header
  if (count === 0) return
  const read = readLayout(reader)
  expectRoomForBuckets(read, reader, kind === 'integer' ? 1 : 64)
  const fields: HistogramFields = shared[kind]
  fields.reset(read)
  into.reserve(count)
  const { timestamps, valueBits, minTimeMs, maxTimeMs } = into
  const starts = header.starts === 0 ? undefined : into.startTimestamps()
  const startReader = new StartTimestampReader(header.starts)
  const rows = into.histograms()
  const { starts: rowStarts, counts, zeroCounts, sums, hints } = rows
  const layout = rows.shared(read)
  const first = into.length
  const later = header.counterReset === CounterResetHeader.gauge ? HINT_GAUGE : HINT_NOT_RESET
  let timestamp = 0
  let timeDelta = 0
  let out = first
  let at = rows.take(layout.size)
  let newest = at
  for (let i = 0; i < count; i++) {
    const before = timestamp
    if (i === 0) {
      timestamp = readVarbitInt(reader)
      if (timestamp > maxTimeMs) break
      fields.readFirst(reader, rows.buckets, at)
    } else {
      timeDelta += readVarbitInt(reader)
      if (timeDelta < 0) {
        throw new CorruptError(`timestamp runs back in sample ${i}`, reader.offsetOf(reader.at))
      }
      timestamp += timeDelta
      if (timestamp > maxTimeMs) break
      fields.readNext(reader, rows.buckets, at, newest)
    }
    const stale = isStaleBits(fields.sumBits, 0)
    if (!stale) newest = at
    timestamps[out] = timestamp
    valueBits[out * 2] = fields.sumBits[0]!
    valueBits[out * 2 + 1] = fields.sumBits[1]!
    rowStarts[out] = at
    counts[out] = stale ? 0 : fields.count
    zeroCounts[out] = stale ? 0 : fields.zeroCount
    sums[out] = into.values[out]!
    // The chunk before may be missing by now, so a first counter claims nothing, whatever the header says.
    hints[out] = stale || (i === 0 && later === HINT_NOT_RESET) ? HINT_UNKNOWN : later
    if (starts) starts[out] = startReader.read(reader, i, timestamp, before)
    reader.expectWithin()
    // A sample before what is wanted is overwritten by the next.
    if (timestamp < minTimeMs) continue
    out++
    at = rows.take(layout.size)
  }
  for (let row = first; row < out; row++) {
    const stale = isStaleBits(valueBits, row)
    rows.layouts[row] = stale ? EMPTY_LAYOUT : layout
    if (layout.schema > MAX_SCHEMA && !stale) {
      rows.set(row, reduceResolution(rows.at(row)!, MAX_SCHEMA))
    }
  }
  into.commit(out - first)
}

const scratch = new BitWriter(4096)

/**
 * One chunk of samples that all fit `layout`: bucket arrays are as long as its spans say. Where `sums` has a stale
 * marker the sample is stale; then it and all after it must be.
 */
export function encodeHistograms(
  kind: HistogramKind,
  counterReset: number,
  layout: RowLayout,
  timestamps: Float64Array,
  sums: Float64Array,
  histograms: readonly FloatHistogram[],
): Uint8Array {
  const out = scratch
  out.clear()
  out.bits(histograms.length, 16)
  out.bits(counterReset << 6, 8)
  writeLayout(out, layout)
  const sumBits = new Int32Array(sums.buffer, sums.byteOffset, sums.length * 2)
  const fields: HistogramFields = shared[kind]
  fields.reset(layout)
  const written: WrittenFields = {
    count: 0,
    zeroCount: 0,
    sumBits: new Int32Array(2),
    stale: false,
    buckets: new Float64Array(layout.size),
  }
  let timeDelta = 0
  for (let i = 0; i < histograms.length; i++) {
    const { count, zeroCount, positiveBuckets, negativeBuckets } = histograms[i]!
    written.sumBits[0] = sumBits[i * 2]!
    written.sumBits[1] = sumBits[i * 2 + 1]!
    written.stale = isStaleBits(sumBits, i)
    written.count = written.stale ? 0 : count
    written.zeroCount = written.stale ? 0 : zeroCount
    if (!written.stale) {
      written.buckets.set(positiveBuckets)
      written.buckets.set(negativeBuckets, positiveBuckets.length)
    }
    if (i === 0) {
      writeVarbitInt(out, timestamps[0]!)
      fields.writeFirst(out, written)
    } else {
      const nextTimeDelta = timestamps[i]! - timestamps[i - 1]!
      writeVarbitInt(out, nextTimeDelta - timeDelta)
      timeDelta = nextTimeDelta
      fields.writeNext(out, written)
    }
  }
  return out.finish()
}

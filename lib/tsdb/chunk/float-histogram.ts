/** Float histogram chunks (encodings 3 and 6): every field XOR-ed with its predecessor. */
import { CorruptError } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { loadBits } from './bit-reader.ts'
import { BitWriter } from './bit-writer.ts'
import type { ColumnBuilder } from './columns.ts'
import { reduceResolution } from './histogram-buckets.ts'
import { type ChunkHeader, readHeader } from './histogram-header.ts'
import {
  bucketCount,
  EMPTY_LAYOUT,
  type HistogramLayout,
  MAX_SCHEMA,
  readLayout,
  resetHint,
  writeLayout,
} from './histogram-layout.ts'
import { StartTimestampReader } from './start-timestamps.ts'
import { readVarbitInt, writeVarbitInt } from './varbit.ts'
import { isStaleBits, XorValues } from './xor-value.ts'

/** Places in the row of XOR-ed values; buckets follow. */
const COUNT = 0
const ZERO_COUNT = 1
const SUM = 2
const BUCKETS = 3

/** Encoding 3. */
export function decodeFloatHistogram(data: Uint8Array, into: ColumnBuilder): void {
  decode(data, readHeader(data, false), into)
}

/** Encoding 6: with start timestamps. */
export function decodeFloatHistogramSt(data: Uint8Array, into: ColumnBuilder): void {
  decode(data, readHeader(data, true), into)
}

function decode(data: Uint8Array, header: ChunkHeader, into: ColumnBuilder): void {
  const { count, counterReset } = header
  if (count === 0) return
  const reader = loadBits(data)
  reader.at = 24
  const layout = readLayout(reader)
  const positives = bucketCount(layout.positiveSpans, reader, 64)
  const negatives = bucketCount(layout.negativeSpans, reader, 64)
  const row = new XorValues(BUCKETS + positives + negatives)
  const size = row.values.length
  let timestamp = 0
  let timeDelta = 0

  into.reserve(count)
  const starts = header.starts === 0 ? undefined : into.startTimestamps()
  const startReader = new StartTimestampReader(header.starts)
  const histograms: FloatHistogram[] = []
  for (let i = 0, out = into.length; i < count; i++, out++) {
    const before = timestamp
    if (i === 0) {
      timestamp = readVarbitInt(reader)
      for (let f = 0; f < size; f++) {
        row.readFirst(reader, f)
        reader.expectWithin()
      }
    } else {
      timeDelta += readVarbitInt(reader)
      if (timeDelta < 0) {
        throw new CorruptError(`timestamp runs back in sample ${i}`, reader.at >>> 3)
      }
      timestamp += timeDelta
      for (let f = 0; f < size; f++) {
        row.readNext(reader, f)
        reader.expectWithin()
        // A stale sample ends with its sum.
        if (f === SUM && isStaleBits(row.bits, SUM)) break
      }
    }
    const stale = isStaleBits(row.bits, SUM)
    into.timestamps[out] = timestamp
    into.valueBits[out * 2] = row.bits[SUM * 2]!
    into.valueBits[out * 2 + 1] = row.bits[SUM * 2 + 1]!
    if (starts) starts[out] = startReader.read(reader, i, timestamp, before)
    reader.expectWithin()
    const shape: HistogramLayout = stale ? EMPTY_LAYOUT : layout
    const histogram: FloatHistogram = {
      ...shape,
      zeroCount: stale ? 0 : row.values[ZERO_COUNT]!,
      count: stale ? 0 : row.values[COUNT]!,
      sum: row.values[SUM]!,
      positiveBuckets: stale ? NO_BUCKETS : row.values.slice(BUCKETS, BUCKETS + positives),
      negativeBuckets: stale ? NO_BUCKETS : row.values.slice(BUCKETS + positives),
      counterResetHint: stale ? 'unknown' : resetHint(counterReset, i),
    }
    histograms.push(shape.schema > MAX_SCHEMA ? reduceResolution(histogram, MAX_SCHEMA) : histogram)
  }
  into.commit(count, histograms)
}

const NO_BUCKETS = new Float64Array(0)

const scratch = new BitWriter(4096)

/** One chunk of samples that all fit `layout`; as `encodeHistogram`, with fractional counts. */
export function encodeFloatHistogram(
  counterReset: number,
  layout: HistogramLayout,
  timestamps: Float64Array,
  sums: Float64Array,
  histograms: readonly FloatHistogram[],
): Uint8Array {
  const out = scratch
  out.clear()
  out.bits(histograms.length, 16)
  out.bits(counterReset << 6, 8)
  writeLayout(out, layout)
  const positives = bucketCount(layout.positiveSpans, undefined, 0)
  const negatives = bucketCount(layout.negativeSpans, undefined, 0)
  const row = new XorValues(BUCKETS + positives + negatives)
  const fields = new Float64Array(row.values.length)
  const fieldBits = new Int32Array(fields.buffer)
  const sumBits = new Int32Array(sums.buffer, sums.byteOffset, sums.length * 2)
  let timeDelta = 0
  for (let i = 0; i < histograms.length; i++) {
    const histogram = histograms[i]!
    const stale = isStaleBits(sumBits, i)
    fields.fill(0)
    if (!stale) {
      fields[COUNT] = histogram.count
      fields[ZERO_COUNT] = histogram.zeroCount
      fields.set(histogram.positiveBuckets, BUCKETS)
      fields.set(histogram.negativeBuckets, BUCKETS + positives)
    }
    fieldBits[SUM * 2] = sumBits[i * 2]!
    fieldBits[SUM * 2 + 1] = sumBits[i * 2 + 1]!
    const size = stale ? BUCKETS : fields.length
    if (i === 0) {
      writeVarbitInt(out, timestamps[0]!)
      for (let f = 0; f < size; f++) row.writeFirst(out, f, fieldBits, f)
    } else {
      const nextTimeDelta = timestamps[i]! - timestamps[i - 1]!
      writeVarbitInt(out, nextTimeDelta - timeDelta)
      timeDelta = nextTimeDelta
      for (let f = 0; f < size; f++) row.writeNext(out, f, fieldBits, f)
    }
  }
  return out.finish()
}

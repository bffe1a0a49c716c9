/** Integer histogram chunks (encodings 2 and 5): counts and buckets as deltas of deltas. */
import { CorruptError } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { type BitReader, loadBits } from './bit-reader.ts'
import { BitWriter } from './bit-writer.ts'
import type { ColumnBuilder } from './columns.ts'
import { reduceResolution } from './histogram-buckets.ts'
import {
  bucketCount,
  EMPTY_LAYOUT,
  type HistogramLayout,
  MAX_SCHEMA,
  readLayout,
  resetHint,
  writeLayout,
} from './histogram-layout.ts'
import { type ChunkHeader, readHeader } from './histogram-header.ts'
import { StartTimestampReader } from './start-timestamps.ts'
import { readVarbitInt, readVarbitUint, writeVarbitInt, writeVarbitUint } from './varbit.ts'
import { isStaleBits, XorValues } from './xor-value.ts'

/** Encoding 2. */
export function decodeHistogram(data: Uint8Array, into: ColumnBuilder): void {
  decode(data, readHeader(data, false), into)
}

/** Encoding 5: with start timestamps. */
export function decodeHistogramSt(data: Uint8Array, into: ColumnBuilder): void {
  decode(data, readHeader(data, true), into)
}

function decode(data: Uint8Array, header: ChunkHeader, into: ColumnBuilder): void {
  const { count, counterReset } = header
  if (count === 0) return
  const reader = loadBits(data)
  reader.at = 24
  const layout = readLayout(reader)
  const positives = bucketCount(layout.positiveSpans, reader, 1)
  const negatives = bucketCount(layout.negativeSpans, reader, 1)
  // Each bucket's difference to the bucket before it, and how that changed last.
  const differences = new Float64Array(positives + negatives)
  const changes = new Float64Array(positives + negatives)
  const sum = new XorValues(1)
  let timestamp = 0
  let timeDelta = 0
  let total = 0
  let totalDelta = 0
  let zeros = 0
  let zerosDelta = 0

  into.reserve(count)
  const starts = header.starts === 0 ? undefined : into.startTimestamps()
  const startReader = new StartTimestampReader(header.starts)
  const histograms: FloatHistogram[] = []
  const rows = new BucketRows(positives, negatives)
  for (let i = 0, out = into.length; i < count; i++, out++) {
    const before = timestamp
    let stale = false
    if (i === 0) {
      timestamp = readVarbitInt(reader)
      total = readVarbitUint(reader)
      zeros = readVarbitUint(reader)
      sum.readFirst(reader, 0)
      reader.expectWithin()
      for (let b = 0; b < differences.length; b++) {
        differences[b] = readVarbitInt(reader)
        reader.expectWithin()
      }
    } else {
      timeDelta += readVarbitInt(reader)
      timestamp += timeDelta
      totalDelta += readVarbitInt(reader)
      total += totalDelta
      zerosDelta += readVarbitInt(reader)
      zeros += zerosDelta
      sum.readNext(reader, 0)
      reader.expectWithin()
      stale = isStaleBits(sum.bits, 0)
      if (!stale) readChanges(reader, differences, changes)
    }
    if (i > 0 && timeDelta < 0) {
      throw new CorruptError(`timestamp runs back in sample ${i}`, reader.at >>> 3)
    }
    stale ||= isStaleBits(sum.bits, 0)
    into.timestamps[out] = timestamp
    into.valueBits[out * 2] = sum.bits[0]!
    into.valueBits[out * 2 + 1] = sum.bits[1]!
    if (starts) starts[out] = startReader.read(reader, i, timestamp, before)
    reader.expectWithin()
    const shape: HistogramLayout = stale ? EMPTY_LAYOUT : layout
    if (!stale) rows.add(differences)
    const histogram: FloatHistogram = {
      schema: shape.schema,
      zeroThreshold: shape.zeroThreshold,
      positiveSpans: shape.positiveSpans,
      negativeSpans: shape.negativeSpans,
      customValues: shape.customValues,
      zeroCount: stale ? 0 : zeros,
      count: stale ? 0 : total,
      sum: sum.values[0]!,
      positiveBuckets: stale ? NO_BUCKETS : rows.positives(),
      negativeBuckets: stale ? NO_BUCKETS : rows.negatives(),
      counterResetHint: stale ? 'unknown' : resetHint(counterReset, i),
    }
    histograms.push(shape.schema > MAX_SCHEMA ? reduceResolution(histogram, MAX_SCHEMA) : histogram)
  }
  into.commit(count, histograms)
}

const NO_BUCKETS = new Float64Array(0)

function readChanges(reader: BitReader, differences: Float64Array, changes: Float64Array): void {
  for (let b = 0; b < differences.length; b++) {
    changes[b]! += readVarbitInt(reader)
    differences[b]! += changes[b]!
    reader.expectWithin()
  }
}

/** Memory for the buckets of so many samples is taken at once: views of it cost a third of arrays of their own. */
const ROWS_AT_ONCE = 32

/** Absolute bucket counts, a row for each sample. */
class BucketRows {
  readonly #positives: number
  readonly #size: number
  #rows = NO_BUCKETS
  /** Where the newest row begins. */
  #at = 0

  constructor(positives: number, negatives: number) {
    this.#positives = positives
    this.#size = positives + negatives
  }

  /** A row from the differences between buckets. */
  add(differences: Float64Array): void {
    this.#at += this.#size
    if (this.#at + this.#size > this.#rows.length) {
      this.#rows = new Float64Array(this.#size * ROWS_AT_ONCE)
      this.#at = 0
    }
    const rows = this.#rows
    let count = 0
    for (let b = 0; b < this.#size; b++) {
      count = b === this.#positives ? differences[b]! : count + differences[b]!
      rows[this.#at + b] = count
    }
  }

  positives(): Float64Array {
    return this.#positives === 0
      ? NO_BUCKETS
      : this.#rows.subarray(this.#at, this.#at + this.#positives)
  }

  negatives(): Float64Array {
    return this.#positives === this.#size
      ? NO_BUCKETS
      : this.#rows.subarray(this.#at + this.#positives, this.#at + this.#size)
  }
}

const scratch = new BitWriter(4096)

/**
 * One chunk of integer samples that all fit `layout`: bucket arrays are as long as its spans say. Where `sums` has a
 * stale marker the sample is stale; then it and all after it must be.
 */
export function encodeHistogram(
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
  const sumBits = new Int32Array(sums.buffer, sums.byteOffset, sums.length * 2)
  const size =
    bucketCount(layout.positiveSpans, undefined, 0) +
    bucketCount(layout.negativeSpans, undefined, 0)
  const differences = new Float64Array(size)
  const changes = new Float64Array(size)
  const sum = new XorValues(1)
  let timeDelta = 0
  let totalDelta = 0
  let zerosDelta = 0
  for (let i = 0; i < histograms.length; i++) {
    const { count, zeroCount, positiveBuckets, negativeBuckets } = histograms[i]!
    const stale = isStaleBits(sumBits, i)
    if (i === 0) {
      writeVarbitInt(out, timestamps[0]!)
      writeVarbitUint(out, stale ? 0 : count)
      writeVarbitUint(out, stale ? 0 : zeroCount)
      sum.writeFirst(out, 0, sumBits, i)
    } else {
      const nextTimeDelta = timestamps[i]! - timestamps[i - 1]!
      writeVarbitInt(out, nextTimeDelta - timeDelta)
      timeDelta = nextTimeDelta
      if (stale) {
        writeVarbitInt(out, 0)
        writeVarbitInt(out, 0)
      } else {
        const nextTotalDelta = count - histograms[i - 1]!.count
        writeVarbitInt(out, nextTotalDelta - totalDelta)
        totalDelta = nextTotalDelta
        const nextZerosDelta = zeroCount - histograms[i - 1]!.zeroCount
        writeVarbitInt(out, nextZerosDelta - zerosDelta)
        zerosDelta = nextZerosDelta
      }
      sum.writeNext(out, 0, sumBits, i)
    }
    if (stale) continue
    const b = writeBuckets(out, i === 0, positiveBuckets, differences, changes, 0)
    writeBuckets(out, i === 0, negativeBuckets, differences, changes, b)
  }
  return out.finish()
}

function writeBuckets(
  out: BitWriter,
  first: boolean,
  buckets: Float64Array,
  differences: Float64Array,
  changes: Float64Array,
  from: number,
): number {
  let before = 0
  let b = from
  for (const count of buckets) {
    const difference = count - before
    before = count
    if (first) {
      writeVarbitInt(out, difference)
    } else {
      const change = difference - differences[b]!
      writeVarbitInt(out, change - changes[b]!)
      changes[b] = change
    }
    differences[b++] = difference
  }
  return b
}

/** Counts of integer histogram chunks: deltas of deltas, the sum XOR-ed. */
import type { RowLayout } from '#lib/model/row-layout.ts'
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'
import { BucketDeltas } from './bucket-deltas.ts'
import type { HistogramFields, WrittenFields } from './histogram.ts'
import { readVarbitInt, readVarbitUint, writeVarbitInt, writeVarbitUint } from './varbit.ts'
import { isStaleBits, XorValues } from './xor-value.ts'

export class IntegerFields implements HistogramFields {
  count = 0
  zeroCount = 0
  readonly sumBits: Int32Array
  readonly #sum = new XorValues()
  readonly #buckets = new BucketDeltas()
  #countDelta = 0
  #zeroDelta = 0

  constructor() {
    this.#sum.reset(1)
    this.sumBits = this.#sum.bits
  }

  reset({ positives, size }: RowLayout): void {
    this.#sum.reset(1)
    this.#buckets.reset(positives, size)
    this.#countDelta = 0
    this.#zeroDelta = 0
  }

  readFirst(reader: BitReader, buckets: Float64Array, at: number): void {
    this.count = readVarbitUint(reader)
    this.zeroCount = readVarbitUint(reader)
    this.#sum.readFirst(reader, 0)
    reader.expectWithin()
    this.#buckets.readFirst(reader, buckets, at)
  }

  readNext(reader: BitReader, buckets: Float64Array, at: number, before: number): void {
    this.#countDelta += readVarbitInt(reader)
    this.count += this.#countDelta
    this.#zeroDelta += readVarbitInt(reader)
    this.zeroCount += this.#zeroDelta
    this.#sum.readNext(reader, 0)
    reader.expectWithin()
    if (!isStaleBits(this.sumBits, 0)) this.#buckets.readNext(reader, buckets, at, before)
  }

  writeFirst(out: BitWriter, { count, zeroCount, sumBits, stale, buckets }: WrittenFields): void {
    this.count = count
    this.zeroCount = zeroCount
    writeVarbitUint(out, count)
    writeVarbitUint(out, zeroCount)
    this.#sum.writeFirst(out, 0, sumBits, 0)
    if (!stale) this.#buckets.writeFirst(out, buckets)
  }

  writeNext(out: BitWriter, { count, zeroCount, sumBits, stale, buckets }: WrittenFields): void {
    if (stale) {
      writeVarbitInt(out, 0)
      writeVarbitInt(out, 0)
      this.#sum.writeNext(out, 0, sumBits, 0)
      return
    }
    const countDelta = count - this.count
    writeVarbitInt(out, countDelta - this.#countDelta)
    this.#countDelta = countDelta
    this.count = count
    const zeroDelta = zeroCount - this.zeroCount
    writeVarbitInt(out, zeroDelta - this.#zeroDelta)
    this.#zeroDelta = zeroDelta
    this.zeroCount = zeroCount
    this.#sum.writeNext(out, 0, sumBits, 0)
    this.#buckets.writeNext(out, buckets)
  }
}

/** Counts of float histogram chunks: every field XOR-ed with its predecessor. */
import type { RowLayout } from '#lib/model/row-layout.ts'
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'
import type { HistogramFields, WrittenFields } from './histogram.ts'
import { isStaleBits, XorValues } from './xor-value.ts'

/** Places in the row of XOR-ed values; buckets follow. */
const COUNT = 0
const ZERO_COUNT = 1
const SUM = 2
const BUCKETS = 3

export class FloatFields implements HistogramFields {
  count = 0
  zeroCount = 0
  sumBits = new Int32Array(0)
  #size = 0
  readonly #row = new XorValues()
  #written = new Float64Array(0)
  #writtenBits = new Int32Array(0)

  reset({ size }: RowLayout): void {
    this.#size = BUCKETS + size
    this.#row.reset(this.#size)
    this.sumBits = this.#row.bits.subarray(SUM * 2, SUM * 2 + 2)
    if (this.#size <= this.#written.length) return
    this.#written = new Float64Array(this.#size)
    this.#writtenBits = new Int32Array(this.#written.buffer)
  }

  readFirst(reader: BitReader, buckets: Float64Array, at: number): void {
    const row = this.#row
    for (let f = 0; f < this.#size; f++) {
      row.readFirst(reader, f)
      reader.expectWithin()
    }
    this.#give(buckets, at)
  }

  readNext(reader: BitReader, buckets: Float64Array, at: number): void {
    const row = this.#row
    for (let f = 0; f < this.#size; f++) {
      row.readNext(reader, f)
      reader.expectWithin()
      // A stale sample ends with its sum.
      if (f === SUM && isStaleBits(this.sumBits, 0)) return
    }
    this.#give(buckets, at)
  }

  #give(buckets: Float64Array, at: number): void {
    const { values } = this.#row
    this.count = values[COUNT]!
    this.zeroCount = values[ZERO_COUNT]!
    for (let f = BUCKETS; f < this.#size; f++) buckets[at + f - BUCKETS] = values[f]!
  }

  writeFirst(out: BitWriter, fields: WrittenFields): void {
    const size = this.#fill(fields)
    for (let f = 0; f < size; f++) this.#row.writeFirst(out, f, this.#writtenBits, f)
  }

  writeNext(out: BitWriter, fields: WrittenFields): void {
    const size = this.#fill(fields)
    for (let f = 0; f < size; f++) this.#row.writeNext(out, f, this.#writtenBits, f)
  }

  /** Gives how many fields there are to write. */
  #fill({ count, zeroCount, sumBits, stale, buckets }: WrittenFields): number {
    this.#written[COUNT] = count
    this.#written[ZERO_COUNT] = zeroCount
    this.#writtenBits.set(sumBits, SUM * 2)
    if (stale) return BUCKETS
    this.#written.set(buckets, BUCKETS)
    return this.#size
  }
}

/** Bucket counts of integer histogram chunks: differences from bucket to bucket, stored as changes of their changes. */
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'
import { readVarbitInt, writeVarbitInt } from './varbit.ts'

/**
 * Two codes of up to five bits by their first ten bits: 0 where one is longer, otherwise the second value times 512, the
 * first one (four bits) times 32, and the length of both. Counts that grow steadily have hardly any others.
 */
const PAIRS = Int16Array.from({ length: 2 ** 10 }, (_, bits) => {
  const [first, size] = shortCode(bits, 10)
  const [second, more] = shortCode(bits, 10 - size)
  return size > 5 || more > 5 ? 0 : second * 512 + (first & 15) * 32 + size + more
})

/** One code of up to nine bits by its first nine bits: 0 where it is longer, otherwise its value times 32, and its length. */
const SINGLES = Int16Array.from({ length: 2 ** 9 }, (_, bits) => {
  const [value, size] = shortCode(bits, 9)
  return size > 9 ? 0 : value * 32 + size
})

/** Of the code at the top of the low `count` bits, as far as they show it: see `readVarbitInt`. */
function shortCode(bits: number, count: number): [value: number, size: number] {
  if (((bits >>> (count - 1)) & 1) === 0) return [0, 1]
  if (((bits >>> (count - 2)) & 1) === 0) return [signed((bits >>> (count - 5)) & 7, 3), 5]
  if (((bits >>> (count - 3)) & 1) === 0) return [signed((bits >>> (count - 9)) & 63, 6), 9]
  return [0, 13]
}

function signed(bits: number, size: number): number {
  return bits > 1 << (size - 1) ? bits - (1 << size) : bits
}

/** What is known of each bucket when the next sample comes, positive buckets first; used again from chunk to chunk. */
export class BucketDeltas {
  #positives = 0
  #size = 0
  /** How the difference to the bucket before changed last. */
  #changes = new Float64Array(0)
  /** The difference itself, for the writer. */
  #differences = new Float64Array(0)

  reset(positives: number, size: number): void {
    this.#positives = positives
    this.#size = size
    if (size > this.#changes.length) {
      this.#changes = new Float64Array(size)
      this.#differences = new Float64Array(size)
    }
    this.#changes.fill(0, 0, size)
  }

  /** Counts of the first sample, into `counts` from `at`. */
  readFirst(reader: BitReader, counts: Float64Array, at: number): void {
    let count = 0
    for (let b = 0; b < this.#size; b++) {
      const difference = readVarbitInt(reader)
      reader.expectWithin()
      if (b === this.#positives) count = 0
      counts[at + b] = count += difference
    }
  }

  /**
   * The same of a later sample; those of the sample before are at `before`. What a count grows by is the sum of the
   * changes up to its bucket. Six codes are taken from 32 bits while all are short, then three, and long ones one by one.
   */
  readNext(reader: BitReader, counts: Float64Array, at: number, before: number): void {
    const { view, bytes, endBit } = reader
    const changes = this.#changes
    let bit = reader.at
    let b = 0
    for (let end = this.#positives; ; end = this.#size) {
      let growth = 0
      for (; b + 6 <= end && bit <= endBit; b += 6) {
        const byte = bit >>> 3
        const shift = bit & 7
        let word = (view.getInt32(byte) << shift) | (bytes[byte + 4]! >>> (8 - shift))
        const first = PAIRS[word >>> 22]!
        // A shift takes the low five bits of its right side.
        word <<= first
        const second = PAIRS[word >>> 22]!
        word <<= second
        const third = PAIRS[word >>> 22]!
        if (first === 0 || second === 0 || third === 0) break
        bit += (first & 31) + (second & 31) + (third & 31)
        growth += changes[b]! += (first << 23) >> 28
        counts[at + b] = counts[before + b]! + growth
        growth += changes[b + 1]! += first >> 9
        counts[at + b + 1] = counts[before + b + 1]! + growth
        growth += changes[b + 2]! += (second << 23) >> 28
        counts[at + b + 2] = counts[before + b + 2]! + growth
        growth += changes[b + 3]! += second >> 9
        counts[at + b + 3] = counts[before + b + 3]! + growth
        growth += changes[b + 4]! += (third << 23) >> 28
        counts[at + b + 4] = counts[before + b + 4]! + growth
        growth += changes[b + 5]! += third >> 9
        counts[at + b + 5] = counts[before + b + 5]! + growth
      }
      for (; b + 3 <= end && bit <= endBit; b += 3) {
        const byte = bit >>> 3
        const shift = bit & 7
        let word = (view.getInt32(byte) << shift) | (bytes[byte + 4]! >>> (8 - shift))
        const first = SINGLES[word >>> 23]!
        word <<= first
        const second = SINGLES[word >>> 23]!
        word <<= second
        const third = SINGLES[word >>> 23]!
        if (first !== 0 && second !== 0 && third !== 0) {
          bit += (first & 31) + (second & 31) + (third & 31)
          growth += changes[b]! += first >> 5
          counts[at + b] = counts[before + b]! + growth
          growth += changes[b + 1]! += second >> 5
          counts[at + b + 1] = counts[before + b + 1]! + growth
          growth += changes[b + 2]! += third >> 5
          counts[at + b + 2] = counts[before + b + 2]! + growth
        } else {
          reader.at = bit
          for (let i = b; i < b + 3; i++) {
            growth += changes[i]! += readVarbitInt(reader)
            counts[at + i] = counts[before + i]! + growth
          }
          bit = reader.at
        }
      }
      reader.at = bit
      for (; b < end; b++) {
        reader.expectWithin()
        growth += changes[b]! += readVarbitInt(reader)
        counts[at + b] = counts[before + b]! + growth
      }
      reader.expectWithin()
      if (b === this.#size) return
      bit = reader.at
    }
  }

  writeFirst(out: BitWriter, counts: Float64Array): void {
    this.#write(out, counts, true)
  }

  writeNext(out: BitWriter, counts: Float64Array): void {
    this.#write(out, counts, false)
  }

  #write(out: BitWriter, counts: Float64Array, first: boolean): void {
    const differences = this.#differences
    const changes = this.#changes
    let before = 0
    for (let b = 0; b < this.#size; b++) {
      if (b === this.#positives) before = 0
      const difference = counts[b]! - before
      before = counts[b]!
      if (first) writeVarbitInt(out, difference)
      else {
        const change = difference - differences[b]!
        writeVarbitInt(out, change - changes[b]!)
        changes[b] = change
      }
      differences[b] = difference
    }
  }
}

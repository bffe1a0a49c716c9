/** Bucket counts of integer histogram chunks: differences from bucket to bucket, stored as changes of their changes. */
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'
import { readVarbitInt, writeVarbitInt } from './varbit.ts'

/**
 * Codes of up to nine bits by their first nine bits, as 32·value + length; 0 where the code is longer. Counts that grow
 * steadily have hardly any others.
 */
const SHORT_CODES = Int16Array.from({ length: 512 }, (_, bits) => {
  if (bits < 0b1_0000_0000) return 1
  if (bits < 0b1_1000_0000) return signed((bits >>> 4) & 7, 3) * 32 + 5
  return bits < 0b1_1100_0000 ? signed(bits & 63, 6) * 32 + 9 : 0
})

/** See `readVarbitInt`. */
function signed(bits: number, size: number): number {
  return bits > 1 << (size - 1) ? bits - (1 << size) : bits
}

/** What is known of each bucket when the next sample comes, positive buckets first; used again from chunk to chunk. */
export class BucketDeltas {
  #positives = 0
  #size = 0
  /** To the bucket before. */
  #differences = new Float64Array(0)
  /** Of the difference, from the sample before to the last one. */
  #changes = new Float64Array(0)

  reset(positives: number, size: number): void {
    this.#positives = positives
    this.#size = size
    if (size > this.#differences.length) {
      this.#differences = new Float64Array(size)
      this.#changes = new Float64Array(size)
    }
    this.#changes.fill(0, 0, size)
  }

  /** Counts of the first sample, into `counts` from `at`. */
  readFirst(reader: BitReader, counts: Float64Array, at: number): void {
    const differences = this.#differences
    let count = 0
    for (let b = 0; b < this.#size; b++) {
      const difference = readVarbitInt(reader)
      reader.expectWithin()
      differences[b] = difference
      if (b === this.#positives) count = 0
      counts[at + b] = count += difference
    }
  }

  /** The same of a later sample. Three codes are taken from 32 bits where they are short. */
  readNext(reader: BitReader, counts: Float64Array, at: number): void {
    const { view, bytes, endBit } = reader
    const differences = this.#differences
    const changes = this.#changes
    const size = this.#size
    let bit = reader.at
    let count = 0
    let b = 0
    for (let end = this.#positives; ; end = size, count = 0) {
      for (; b + 3 <= end; b += 3) {
        const byte = bit >>> 3
        const shift = bit & 7
        let word = (view.getInt32(byte) << shift) | (bytes[byte + 4]! >>> (8 - shift))
        const first = SHORT_CODES[word >>> 23]!
        // A shift takes the low five bits of its right side.
        word <<= first
        const second = SHORT_CODES[word >>> 23]!
        word <<= second
        const third = SHORT_CODES[word >>> 23]!
        if (first === 0 || second === 0 || third === 0) {
          reader.at = bit
          for (let i = b; i < b + 3; i++) {
            const difference = (differences[i]! += changes[i]! += readVarbitInt(reader))
            counts[at + i] = count += difference
          }
          bit = reader.at
        } else {
          bit += (first & 31) + (second & 31) + (third & 31)
          const change0 = changes[b]! + (first >> 5)
          const change1 = changes[b + 1]! + (second >> 5)
          const change2 = changes[b + 2]! + (third >> 5)
          changes[b] = change0
          changes[b + 1] = change1
          changes[b + 2] = change2
          const difference0 = differences[b]! + change0
          const difference1 = differences[b + 1]! + change1
          const difference2 = differences[b + 2]! + change2
          differences[b] = difference0
          differences[b + 1] = difference1
          differences[b + 2] = difference2
          counts[at + b] = count += difference0
          counts[at + b + 1] = count += difference1
          counts[at + b + 2] = count += difference2
        }
        if (bit > endBit) break
      }
      reader.at = bit
      reader.expectWithin()
      for (; b < end; b++) {
        const difference = (differences[b]! += changes[b]! += readVarbitInt(reader))
        counts[at + b] = count += difference
        reader.expectWithin()
      }
      if (b === size) return
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

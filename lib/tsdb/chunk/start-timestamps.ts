/** Start timestamps in chunks of encodings 4 to 6: a header byte, then a field behind some samples. */
import type { BitReader } from './bit-reader.ts'
import { readVarbitInt } from './varbit.ts'

/**
 * Header: bit 7 says the first sample has one; the low bits are the sample from which on each has a field
 * (0: none). The fields hold the distance to the sample before, then changes of that distance.
 */
export class StartTimestampReader {
  readonly #firstKnown: boolean
  readonly #changesFrom: number
  #distance = 0
  #start = 0

  constructor(header: number) {
    this.#firstKnown = (header & 0x80) !== 0
    this.#changesFrom = header & 0x7f
  }

  /** Of sample `index`, whose other fields have just been read. 0 while none is known. */
  read(reader: BitReader, index: number, timestamp: number, before: number): number {
    if (index === 0) {
      if (this.#firstKnown) this.#start = timestamp - reader.varint()
    } else if (this.#changesFrom > 0 && index >= this.#changesFrom) {
      const field = readVarbitInt(reader)
      this.#distance = index === this.#changesFrom ? field : this.#distance + field
      this.#start = before - this.#distance
    }
    return this.#start
  }
}

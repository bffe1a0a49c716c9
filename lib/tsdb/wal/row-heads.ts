/** What rows of samples begin with: the reference of a series, a timestamp and, in version 2, a start timestamp. */
import { CorruptError } from '#lib/model/errors.ts'
import type { ByteReader } from '#lib/bytes/byte-reader.ts'

/** 1: deltas to the base in front. 2: to the row before, timestamps to the first; each row has its start timestamp. */
export type SamplesVersion = 1 | 2

const NO_START = 0
const SAME_START = 1

export class RowHeads {
  readonly #reader: ByteReader
  readonly #version: SamplesVersion
  readonly #refs: Float64Array
  readonly #timestamps: Float64Array
  #starts: Float64Array | undefined
  /** Version 1: the base. Version 2: the row before, which may be one that was not kept. */
  #ref = 0
  #firstTimestamp = 0
  #firstStart = 0
  #start = 0
  #begun = false

  /** Rows take at least `rowBytes`. */
  constructor(reader: ByteReader, version: SamplesVersion, rowBytes: number) {
    this.#reader = reader
    this.#version = version
    if (version === 1 && reader.remaining > 0) {
      this.#ref = reader.uint64()
      this.#firstTimestamp = int64(reader)
    }
    const capacity = Math.ceil(reader.remaining / rowBytes)
    this.#refs = new Float64Array(capacity)
    this.#timestamps = new Float64Array(capacity)
  }

  /** No record has more rows. */
  get capacity(): number {
    return this.#refs.length
  }

  /** Reads the head of what becomes row `row`. */
  read(row: number): void {
    const reader = this.#reader
    const at = reader.offset
    let ref = reader.varint()
    let timestamp = reader.varint()
    if (this.#version === 1) {
      ref += this.#ref
      timestamp += this.#firstTimestamp
    } else if (this.#begun) {
      ref += this.#ref
      this.#ref = ref
      timestamp += this.#firstTimestamp
      this.#start = this.#nextStart()
    } else {
      this.#begun = true
      this.#ref = ref
      this.#firstTimestamp = timestamp
      this.#start = this.#firstStart = reader.varint()
    }
    if (ref < 0 || !Number.isSafeInteger(ref) || !Number.isSafeInteger(timestamp)) {
      throw new CorruptError(`sample of series ${ref} at ${timestamp} ms`, at)
    }
    this.#refs[row] = ref
    this.#timestamps[row] = timestamp
    if (this.#start !== 0) this.#starts ??= new Float64Array(this.capacity)
    if (this.#starts) this.#starts[row] = this.#start
  }

  #nextStart(): number {
    const marker = this.#reader.uint8()
    if (marker === NO_START) return 0
    if (marker === SAME_START) return this.#start
    return this.#firstStart + this.#reader.varint()
  }

  /** The first `length` rows. */
  columns(length: number): {
    refs: Float64Array
    timestamps: Float64Array
    startTimestamps: Float64Array | undefined
  } {
    return {
      refs: this.#refs.slice(0, length),
      timestamps: this.#timestamps.slice(0, length),
      startTimestamps: this.#starts?.slice(0, length),
    }
  }
}

/** Exact within ±2^53. */
function int64(reader: ByteReader): number {
  const at = reader.offset
  const value = (reader.uint32() | 0) * 2 ** 32 + reader.uint32()
  if (!Number.isSafeInteger(value)) throw new CorruptError('int64 exceeds 2^53', at)
  return value
}

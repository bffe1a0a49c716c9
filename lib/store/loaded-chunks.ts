/** The chunks of a table that are in memory, their checksums verified: as bytes in few buffers, by row of the table. */
import { CorruptError } from '#lib/model/errors.ts'
import type { Aggregation } from '#lib/storage/downsampling.ts'
import { decodeAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE, decodeChunk, type EncodedChunk } from '#lib/tsdb/chunk/chunk.ts'
import type { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import type { ChunkTable } from './chunk-table.ts'

/** A smaller buffer may be a piece of one that others use too, as Node's small Buffers are. */
const OWN_BUFFER_BYTES = 64 * 1024

/**
 * Grows as more rows are wanted, and is shared by the queries that want them. When the last of them has released it and no
 * cache keeps it, its memory is given back at once: the garbage collector hardly sees what buffers weigh and would come late.
 */
export class LoadedChunks {
  readonly table: ChunkTable
  /** What it holds. */
  byteLength = 0
  /** Told of a chunk that can't be read, and then it has no samples; may throw instead. Without it the finding is thrown. */
  onCorrupt: ((error: CorruptError) => void) | undefined
  #users = 0
  #kept = false
  #buffers: Uint8Array[] = []
  /** Which of the buffers, from 1 on; 0 is not loaded. */
  readonly #buffer: Uint32Array
  /** Of the data; the byte before says the encoding. */
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array

  constructor(table: ChunkTable) {
    this.table = table
    this.#buffer = new Uint32Array(table.length)
    this.#starts = new Uint32Array(table.length)
    this.#ends = new Uint32Array(table.length)
    this.byteLength = table.length * 12
  }

  /** To be called by who is going to decode. Without `release` the garbage collector does the rest. */
  acquire(): void {
    this.#users++
  }

  release(): void {
    this.#users--
    this.#freeIfUnused()
  }

  /** Says whether a cache keeps it. */
  set kept(kept: boolean) {
    this.#kept = kept
    this.#freeIfUnused()
  }

  #freeIfUnused(): void {
    if (this.#kept || this.#users > 0) return
    for (const { buffer, byteLength } of this.#buffers) {
      const own = byteLength === buffer.byteLength && byteLength >= OWN_BUFFER_BYTES
      if (own && buffer instanceof ArrayBuffer) buffer.transfer(0)
    }
    this.#buffers = []
    this.#buffer.fill(0)
    this.byteLength = this.table.length * 12
  }

  /** Those of `rows` that are not here yet. */
  missing(rows: Uint32Array): Uint32Array {
    const missing = new Uint32Array(rows.length)
    let count = 0
    for (let i = 0; i < rows.length; i++) {
      if (this.#buffer[rows[i]!] === 0) missing[count++] = rows[i]!
    }
    return count === rows.length ? rows : missing.subarray(0, count)
  }

  /** Takes over the buffer; gives its number for `set`. */
  addBuffer(bytes: Uint8Array): number {
    this.byteLength += bytes.length
    return this.#buffers.push(bytes)
  }

  /** Data are [start, end) of the buffer, the byte before is the encoding. */
  set(row: number, buffer: number, start: number, end: number): void {
    this.#starts[row] = start
    this.#ends[row] = end
    this.#buffer[row] = buffer
  }

  /** Of a downsampled chunk, which the columns must want all samples of, `aggregation` is taken. */
  decode(row: number, into: ColumnBuilder, aggregation: Aggregation = 'average'): void {
    const bytes = this.#bytes(row)
    const start = this.#starts[row]!
    const end = this.#ends[row]!
    const encoding = bytes[start - 1]!
    try {
      if (encoding === AGGREGATE) {
        decodeAggregateChunk(bytes.subarray(start, end), aggregation, into)
      } else decodeChunk(encoding, bytes, into, start, end)
    } catch (error) {
      if (!(error instanceof CorruptError) || !this.onCorrupt) throw error
      this.onCorrupt(error)
    }
  }

  /** A view of the data, for what is not simply decoded. */
  chunk(row: number): EncodedChunk {
    const bytes = this.#bytes(row)
    const start = this.#starts[row]!
    return { encoding: bytes[start - 1]!, data: bytes.subarray(start, this.#ends[row]) }
  }

  #bytes(row: number): Uint8Array {
    const bytes = this.#buffers[this.#buffer[row]! - 1]
    if (!bytes) throw new Error(`bug: chunk ${row} is not loaded`)
    return bytes
  }
}

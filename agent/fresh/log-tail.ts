/** Reads a folder of log as it grows, segment after segment; never writes, and keeps no file open. */
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { readRecords } from '#lib/tsdb/wal/records.ts'
import { type LogEnd, listSegments, openSegment, readBytes } from './log-files.ts'

/** All records before `offset` of the segment are read. */
export interface LogPosition {
  readonly segment: number
  readonly offset: number
  /** CRC-32C of the last bytes before the offset: they have timestamps in them, so that another log has others. */
  readonly check: number
}

export interface LogCounts {
  /** Places that were passed over, up to the first record that begins on a later page. */
  corruptions: number
  /** Records without an end in segments that nobody writes any more. */
  tornRecords: number
}

type IsWanted = (type: number) => boolean

export interface ReadOptions {
  /** Where to stop. */
  readonly end?: LogEnd | undefined
  /** Records of other types may be left out. */
  readonly isWanted?: IsWanted | undefined
}

interface SegmentOptions {
  readonly limit: number
  /** Nobody writes it any more. */
  readonly isWhole: boolean
  readonly isWanted: IsWanted | undefined
}

export type OnRecord = (record: Uint8Array, segment: number) => void

const PAGE_BYTES = 32_768
const HEADER_BYTES = 7
/** Types of fragments; 3 is one in the middle. */
const FULL = 1
const FIRST = 2
const LAST = 4
const BLOCK_BYTES = 1 << 18
/** No record of Prometheus is near it. */
const MAX_RECORD_BYTES = 1 << 28
/** What is checked before an offset. */
const CHECK_BYTES = PAGE_BYTES

export class LogTail {
  readonly folder: string
  #position: LogPosition
  readonly #counts: LogCounts
  /** What is read goes here, again and again. */
  #block: Uint8Array | undefined

  /** Adds to `counts`. */
  constructor(folder: string, position: LogPosition, counts: LogCounts) {
    this.folder = folder
    this.#position = position
    this.#counts = counts
  }

  get position(): LogPosition {
    return this.#position
  }

  /**
   * Gives whole records until `isFull`, which is asked about each block: then false. True where the log ends for now, or at `end`.
   * Throws a conflict where the log is not the one that was read before, or where segments are gone.
   */
  async read(
    onRecord: OnRecord,
    isFull: () => boolean,
    { end, isWanted }: ReadOptions = {},
  ): Promise<boolean> {
    for (;;) {
      // Listed before the segment is read: one that has a next is whole.
      const segments = await listSegments(this.folder)
      const { segment, offset } = this.#position
      const name = segments.get(segment)
      if (name === undefined) {
        if (segments.size === 0 && offset === 0) return true
        throw lost(`segment ${segment} of ${this.folder} is gone`)
      }
      const isLast = end !== undefined && segment >= end.segment
      const limit = isLast ? end.offset : Infinity
      const hasNext = segments.has(segment + 1)
      const only = { limit, isWhole: hasNext, isWanted }
      if (!(await this.#readSegment(name, onRecord, isFull, only))) return false
      if (isLast) return true
      if (!hasNext) {
        if (Math.max(...segments.keys()) === segment) return true
        throw lost(`segment ${segment + 1} of ${this.folder} is gone`)
      }
      this.#position = { segment: segment + 1, offset: 0, check: 0 }
    }
  }

  /** Throws a conflict where the log is not the one of the position. */
  async verify(): Promise<void> {
    await this.read(
      () => {},
      () => true,
    )
  }

  /** True at its end. */
  async #readSegment(
    name: string,
    onRecord: OnRecord,
    isFull: () => boolean,
    { limit, isWhole, isWanted }: SegmentOptions,
  ): Promise<boolean> {
    const path = join(this.folder, name)
    const file = await openSegment(path)
    const { segment, offset: begin } = this.#position
    let at = begin
    try {
      const size = Math.min((await file.stat()).size, limit)
      await this.#expectSame(file, path)
      this.#block ??= new Uint8Array(BLOCK_BYTES)
      let blockBytes = BLOCK_BYTES
      while (at < size) {
        if (isFull()) return false
        const bytes = await readBytes(file, at, Math.min(at + blockBytes, size), this.#block)
        const { next, goOn } = this.#records(
          bytes,
          at,
          (record) => onRecord(record, segment),
          isWanted,
        )
        if (goOn !== undefined) {
          // Where nothing comes behind it, Prometheus may repair it when it starts again.
          if (goOn >= size && !isWhole) {
            at = next
            return true
          }
          this.#counts.corruptions++
          at = goOn
        } else if (next > at) {
          at = next
          blockBytes = BLOCK_BYTES
        } else {
          // The record goes beyond the block, or has no end yet.
          if (at + bytes.length >= size || blockBytes > MAX_RECORD_BYTES) break
          blockBytes *= 2
        }
      }
      if (at < size && isWhole) this.#counts.tornRecords++
      return true
    } finally {
      if (at !== begin) this.#position = { segment, offset: at, check: await checkOf(file, at) }
      await file.close()
    }
  }

  async #expectSame(file: FileHandle, path: string): Promise<void> {
    const { offset, check } = this.#position
    if ((await file.stat()).size < offset) throw lost(`${path} has become shorter`)
    if ((await checkOf(file, offset)) !== check) throw lost(`${path} is another file than before`)
  }

  /** Behind the last whole record; and where to go on when something corrupt follows it. */
  #records(
    bytes: Uint8Array,
    offset: number,
    onRecord: (record: Uint8Array) => void,
    isWanted: IsWanted | undefined,
  ): { readonly next: number; readonly goOn?: number } {
    try {
      return { next: readRecords(bytes, offset, decodeZstd, onRecord, isWanted) }
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      const whole = bytes.subarray(0, error.offset)
      const next = readRecords(whole, offset, decodeZstd, () => {}, isWanted)
      return { next, goOn: nextBeginning(bytes, offset, error.offset) }
    }
  }
}

/** Where the first record on a page behind place `at` of the bytes begins, which lie at `offset` of the segment; else their end. */
function nextBeginning(bytes: Uint8Array, offset: number, at: number): number {
  let page = (Math.floor((offset + at) / PAGE_BYTES) + 1) * PAGE_BYTES - offset
  for (; page < bytes.length; page += PAGE_BYTES) {
    const end = Math.min(page + PAGE_BYTES, bytes.length)
    for (let fragment = page; fragment + HEADER_BYTES <= end;) {
      const type = bytes[fragment]! & 0b111
      if (type === FULL || type === FIRST) return offset + fragment
      if (type === 0 || type > LAST) break
      fragment += HEADER_BYTES + ((bytes[fragment + 1]! << 8) | bytes[fragment + 2]!)
    }
  }
  return offset + bytes.length
}

async function checkOf(file: FileHandle, offset: number): Promise<number> {
  return crc32c(await readBytes(file, Math.max(0, offset - CHECK_BYTES), offset))
}

/** Prometheus's records are far smaller than 64 MB. */
function decodeZstd(bytes: Uint8Array): Uint8Array {
  return zstdDecompressSync(bytes, { maxOutputLength: 1 << 26 })
}

function lost(reason: string): DomainError {
  return new DomainError('conflict', reason)
}

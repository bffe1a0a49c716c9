/** Puts the series of all parts into one index, part after part, with little of them in memory. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import type { IndexWriter } from '#lib/tsdb/index/index-writer.ts'
import { parseSeriesHead, seriesEntrySize } from '#lib/tsdb/index/series.ts'
import { cutFolder, partFile } from './cut.ts'
import type { PartSummary } from './part-file.ts'
import { readAhead } from './read-ahead.ts'

export interface EntriesSource {
  readonly bucket: Bucket
  readonly ulid: string
  /** From 0. */
  readonly part: number
  readonly summary: PartSummary
  readonly pieceBytes: number
  /** Awaited after each piece. */
  readonly room: () => void | Promise<void>
  readonly signal?: AbortSignal | undefined
}

/** Pieces of a part that are on their way while one is worked on. */
const AHEAD = 3
/** Of an entry's size field at most. */
const SIZE_BYTES = 10

/** Adds the entries of one part. Rejects with CorruptError, and the file's name, where they are not what was written. */
export async function addEntries(writer: IndexWriter, source: EntriesSource): Promise<void> {
  const { bucket, ulid, part, summary, pieceBytes, room, signal } = source
  const key = `${cutFolder(ulid)}/${partFile(part)}`
  const size = summary.entriesSize
  let checksum = 0
  let read = 0
  let rest: Uint8Array = new Uint8Array(0)
  try {
    for await (const piece of readAhead({ bucket, key, size, pieceBytes, ahead: AHEAD, signal })) {
      if (signal?.aborted) throw new DomainError('canceled', 'canceled')
      checksum = crc32c(piece, 0, piece.length, checksum)
      read += piece.length
      const bytes = joined(rest, piece)
      rest = bytes.subarray(addWhole(writer, bytes, read === size))
      await room()
    }
    if (checksum !== summary.entriesChecksum || rest.length > 0) {
      throw new CorruptError('entries are not what was written', 0)
    }
  } catch (error) {
    throw error instanceof CorruptError ? error.in(key) : error
  }
}

/** Adds those that are whole; gives where the next begins. */
function addWhole(writer: IndexWriter, bytes: Uint8Array, isLast: boolean): number {
  let at = 0
  for (;;) {
    // Padding.
    while (at < bytes.length && bytes[at] === 0) at++
    const left = bytes.length - at
    if (left === 0 || (left < SIZE_BYTES && !isLast)) return at
    const size = seriesEntrySize(bytes, at)
    if (size > left) return at
    const { labelRefs } = parseSeriesHead(bytes, at)
    writer.addReady(labelRefs, bytes.subarray(at, at + size))
    at += size
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

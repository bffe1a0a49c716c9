/** The series section of an index, front to back, in pieces of whole entries. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { seriesEntrySize } from '#lib/tsdb/index/series.ts'
import type { ByteRange } from '#lib/tsdb/index/toc.ts'

export interface SeriesSection {
  readonly bucket: Bucket
  /** Of the index. */
  readonly key: string
  readonly range: ByteRange
  readonly pieceBytes: number
  readonly signal?: AbortSignal | undefined
}

export interface SeriesPiece {
  readonly bytes: Uint8Array
  /** Of the bytes, in the index. */
  readonly start: number
  /** Of the entries, in the bytes. */
  readonly entries: readonly number[]
}

/** The size field of an entry at most. */
const SIZE_BYTES = 10

/** The next piece is on its way while one is worked on. Rejects with CorruptError where an entry is longer than the section. */
export async function* seriesPieces(section: SeriesSection): AsyncGenerator<SeriesPiece> {
  const { bucket, key, range, pieceBytes, signal } = section
  const fetch = (start: number): Promise<Uint8Array> => {
    const end = Math.min(start + pieceBytes, range.end)
    const piece = bucket.getRange(key, start, end, { signal })
    // Whoever waits for it hears of its failure.
    piece.catch(() => undefined)
    return piece
  }
  let rest: Uint8Array = new Uint8Array(0)
  let fetched = range.start
  let next = fetch(fetched)
  while (fetched < range.end) {
    const more = await next
    const start = fetched - rest.length
    fetched += more.length
    const isLast = fetched >= range.end
    if (!isLast) next = fetch(fetched)
    const bytes = rest.length === 0 ? more : Buffer.concat([rest, more])
    const { entries, end } = entriesOf(bytes, isLast)
    if (isLast && end < bytes.length) {
      throw new CorruptError('series goes beyond its section', start + end).in(key)
    }
    rest = bytes.subarray(end)
    if (entries.length > 0) yield { bytes, start, entries }
  }
}

/** Entries that are whole, and where the rest begins. */
function entriesOf(bytes: Uint8Array, isLast: boolean): { entries: number[]; end: number } {
  const entries: number[] = []
  let at = 0
  for (;;) {
    // Padding between entries, and behind the last one.
    while (at < bytes.length && bytes[at] === 0) at++
    if (at === bytes.length || (!isLast && bytes.length - at < SIZE_BYTES)) break
    const size = seriesEntrySize(bytes, at)
    if (at + size > bytes.length) break
    entries.push(at)
    at += size
  }
  return { entries, end: at }
}

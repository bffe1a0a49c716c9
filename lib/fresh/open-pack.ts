/** Opens a pack of a bucket to be read whole, front to back, with little of it in memory. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, NewerFormatError } from '#lib/model/errors.ts'
import { PackCursor, type ReadPage } from './pack-cursor.ts'
import type { PackDirectory, PageEntry } from './pack-format.ts'
import { parseDirectory, readSeriesPage } from './pack-reader.ts'
import type { SeriesPage } from './series-page.ts'
import { type PackedDeletion, readDeletions } from './side-pages.ts'

export interface PackPlace {
  readonly bucket: Bucket
  readonly key: string
  /** As the key says. */
  readonly directoryBytes: number
  /** How much is read at once, and how much is asked for ahead: at least. */
  readonly pieceBytes: number
  readonly signal?: AbortSignal | undefined
}

export interface OpenPack {
  readonly directory: PackDirectory
  readonly deletions: readonly PackedDeletion[]
  /** Its series; what it reads is rejected with CorruptError, which names the pack, or 'not-found'. */
  readonly cursor: PackCursor
}

/** One request for a pack that is smaller than a piece. Rejects with CorruptError, and NotFoundError. */
export async function openPack(place: PackPlace): Promise<OpenPack> {
  const { bucket, key, directoryBytes, pieceBytes, signal } = place
  const tail = await bucket.getTail(key, Math.max(directoryBytes, pieceBytes), { signal })
  const tailStart = tail.size - tail.body.length
  const directory = inPack(key, () => parseDirectory(tail.body))
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    if (end <= tailStart) return bucket.getRange(key, start, end, { signal })
    const known = tail.body.subarray(Math.max(0, start - tailStart), end - tailStart)
    if (start >= tailStart) return known
    return Buffer.concat([await bucket.getRange(key, start, tailStart, { signal }), known])
  }
  const { pages, deletions } = directory
  return {
    directory,
    deletions: deletions ? await readDeleted(key, read, deletions) : [],
    cursor: new PackCursor(pages, readPages(place, pages, read)),
  }
}

type Read = (start: number, end: number) => Promise<Uint8Array>

async function readDeleted(
  key: string,
  read: Read,
  { start, end }: PageEntry,
): Promise<readonly PackedDeletion[]> {
  const bytes = await read(start, end)
  return inPack(key, () => readDeletions(bytes))
}

interface Piece {
  readonly start: number
  readonly bytes: Uint8Array
}

/** Pages in pieces of several, the next of which is on its way. */
function readPages(
  { key, pieceBytes }: PackPlace,
  pages: readonly PageEntry[],
  read: Read,
): ReadPage {
  let piece: Piece = { start: 0, bytes: new Uint8Array(0) }
  let ahead: Promise<Piece> | undefined
  /** Of the first page behind the piece, or behind the one that is on its way. */
  let next = 0

  async function readOn(): Promise<Piece> {
    const { start } = pages[next]!
    let { end } = pages[next++]!
    while (next < pages.length && pages[next]!.end - start <= pieceBytes) end = pages[next++]!.end
    return { start, bytes: await read(start, end) }
  }

  async function load(): Promise<void> {
    piece = await (ahead ?? readOn())
    ahead = next < pages.length ? readOn() : undefined
    // Whoever waits for it hears of its failure; until then it is nobody's.
    ahead?.catch(() => undefined)
  }

  const pageOf = ({ start, end }: PageEntry): SeriesPage =>
    inPack(key, () => readSeriesPage(piece.bytes.subarray(start - piece.start, end - piece.start)))
  return (entry) => {
    if (entry.end <= piece.start + piece.bytes.length) return pageOf(entry)
    return load().then(() => pageOf(entry))
  }
}

/** What fails in `parse` is in this pack. */
function inPack<T>(key: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof CorruptError || error instanceof NewerFormatError ? error.in(key) : error
  }
}

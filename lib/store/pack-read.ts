/** Reads what is wanted of a pack: its directory, then some of its pages; of a small pack both in one. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { PackDirectory } from '#lib/fresh/pack-format.ts'
import { parseDirectory } from '#lib/fresh/pack-reader.ts'
import { CorruptError, NewerFormatError } from '#lib/model/errors.ts'
import { type ByteRange, coalesce, FetchedRanges, readsOf } from './ranges.ts'
import type { StoreCache } from './store-cache.ts'

export interface PackReader {
  readonly bucket: Bucket
  readonly cache: StoreCache
  readonly block: BlockRecord
  readonly signal?: AbortSignal | undefined
}

export async function packDirectory(reader: PackReader): Promise<PackDirectory> {
  const { cache, block } = reader
  const known = cache.directory(block.id)
  if (known) return known
  const size = sizeOf(block)
  const tail = isReadWhole(reader)
    ? await readWhole(reader)
    : await read(reader, size - block.pack!.directoryBytes, size)
  const meanwhile = cache.directory(block.id)
  if (meanwhile) return meanwhile
  const directory = inPack(block, () => parseDirectory(tail))
  cache.keepDirectory(block.id, directory)
  return directory
}

/** The bytes of each range, in their order. They ascend. */
export async function packRanges(
  reader: PackReader,
  ranges: readonly ByteRange[],
): Promise<Uint8Array[]> {
  if (ranges.length === 0) return []
  if (isReadWhole(reader)) {
    const whole = await readWhole(reader)
    return ranges.map(({ start, end }) => whole.subarray(start, end))
  }
  const fetched = new FetchedRanges()
  await Promise.all(
    coalesce(ranges, readsOf(reader.bucket)).map(async ({ start, end }) =>
      fetched.add(start, await read(reader, start, end)),
    ),
  )
  return ranges.map(({ start, end }) => fetched.at(start, end)!)
}

/** The bytes of a page that is asked for again and again as it is. */
export async function packPage(reader: PackReader, { start, end }: ByteRange): Promise<Uint8Array> {
  return reader.cache.range(reader.block.id, start, end, async () => {
    const [bytes] = await packRanges(reader, [{ start, end }])
    return bytes!
  })
}

/** What fails in `parse` is in this pack. */
export function inPack<T>({ id }: BlockRecord, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof CorruptError || error instanceof NewerFormatError ? error.in(id) : error
  }
}

function sizeOf({ segmentSizes }: BlockRecord): number {
  return segmentSizes[0]!
}

/**
 * Where all pages are much less than the gap between two ranges may be: packs are read by the dozen, side by side, so that the second read
 * of all of them takes one round trip.
 */
function isReadWhole({ bucket, block }: PackReader): boolean {
  return sizeOf(block) - block.pack!.directoryBytes <= bucket.readGap / 4
}

function readWhole(reader: PackReader): Promise<Uint8Array> {
  const { cache, block } = reader
  const size = sizeOf(block)
  return cache.range(block.id, 0, size, () => read(reader, 0, size))
}

async function read(
  { bucket, cache, block: { id }, signal }: PackReader,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const fetch = (own: AbortSignal): Promise<Uint8Array> =>
    bucket.getRange(id, start, end, { signal: own })
  return cache.once(`${id}:${start}-${end}`, fetch, signal)
}

/** Gets the lookup of a block: from memory, from the bucket, or made from the block's index and left for the next reader. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, DomainError, isKind } from '#lib/model/errors.ts'
import { parsePostingsOffsetTable } from '#lib/tsdb/index/offset-table.ts'
import { TOC_SIZE, indexSections, parseIndexHeader, parseToc } from '#lib/tsdb/index/toc.ts'
import type { LookupParts } from './lookup.ts'
import {
  Lookup,
  decodeLookup,
  encodeLookup,
  lookupKey,
  makeLookupParts,
  namePostingsRange,
} from './lookup.ts'
import type { StoreCache } from './store-cache.ts'

export async function loadLookup(
  bucket: Bucket,
  block: BlockRecord,
  cache: StoreCache,
  signal?: AbortSignal,
): Promise<Lookup> {
  const cached = cache.lookup(block.id)
  if (cached) return cached
  const load = async (own: AbortSignal): Promise<Lookup> => {
    const lookup = (await readLookup(bucket, block, own)) ?? (await remake(bucket, block, own))
    cache.keepLookup(block.id, lookup)
    return lookup
  }
  return cache.once(`lookup ${block.id}`, load, signal)
}

async function readLookup(
  bucket: Bucket,
  block: BlockRecord,
  signal: AbortSignal,
): Promise<Lookup | undefined> {
  try {
    return decodeLookup((await bucket.get(lookupKey(block.id), { signal })).body)
  } catch (error) {
    // A lookup that is missing or broken is made anew: it is only a copy.
    if (isKind(error, 'not-found') || isKind(error, 'corrupt')) return undefined
    throw error
  }
}

async function remake(bucket: Bucket, block: BlockRecord, signal: AbortSignal): Promise<Lookup> {
  const parts = await readLookupParts(bucket, `${block.id}/index`, signal)
  try {
    await bucket.put(lookupKey(block.id), encodeLookup(parts), { signal })
  } catch (error) {
    // Whoever may not write, or loses a race, still has the lookup it needs.
    if (!(error instanceof DomainError) || signal.aborted) throw error
  }
  return new Lookup(parts)
}

/** From the index at `key`: three dependent reads. */
export async function readLookupParts(
  bucket: Bucket,
  key: string,
  signal?: AbortSignal,
): Promise<LookupParts> {
  try {
    const [tail, head] = await Promise.all([
      bucket.getTail(key, TOC_SIZE, { signal }),
      bucket.getRange(key, 0, 5, { signal }),
    ])
    const indexVersion = parseIndexHeader(head)
    if (tail.body.length < TOC_SIZE) {
      throw new CorruptError(`index of ${tail.size} bytes`, 0)
    }
    const toc = parseToc(tail.body, tail.size)
    const sections = indexSections(toc, tail.size)
    const read = (range: { start: number; end: number }): Promise<Uint8Array> =>
      bucket.getRange(key, range.start, range.end, { signal })
    const [symbolsSection, postingsTableSection] = await Promise.all([
      read(sections.symbols),
      read(sections.postingsTable),
    ])
    const table = parsePostingsOffsetTable(postingsTableSection)
    const range = namePostingsRange(table, sections.postings.end)
    const namePostings = { offset: range.start, bytes: await read(range) }
    return makeLookupParts({
      toc,
      indexSize: tail.size,
      indexVersion,
      symbolsSection,
      postingsTableSection,
      namePostings,
    })
  } catch (error) {
    throw error instanceof CorruptError ? error.in(key) : error
  }
}

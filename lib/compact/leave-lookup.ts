/** Leaves the lookup of a new block in the bucket, from what was just written, so that its first query need not make it. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { encodeLookup, lookupKey } from '#lib/store/lookup.ts'
import type { WrittenIndex } from '#lib/tsdb/index/index-writer.ts'
import { indexSections } from '#lib/tsdb/index/toc.ts'

/** A block without a lookup is whole: what the bucket refuses here is forgotten. */
export async function leaveLookup(
  bucket: Bucket,
  ulid: string,
  { toc, size, symbolsSection, postingsTableSection, metricIds }: WrittenIndex,
  signal?: AbortSignal,
): Promise<void> {
  const sections = indexSections(toc, size)
  const lookup = encodeLookup({
    indexVersion: 2,
    symbolsOffset: sections.symbols.start,
    symbolsSection,
    postingsTableSection,
    series: sections.series,
    postingsEnd: sections.postings.end,
    metricIds,
  })
  try {
    await bucket.put(lookupKey(ulid), lookup, { signal })
  } catch (error) {
    if (!(error instanceof DomainError) || signal?.aborted) throw error
  }
}

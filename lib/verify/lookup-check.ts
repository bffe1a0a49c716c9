/** Holds the lookup of a block against its index. A lookup is a copy: a wrong one is removed, and made anew by who needs it. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { decodeLookup, encodeLookup, Lookup, lookupKey } from '#lib/store/lookup.ts'
import type { ProblemList } from './problem.ts'

export const WRONG_LOOKUP = 'a lookup is not that of the index'

export async function checkLookup(
  bucket: Bucket,
  id: string,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<void> {
  const key = lookupKey(id)
  let stored: Uint8Array
  try {
    stored = (await bucket.get(key, { signal })).body
  } catch (error) {
    // The first query makes it.
    if (isKind(error, 'not-found')) return
    throw error
  }
  try {
    const parts = await readLookupParts(bucket, `${id}/index`, signal)
    if (Buffer.compare(encodeLookup(parts), stored) === 0) return
    // Another zlib packs otherwise.
    if (!isSame(decodeLookup(stored), new Lookup(parts))) problems.add('lookup', WRONG_LOOKUP, key)
  } catch (error) {
    if (!isKind(error, 'corrupt')) throw error
    problems.add('lookup', WRONG_LOOKUP, `${key}: ${error.message}`)
  }
}

function isSame(a: Lookup, b: Lookup): boolean {
  const sections = a.series.start === b.series.start && a.series.end === b.series.end
  if (!sections || a.postingsEnd !== b.postingsEnd || a.symbols.size !== b.symbols.size)
    return false
  if (a.postings.size !== b.postings.size) return false
  for (let i = 0; i < a.symbols.size; i++) if (a.symbols.at(i) !== b.symbols.at(i)) return false
  const others = b.postings.entries()
  for (const entry of a.postings.entries()) {
    const other = others.next().value
    const isEqual =
      other &&
      entry.name === other.name &&
      entry.value === other.value &&
      entry.offset === other.offset
    if (!isEqual) return false
  }
  return a.metricNames().every((name) => {
    const [x, y] = [a.metricRange(name)!, b.metricRange(name)]
    return x.start === y?.start && x.end === y.end
  })
}

/** Decides, from the lookup alone, which bytes of a block's index answer a set of matchers. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { CompiledMatcher } from '#lib/regex/matcher.ts'
import type { Lookup } from './lookup.ts'
import type { ByteRange } from './ranges.ts'
import { coalesce } from './ranges.ts'

/**
 * `ranges`: parts of the series section in which every matching series lies, ascending and disjoint.
 * `postings`: lists to read first, each group a union, all groups intersected; empty when the ranges are small enough to
 * read whole and filter. Filtering by all matchers follows in any case.
 */
export interface SeriesPlan {
  readonly ranges: readonly ByteRange[]
  readonly postings: readonly (readonly ByteRange[])[]
}

/** Up to this many bytes of series entries, filtering beats one more round trip. */
const READ_WHOLE_BYTES = 512 * 1024
/** A matcher with more values than this selects too much to be worth its lists. */
const MAX_LISTS = 256

export function planSeries(lookup: Lookup, matchers: readonly CompiledMatcher[]): SeriesPlan {
  const nothing = { ranges: [], postings: [] }
  const byName = matchers.filter(({ name, matchesEmpty }) => name === METRIC_NAME && !matchesEmpty)
  const ranges = byName.length > 0 ? metricRanges(lookup, byName) : [lookup.series]
  const byteLength = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  if (byteLength === 0) return nothing

  const postings: ByteRange[][] = []
  for (const matcher of matchers) {
    if (matcher.name === METRIC_NAME || matcher.matchesEmpty) continue
    const lists = postingsOf(lookup, matcher)
    if (lists.length === 0) return nothing
    if (lists.length <= MAX_LISTS) postings.push(lists)
  }
  return byteLength <= READ_WHOLE_BYTES ? { ranges, postings: [] } : { ranges, postings }
}

function metricRanges(lookup: Lookup, matchers: readonly CompiledMatcher[]): ByteRange[] {
  const exact = matchers.find(({ type }) => type === '=')
  const candidates = exact ? [exact.value] : lookup.metricNames()
  const ranges: ByteRange[] = []
  for (const name of candidates) {
    if (!matchers.every((matcher) => matcher.matches(name))) continue
    const range = lookup.metricRange(name)
    if (range) ranges.push(range)
  }
  ranges.sort((a, b) => a.start - b.start)
  return coalesce(ranges, { maxGap: 4096, maxSize: Infinity })
}

function postingsOf(lookup: Lookup, matcher: CompiledMatcher): ByteRange[] {
  const { postings, postingsEnd } = lookup
  const positive = matcher.type === '=' || matcher.type === '=~'
  const values =
    positive && matcher.literals
      ? matcher.literals
      : postings.labelValues(matcher.name).filter((value) => matcher.matches(value))
  return values.flatMap((value) => postings.findRange(matcher.name, value, postingsEnd) ?? [])
}

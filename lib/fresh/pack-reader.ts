/** Reads packs: the directory, then the pages that a question needs. Synchronous: bytes in, values out. */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { CorruptError, refuseNewer } from '#lib/model/errors.ts'
import { compareUtf8, METRIC_NAME } from '#lib/model/labels.ts'
import type { CompiledMatcher } from '#lib/regex/matcher.ts'
import {
  decompressPage,
  FOOTER_BYTES,
  PACK_MAGIC,
  PACK_VERSION,
  type PackDirectory,
  type PageEntry,
} from './pack-format.ts'
import { parseSeriesPage, readStrings, type SeriesPage } from './series-page.ts'

/** `tail` ends where the pack ends and holds the directory, as the whole pack does. Throws CorruptError, NewerFormatError. */
export function parseDirectory(tail: Uint8Array): PackDirectory {
  const reader = new ByteReader(tail, Math.max(0, tail.length - FOOTER_BYTES))
  const length = reader.uint32()
  if (reader.uint32() !== PACK_MAGIC) throw new CorruptError('no pack', reader.offset - 4)
  const end = tail.length - FOOTER_BYTES
  if (length > end) throw new CorruptError(`directory of ${length} bytes`, end)
  const json = new TextDecoder().decode(decompressPage(tail.subarray(end - length, end)))
  const directory = JSON.parse(json) as PackDirectory
  refuseNewer('a fresh block', directory.version, PACK_VERSION)
  if (directory.version !== PACK_VERSION) {
    throw new CorruptError(`pack of version ${directory.version}, ${PACK_VERSION} is known`, end)
  }
  return directory
}

/** The pages that may have series that match, as far as metric names tell. */
export function planPages(
  { pages }: PackDirectory,
  matchers: readonly CompiledMatcher[],
): readonly PageEntry[] {
  return pages.filter((page) => mayMatch(page, matchers))
}

/** Whether series with metric names from the entry's first to its last may match. */
export function mayMatch(
  { first, last }: Pick<PageEntry, 'first' | 'last'>,
  matchers: readonly CompiledMatcher[],
): boolean {
  return matchers.every((matcher) => {
    if (matcher.name !== METRIC_NAME) return true
    if (first === last) return matcher.matches(first)
    const { type, literals, prefix } = matcher
    if (type === '!=' || type === '!~') return true
    if (literals) return literals.some((name) => isBetween(first, name, last))
    // From the prefix on to the last name that begins with it.
    return (
      compareUtf8(prefix, last) <= 0 &&
      (first.startsWith(prefix) || compareUtf8(first, prefix) <= 0)
    )
  })
}

function isBetween(first: string, name: string, last: string): boolean {
  return compareUtf8(first, name) <= 0 && compareUtf8(name, last) <= 0
}

/** `page` as it is in the pack. Throws CorruptError. */
export function readSeriesPage(page: Uint8Array): SeriesPage {
  return parseSeriesPage(decompressPage(page))
}

/** The pages that hold values of a label. */
export function planLabelValues({ labelPages }: PackDirectory, name: string): readonly PageEntry[] {
  return labelPages.filter(({ first, last }) => isBetween(first, name, last))
}

/** The values of the label in this page, ascending. */
export function readLabelValues(page: Uint8Array, name: string): string[] {
  const reader = new ByteReader(decompressPage(page))
  const found: string[] = []
  while (reader.remaining > 0) {
    const isWanted = reader.string() === name
    const values = readStrings(reader)
    if (isWanted) for (const value of values) found.push(value)
  }
  return found
}

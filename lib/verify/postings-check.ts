/** Reads all postings lists of an index and holds them against the labels of the series. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { coalesce, FetchedRanges, readsOf } from '#lib/store/ranges.ts'
import type { OffsetTableEntry, PostingsOffsetTable } from '#lib/tsdb/index/offset-table.ts'
import { parsePostings } from '#lib/tsdb/index/postings.ts'
import type { Symbols } from '#lib/tsdb/index/symbols.ts'
import type { IndexSections } from '#lib/tsdb/index/toc.ts'
import type { PairSums } from './pair-sums.ts'
import type { ProblemList } from './problem.ts'

export interface PostingsCheck {
  readonly bucket: Bucket
  /** Of the index. */
  readonly key: string
  readonly sections: IndexSections
  readonly symbols: Symbols
  readonly table: PostingsOffsetTable
  readonly pairs: PairSums
  readonly all: PairSums
  readonly problems: ProblemList
  readonly signal?: AbortSignal | undefined
}

/** Lists that are read at once: as many as are not more than this together, or one. */
const BATCH_BYTES = 8 * 1024 * 1024

export async function checkPostings(check: PostingsCheck): Promise<void> {
  const { table, sections, pairs, problems, key } = check
  let batch: ListPlace[] = []
  let bytes = 0
  for (const entry of table.entries()) {
    const range = table.findRange(entry.name, entry.value, sections.postings.end)!
    batch.push({ ...range, entry })
    bytes += range.end - range.start
    if (bytes < BATCH_BYTES) continue
    await checkLists(check, batch)
    batch = []
    bytes = 0
  }
  await checkLists(check, batch)
  const missing = pairs.unseen()
  if (missing > 0) {
    problems.add('postings', 'labels of series have no postings', `${key}: ${missing} label pairs`)
  }
}

interface ListPlace {
  readonly start: number
  readonly end: number
  readonly entry: OffsetTableEntry
}

async function checkLists(check: PostingsCheck, places: readonly ListPlace[]): Promise<void> {
  const { bucket, key, problems, sections, signal } = check
  const { postings } = sections
  const inside = places.filter(({ start, end, entry }) => {
    if (start >= postings.start && end <= postings.end && start < end) return true
    problems.add('postings', 'a list is not where postings are', nameOf(entry))
    return false
  })
  const sorted = inside.toSorted((a, b) => a.start - b.start)
  const fetched = new FetchedRanges()
  await Promise.all(
    coalesce(sorted, readsOf(bucket)).map(async ({ start, end }) => {
      fetched.add(start, await bucket.getRange(key, start, end, { signal }))
    }),
  )
  for (const place of inside) checkList(check, fetched, place)
}

function checkList(check: PostingsCheck, fetched: FetchedRanges, place: ListPlace): void {
  const { symbols, pairs, all, problems, key } = check
  const { start, end, entry } = place
  let ids: Uint32Array
  try {
    ids = parsePostings(fetched.at(start, end)!)
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    const where = `${nameOf(entry)}: ${key}: ${error.reason} at byte ${start + error.offset}`
    problems.add('postings', 'a list cannot be read', where)
    return
  }
  if (!ascends(ids)) problems.add('postings', 'a list is out of order', nameOf(entry))
  const isAll = entry.name === '' && entry.value === ''
  const pair = isAll
    ? all.find(0, 0)
    : pairs.find(symbols.find(entry.name), symbols.find(entry.value))
  const sums = isAll ? all : pairs
  if (pair === undefined) {
    if (ids.length > 0)
      problems.add('postings', 'a list of a label that no series has', nameOf(entry))
  } else if (!sums.isList(pair, ids)) {
    problems.add('postings', 'a list is not that of the series with the label', nameOf(entry))
  }
}

function nameOf({ name, value }: OffsetTableEntry): string {
  return name === '' ? 'all series' : `${name}=${JSON.stringify(value)}`
}

function ascends(ids: Uint32Array): boolean {
  for (let i = 1; i < ids.length; i++) if (ids[i]! <= ids[i - 1]!) return false
  return true
}

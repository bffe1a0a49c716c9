/** What can be wrong between blocks, and beside them. */
import { groupKey } from '#lib/blocks/visible-blocks.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { IndexView } from '#lib/blocks/bucket-index.ts'
import type { Scan } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { ProblemList } from './problem.ts'

/** Blocks that queries see: others overlap what replaced them. */
export function checkOverlaps(blocks: readonly BlockRecord[], problems: ProblemList): void {
  for (const group of Map.groupBy(blocks.filter(isLive), groupKey).values()) {
    const sorted = group.toSorted((a, b) => a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1))
    let last: BlockRecord | undefined
    for (const block of sorted) {
      if (last && block.minTimeMs < last.maxTimeMs) {
        const other = last
        problems.add('overlapped_blocks', 'blocks overlap', () => {
          const endMs = Math.min(block.maxTimeMs, other.maxTimeMs)
          return `${other.id} and ${block.id} from ${timeOf(block.minTimeMs)} to ${timeOf(endMs)}`
        })
      }
      if (!last || block.maxTimeMs > last.maxTimeMs) last = block
    }
  }
}

/** Of each set of copies all but one. `keep` is the first by id. */
export function duplicatesOf(
  blocks: readonly BlockRecord[],
): readonly { readonly block: BlockRecord; readonly keep: BlockRecord }[] {
  const duplicates: { block: BlockRecord; keep: BlockRecord }[] = []
  const unmarked = blocks.filter(({ marks }) => !marks.deletion)
  const keyOf = (block: BlockRecord): string => {
    const { minTimeMs, maxTimeMs, level, sources, seriesCount, sampleCount, chunkCount } = block
    const parts = [minTimeMs, maxTimeMs, level, seriesCount, sampleCount, chunkCount]
    return [groupKey(block), ...parts, ...sources].join(' ')
  }
  for (const copies of Map.groupBy(unmarked, keyOf).values()) {
    const [keep, ...others] = copies.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    for (const block of others) duplicates.push({ block, keep: keep! })
  }
  return duplicates
}

export function checkDuplicates(blocks: readonly BlockRecord[], problems: ProblemList): void {
  for (const { block, keep } of duplicatesOf(blocks)) {
    const message = 'blocks have the same sources, times and numbers as another'
    problems.add('duplicated_compaction', message, `${block.id} as ${keep.id}`)
  }
}

/** `scan` is of now. A bucket without an index is fine. */
export function checkBucketIndex(index: IndexView, scan: Scan, problems: ProblemList): void {
  if (index.updatedMs === 0) return
  const known = new Map(index.blocks.map((block) => [block.id, block]))
  for (const block of scan.blocks) {
    const record = known.get(block.id)
    known.delete(block.id)
    if (!record) problems.add('bucket_index', 'it does not have a block', block.id, 'warning')
    else if (record.metaEtag !== block.metaEtag || sizesOf(record) !== sizesOf(block)) {
      problems.add('bucket_index', 'it has a block otherwise than it is', block.id)
    } else if (Boolean(record.marks.deletion) !== Boolean(block.marks.deletion)) {
      problems.add('bucket_index', 'it has a block with other marks', block.id, 'warning')
    }
  }
  for (const id of known.keys()) {
    problems.add('bucket_index', 'it has a block that is not there', id)
  }
}

const LOOKUPS = 'thaw/lookup/'

/** Lookups of blocks that are gone, and what is neither a block nor thaw's. */
export async function checkStrayObjects(
  bucket: Bucket,
  ids: ReadonlySet<string>,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<void> {
  for await (const { objects } of bucket.list(LOOKUPS, { signal })) {
    for (const { key } of objects) {
      if (ids.has(key.slice(LOOKUPS.length))) continue
      problems.add('files', 'a lookup of a block that is gone', key, 'warning')
    }
  }
  for await (const page of bucket.list('', { delimiter: '/', signal })) {
    for (const { key } of page.objects) problems.add('files', STRAY, key, 'warning')
    for (const prefix of page.prefixes) {
      if (!ids.has(prefix.slice(0, -1)) && !KNOWN_PREFIXES.has(prefix)) {
        problems.add('files', STRAY, prefix, 'warning')
      }
    }
  }
}

const STRAY = 'an object that is no part of a block'
/** Thanos leaves rejected blocks' marks of its tools in `debug/`. */
const KNOWN_PREFIXES: ReadonlySet<string> = new Set(['thaw/', 'debug/'])

function isLive({ hidden, marks }: BlockRecord): boolean {
  return hidden === undefined && !marks.deletion
}

function sizesOf({ indexSize, segmentSizes }: BlockRecord): string {
  return [indexSize, ...segmentSizes].join(' ')
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

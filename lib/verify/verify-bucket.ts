/** `bucket verify`: every block of a bucket, one after the other, and what lies between them. */
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { type Scan, scanBlocks } from '#lib/blocks/scan.ts'
import { markHidden } from '#lib/blocks/visible-blocks.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import {
  checkBucketIndex,
  checkDuplicates,
  checkOverlaps,
  checkStrayObjects,
} from './bucket-check.ts'
import { type BlockReport, type Issue, type Problem, ProblemList } from './problem.ts'
import { type VerifiedBlock, verifyBlock } from './verify-block.ts'

export interface VerifyOptions {
  readonly bucket: Bucket
  readonly now: () => number
  readonly issues: ReadonlySet<Issue>
  /** All that are not marked for deletion, when empty; then what lies between blocks is looked at too. */
  readonly ids: readonly string[]
  readonly onBlock?: ((block: VerifiedBlock) => Promise<void> | void) | undefined
  readonly onSeries?: ((id: string, count: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface VerifyReport {
  readonly blocks: readonly BlockReport[]
  /** Of no block alone. */
  readonly bucket: readonly Problem[]
}

const BUCKET_ISSUES: readonly Issue[] = [
  'overlapped_blocks',
  'duplicated_compaction',
  'files',
  'bucket_index',
]

/** Rejects with 'not-found' where a block of `ids` is not there; what is broken is in the report. */
export async function verifyBucket(options: VerifyOptions): Promise<VerifyReport> {
  const { bucket, now, issues, ids, onBlock, onSeries, signal } = options
  const scan = await scanBlocks(bucket, new Map(), signal)
  const records = markHidden(scan.blocks, now())
  const all = [...scan.blocks, ...scan.partial].map(({ id }) => id).sort()
  const missing = ids.find((id) => !all.includes(id))
  if (missing !== undefined) {
    throw new DomainError('not-found', `no block ${missing} in ${bucket.name}`)
  }
  const problems = new ProblemList(new Set(BUCKET_ISSUES.filter((issue) => issues.has(issue))))
  if (ids.length === 0) {
    checkOverlaps(records, problems)
    checkDuplicates(records, problems)
    if (issues.has('bucket_index')) await checkIndex(options, scan, problems)
    if (issues.has('files')) await checkStrayObjects(bucket, new Set(all), problems, signal)
  }
  const blocks: BlockReport[] = []
  for (const id of ids.length > 0 ? ids : all.filter((id) => !isMarked(records, id))) {
    const verified = await verifyBlock({
      bucket,
      id,
      issues,
      onSeries: onSeries && ((count, total) => onSeries(id, count, total)),
      signal,
    })
    blocks.push(verified.report)
    await onBlock?.(verified)
  }
  return { blocks, bucket: problems.problems() }
}

async function checkIndex(
  { bucket, now, signal }: VerifyOptions,
  scan: Scan,
  problems: ProblemList,
): Promise<void> {
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
  try {
    checkBucketIndex(await index.view(-Infinity, Infinity, { signal }), scan, problems)
  } catch (error) {
    if (!isKind(error, 'corrupt')) throw error
    problems.add('bucket_index', 'it can not be read', error.message)
  }
}

function isMarked(records: readonly BlockRecord[], id: string): boolean {
  return records.some((record) => record.id === id && record.marks.deletion !== undefined)
}

/** Thanos's marks: small objects beside a block that say what is to be done, or not to be done, with it. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'

export const DELETION_MARK = 'deletion-mark.json'
export const NO_COMPACT_MARK = 'no-compact-mark.json'
export const NO_DOWNSAMPLE_MARK = 'no-downsample-mark.json'

export const MARK_FILES = [DELETION_MARK, NO_COMPACT_MARK, NO_DOWNSAMPLE_MARK] as const
export type MarkFile = (typeof MARK_FILES)[number]

/** The reason of marks of blocks that can't be read. */
export const UNREADABLE = 'unreadable'

/** The field that says since when. */
const TIME_FIELDS: Readonly<Record<MarkFile, string>> = {
  [DELETION_MARK]: 'deletion_time',
  [NO_COMPACT_MARK]: 'no_compact_time',
  [NO_DOWNSAMPLE_MARK]: 'no_downsample_time',
}

export interface MarkOptions {
  readonly nowMs: number
  /** For people. */
  readonly details: string
  /** For machines: Thanos's words are `manual`, `index-size-exceeding`, `block-index-out-of-order-chunk`. A deletion mark has none. */
  readonly reason?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** False where the block had this mark before: then that one stays, with its time. */
export async function putMark(
  bucket: Bucket,
  id: string,
  file: MarkFile,
  { nowMs, details, reason, signal }: MarkOptions,
): Promise<boolean> {
  try {
    const body = new TextEncoder().encode(formatMark(id, file, { nowMs, details, reason }))
    await bucket.put(`${id}/${file}`, body, {
      contentType: 'application/json',
      ifAbsent: true,
      signal,
    })
    return true
  } catch (error) {
    if (isKind(error, 'conflict')) return false
    throw error
  }
}

/** As Thanos writes it: times in whole seconds. */
function formatMark(
  id: string,
  file: MarkFile,
  { nowMs, details, reason }: Omit<MarkOptions, 'signal'>,
): string {
  const time = { [TIME_FIELDS[file]]: Math.floor(nowMs / 1000) }
  if (file === DELETION_MARK) return JSON.stringify({ id, version: 1, details, ...time })
  return JSON.stringify({ id, version: 1, details, ...time, reason: reason ?? 'manual' })
}

/** One that is not there is fine. */
export async function removeMark(
  bucket: Bucket,
  id: string,
  file: MarkFile,
  signal?: AbortSignal,
): Promise<void> {
  await bucket.delete(`${id}/${file}`, { signal })
}

const REPLACED = 'compacted into '

/** Details of a deletion mark: what has the samples now. */
export function compactedInto(ulid: string): string {
  return REPLACED + ulid
}

/** Whether a deletion mark says that another block has the samples, rather than that nobody wants them. */
export function isReplacement(details: string | undefined): boolean {
  return details?.startsWith(REPLACED) ?? false
}

/** Makes one part of a block that was cut. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { ConflictError, DomainError, isKind } from '#lib/model/errors.ts'
import { META_FILE } from '#lib/tsdb/block/meta.ts'
import { BlockUpload } from '../block-upload.ts'
import { openMerged, writeMerged } from '../compact-blocks.ts'
import { changedInput, exists } from './check-inputs.ts'
import { cutKey, cutFolder, type CutPart, partFile, readCut, type StoredCut } from './cut.ts'
import { type PartSummary, readSummary } from './part-file.ts'
import { PartWriter } from './part-writer.ts'

export interface PartOptions {
  readonly bucket: Bucket
  /** Of the block that was cut. */
  readonly ulid: string
  /** From 0. */
  readonly part: number
  /** Of each file that is read, at a time. */
  readonly pieceBytes?: number | undefined
  /** `total`: of all inputs together, where the part were all of the block. */
  readonly onSeries?: ((count: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export type PartOutcome =
  | { readonly status: 'done'; readonly summary: PartSummary }
  /** There is nothing to do any more: `reason` says why. */
  | { readonly status: 'skipped'; readonly reason: string }

/**
 * One that is done already stays as it is. May be run by several at a time: they write the same. Rejects with 'corrupt' (and the file's name)
 * where an input is broken, 'limit' where its segment files don't hold it, 'invalid' where there is no such part.
 */
export async function writePart(options: PartOptions): Promise<PartOutcome> {
  const { bucket, ulid, part, signal } = options
  let cut: StoredCut
  try {
    cut = await readCut(bucket, ulid, signal)
  } catch (error) {
    if (isKind(error, 'not-found')) return { status: 'skipped', reason: `no cut of block ${ulid}` }
    throw error
  }
  const range = cut.parts[part]
  if (!range) {
    throw new DomainError('invalid', `no part ${part} of ${cut.parts.length} of block ${ulid}`)
  }
  // What was cut anew behind a block that is made must not write into it.
  if (await exists(bucket, `${ulid}/${META_FILE}`, signal)) {
    return { status: 'skipped', reason: `block ${ulid} is made` }
  }
  const summary = await doneBefore(cut, options)
  if (summary) return { status: 'done', summary }
  try {
    const reason = await changedInput(bucket, cut, signal)
    if (reason !== undefined) return { status: 'skipped', reason }
    return { status: 'done', summary: await write(cut, range, options) }
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error
    const reason = await changedInput(bucket, cut, signal)
    if (reason === undefined) throw error
    return { status: 'skipped', reason }
  }
}

/** Undefined where it is to be made: also where what is there is broken, or of another cut. */
async function doneBefore(
  { checksum }: StoredCut,
  { bucket, ulid, part, signal }: PartOptions,
): Promise<PartSummary | undefined> {
  try {
    const summary = await readSummary(bucket, ulid, part, signal)
    return summary.cut === checksum ? summary : undefined
  } catch (error) {
    if (isKind(error, 'not-found') || isKind(error, 'corrupt')) return undefined
    throw error
  }
}

async function write(cut: StoredCut, range: CutPart, options: PartOptions): Promise<PartSummary> {
  const { bucket, ulid, part, signal } = options
  const sections = range.index.map(([start, end]) => ({ start, end }))
  const { merged } = await openMerged({ ...options, dedup: cut.dedup, sections }, cut.inputs)
  const chunks = new BlockUpload(bucket, ulid, signal)
  const entries = new BlockUpload(bucket, cutFolder(ulid), signal)
  try {
    const writer = new PartWriter(cut, range, {
      chunks: chunks.write,
      part: (bytes) => entries.write(partFile(part), bytes),
    })
    await merged.next()
    const total = cut.inputs.reduce((sum, { seriesCount }) => sum + seriesCount, 0)
    const onSeries = (count: number): void => options.onSeries?.(count, total)
    await writeMerged(merged, writer, [chunks, entries], { onSeries, signal })
    const summary = writer.finish()
    await chunks.finish()
    await expectSameCut(cut, options)
    await entries.finish()
    return summary
  } catch (error) {
    await Promise.all([chunks.abort(error), entries.abort(error)])
    throw error
  }
}

/** A part must not appear beside another cut than its own. */
async function expectSameCut(
  { etag }: StoredCut,
  { bucket, ulid, signal }: PartOptions,
): Promise<void> {
  const key = cutKey(ulid)
  const { etag: now } = await bucket.head(key, { signal })
  if (now !== etag) throw new ConflictError(key, 'is another now')
}

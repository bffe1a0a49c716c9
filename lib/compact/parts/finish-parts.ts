/** Makes one block of parts that are done: their chunks stay where they are, their series come into one index. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, isKind, NotFoundError } from '#lib/model/errors.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { META_FILE } from '#lib/tsdb/block/meta.ts'
import { readMeta } from '../compact-blocks.ts'
import { assembleBlock } from './assemble-block.ts'
import { changedInput, exists } from './check-inputs.ts'
import { cutFolder, cutKey, partFile, readCut, type StoredCut } from './cut.ts'
import { type PartSummary, readSummary } from './part-file.ts'

export interface FinishOptions {
  readonly bucket: Bucket
  /** Of the block that was cut. */
  readonly ulid: string
  readonly now: () => number
  /** Awaited when all but meta.json is in the bucket. Where it rejects, there will be no block. */
  readonly confirm?: (() => Promise<void>) | undefined
  /** Of the parts' files, at a time. */
  readonly pieceBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export type FinishOutcome =
  /** The block is in the bucket; `meta` is undefined where it would have no samples. */
  | { readonly status: 'done'; readonly meta: BlockMeta | undefined; readonly cut: StoredCut }
  /** These parts are not there, or not whole: then they are not there any more. */
  | { readonly status: 'pending'; readonly parts: readonly number[] }
  /** There is nothing to do any more: `reason` says why. */
  | { readonly status: 'skipped'; readonly reason: string }

const DEFAULT_PIECE_BYTES = 4 * 1024 * 1024

/**
 * The cut and its parts stay: see `deleteCut`. May be run by several at a time: they write the same. A block that is made already is
 * not made again. Rejects with 'corrupt' where the cut is.
 */
export async function finishParts(options: FinishOptions): Promise<FinishOutcome> {
  const { bucket, ulid, signal } = options
  let cut: StoredCut
  try {
    cut = await readCut(bucket, ulid, signal)
  } catch (error) {
    if (isKind(error, 'not-found')) return { status: 'skipped', reason: `no cut of block ${ulid}` }
    throw error
  }
  if (await exists(bucket, `${ulid}/${META_FILE}`, signal)) {
    return { status: 'done', meta: await readMeta(bucket, { id: ulid }, signal), cut }
  }
  const reason = await changedInput(bucket, cut, signal)
  if (reason !== undefined) return { status: 'skipped', reason }
  const summaries = await readSummaries(cut, options)
  const sizes = await segmentSizes(bucket, ulid, signal)
  const missing = cut.parts.flatMap((_, part) => (isWhole(summaries[part], sizes) ? [] : part))
  if (missing.length > 0) return pending(missing, options)
  try {
    const meta = await assembleBlock(cut, summaries as PartSummary[], sizes, {
      ...options,
      pieceBytes: options.pieceBytes ?? DEFAULT_PIECE_BYTES,
    })
    return { status: 'done', meta, cut }
  } catch (error) {
    const broken = cut.parts.findIndex((_, part) => isAbout(error, partKey(ulid, part)))
    if (broken === -1) throw error
    return pending([broken], options)
  }
}

/** When the block is in the bucket and its inputs are marked: nothing of the cut is needed any more. The cut itself goes last. */
export async function deleteCut(
  bucket: Bucket,
  ulid: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { objects } of bucket.list(`${cutFolder(ulid)}/`, { signal })) {
    keys.push(...objects.map(({ key }) => key).filter((key) => key !== cutKey(ulid)))
  }
  for (const key of [...keys, cutKey(ulid)]) await bucket.delete(key, { signal })
  return keys
}

function partKey(ulid: string, part: number): string {
  return `${cutFolder(ulid)}/${partFile(part)}`
}

/** Of each part; undefined where it is not there, broken, or of another cut. */
function readSummaries(
  { parts, checksum }: StoredCut,
  { bucket, ulid, signal }: FinishOptions,
): Promise<(PartSummary | undefined)[]> {
  return Promise.all(
    parts.map(async (_, part) => {
      try {
        const summary = await readSummary(bucket, ulid, part, signal)
        return summary.cut === checksum ? summary : undefined
      } catch (error) {
        if (isKind(error, 'not-found') || isKind(error, 'corrupt')) return undefined
        throw error
      }
    }),
  )
}

/** By path inside the block. */
async function segmentSizes(
  bucket: Bucket,
  ulid: string,
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { objects } of bucket.list(`${ulid}/chunks/`, { signal })) {
    for (const { key, size } of objects) sizes.set(key.slice(ulid.length + 1), size)
  }
  return sizes
}

/** Whether all its segment files are there too. */
function isWhole(summary: PartSummary | undefined, sizes: ReadonlyMap<string, number>): boolean {
  return summary?.files.every(({ path, size }) => sizes.get(path) === size) ?? false
}

/** What is left of these parts goes, so that they are made anew. */
async function pending(
  parts: readonly number[],
  { bucket, ulid, signal }: FinishOptions,
): Promise<FinishOutcome> {
  for (const part of parts) await bucket.delete(partKey(ulid, part), { signal })
  return { status: 'pending', parts }
}

function isAbout(error: unknown, key: string): boolean {
  if (error instanceof NotFoundError) return error.key === key
  return error instanceof CorruptError && error.where === key
}

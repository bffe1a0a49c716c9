/** One pass over a data directory: every block that should be in the bucket and is not is uploaded, oldest first. */
import { join } from 'node:path'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { blockBytes, type BrokenBlock, type LocalBlock, readLocalBlocks } from './block-dir.ts'
import type { Logger } from '../logger.ts'
import { leaveLookup } from './lookup.ts'
import { overlapCheck } from './overlap.ts'
import { readShipperState, writeShipperState } from './shipper-state.ts'
import { stageBlock, unstage } from './staging.ts'
import { type UploadProgress, uploadBlock } from './upload.ts'
import type { HashFunc } from './upload-file.ts'

export interface ShipperOptions {
  readonly bucket: Bucket
  readonly tsdbPath: string
  /** Name of the state file in the data directory. */
  readonly metaFileName: string
  readonly uploadCompacted: boolean
  readonly allowOutOfOrderUploads: boolean
  readonly skipCorruptedBlocks: boolean
  readonly uploadConcurrency: number
  readonly hashFunc: HashFunc
  /** `thanos.source` of the uploaded metas. */
  readonly source: string
  readonly logger: Logger
  readonly now: () => number
  /** Asked of each block before it is uploaded: rejects where the block is broken. */
  readonly check?: ((block: LocalBlock) => Promise<void>) | undefined
  /** Nothing is written, here or in the bucket: what is said to be uploaded would be. */
  readonly dryRun?: boolean | undefined
}

export interface ShipPass {
  /** Asked before each block, so that a change in Prometheus's configuration counts at once. Never empty. */
  readonly externalLabels: Readonly<Record<string, string>>
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /** No further block is begun. */
  readonly stopping?: AbortSignal | undefined
  /** The running upload is given up. */
  readonly signal?: AbortSignal | undefined
}

export type SkipReason =
  | 'already-uploaded' // listed in the state file
  | 'in-bucket' // its meta.json was found in the bucket
  | 'sources-in-bucket' // compacted by Prometheus from blocks that are all in the bucket
  | 'empty' // no samples
  | 'compacted' // made by Prometheus's own compaction, and --shipper.upload-compacted is off
  | 'deleted' // Prometheus removed it while it was being read

/** What the state file lists beside what was uploaded. */
const NEEDS_NO_UPLOAD: ReadonlySet<SkipReason> = new Set(['in-bucket', 'sources-in-bucket'])

export interface ShipOutcome {
  readonly uploaded: readonly { readonly ulid: string; readonly byteLength: number }[]
  readonly skipped: readonly { readonly ulid: string; readonly reason: SkipReason }[]
  readonly failed: readonly BrokenBlock[]
  /** Blocks the pass did not come to, after a failure or a stop. */
  readonly notReached: readonly string[]
}

/**
 * Expected failures are in the outcome. The first one ends the pass, so that blocks arrive in order of time, unless
 * out-of-order uploads are allowed. Rejects when the directory can't be read, and when `signal` is aborted.
 */
export async function shipBlocks(options: ShipperOptions, pass: ShipPass): Promise<ShipOutcome> {
  const { logger, bucket, tsdbPath } = options
  if (Object.keys(pass.externalLabels).length === 0) throw noExternalLabels(tsdbPath)
  const statePath = join(tsdbPath, options.metaFileName)
  const state = await readShipperState(statePath)
  if (state.problem !== undefined) {
    logger.warn({ path: statePath, err: state.problem }, 'state file unusable, asking the bucket')
  }
  const { blocks, broken } = await readLocalBlocks(tsdbPath)
  const stateOf = new Set(blocks.map(({ ulid }) => ulid).filter((id) => state.uploaded.has(id)))

  const uploaded: { ulid: string; byteLength: number }[] = []
  const skipped: { ulid: string; reason: SkipReason }[] = []
  const failed: BrokenBlock[] = [...broken]
  for (const { ulid, error } of broken) logger.error({ ulid, err: error }, 'corrupted block')
  const outcome = (reached: number): ShipOutcome => ({
    uploaded,
    skipped,
    failed,
    notReached: blocks.slice(reached).map(({ ulid }) => ulid),
  })
  if (broken.length > 0 && !options.skipCorruptedBlocks) return outcome(0)

  const overlaps = overlapCheck(bucket, pass.externalLabels)
  let reached = 0
  for (const block of blocks) {
    if (pass.stopping?.aborted || pass.signal?.aborted) break
    reached++
    const { ulid } = block
    try {
      const result = await shipBlock(block)
      if (typeof result === 'string') skipped.push({ ulid, reason: result })
      else uploaded.push({ ulid, byteLength: result.byteLength })
      if (typeof result !== 'string' || NEEDS_NO_UPLOAD.has(result)) {
        stateOf.add(ulid)
        await saveState()
      }
    } catch (error) {
      if (pass.signal?.aborted) break
      if (!(error instanceof DomainError)) throw error
      failed.push({ ulid, error })
      logger.error({ ulid, kind: error.kind, err: error }, 'block not uploaded')
      const goOn =
        options.allowOutOfOrderUploads || (error.kind === 'corrupt' && options.skipCorruptedBlocks)
      if (!goOn) break
    }
  }
  if (pass.signal?.aborted) {
    throw new DomainError('canceled', `upload to ${bucket.name} was given up`, {
      cause: pass.signal.reason,
    })
  }
  // Also when nothing was uploaded: ids of blocks that are gone leave the file.
  if (stateOf.size !== state.uploaded.size || state.problem !== undefined) await saveState()
  return outcome(reached)

  async function shipBlock(block: LocalBlock): Promise<SkipReason | { byteLength: number }> {
    const { ulid, meta } = block
    if (state.uploaded.has(ulid)) return 'already-uploaded'
    if (meta.stats.numSamples === 0) return 'empty'
    const compacted = meta.compaction.level > 1
    if (compacted && !options.uploadCompacted) return 'compacted'
    if (await existsInBucket(bucket, ulid, pass.signal)) return 'in-bucket'
    if (compacted && !options.allowOutOfOrderUploads) {
      if (await overlaps.isCovered(meta, pass.signal)) return 'sources-in-bucket'
    }
    await options.check?.(block)
    if (options.dryRun) return { byteLength: await blockBytes(block) }
    try {
      return await stageAndUpload(block)
    } catch (error) {
      // Another agent on the same directory took our links away, because it was uploading this very block.
      if (isKind(error, 'conflict') && (await existsInBucket(bucket, ulid, pass.signal))) {
        return 'in-bucket'
      }
      throw error
    }
  }

  async function stageAndUpload(block: LocalBlock): Promise<SkipReason | { byteLength: number }> {
    const { ulid, meta } = block
    const staged = await stageBlock(block, { tsdbPath })
    if (staged === undefined) return 'deleted'
    const startMs = options.now()
    logger.info({ ulid, bytes: staged.byteLength }, 'uploading block')
    try {
      await uploadBlock({
        bucket,
        staged,
        meta,
        externalLabels: pass.externalLabels,
        source: options.source,
        hashFunc: options.hashFunc,
        concurrency: options.uploadConcurrency,
        now: options.now,
        onProgress: pass.onProgress,
        signal: pass.signal,
      })
      await leaveLookup(bucket, staged, logger, pass.signal)
    } finally {
      await unstage(staged.dir)
    }
    overlaps.add(meta)
    const seconds = (options.now() - startMs) / 1000
    logger.info({ ulid, bytes: staged.byteLength, seconds }, 'block uploaded')
    return { byteLength: staged.byteLength }
  }

  async function saveState(): Promise<void> {
    if (options.dryRun) return
    const inOrder = blocks.map(({ ulid }) => ulid).filter((ulid) => stateOf.has(ulid))
    try {
      await writeShipperState(statePath, inOrder)
    } catch (error) {
      // Without the file the bucket is asked again; nothing is lost.
      logger.warn({ path: statePath, err: error }, 'state file not written')
    }
  }
}

/** The error for a Prometheus without external labels, which is the most common first mistake. */
export function noExternalLabels(where: string): DomainError {
  return new DomainError(
    'invalid',
    `${where} has no external labels, set global.external_labels in prometheus.yml (for example cluster and replica) so that its blocks can be told from others`,
  )
}

async function existsInBucket(
  bucket: Bucket,
  ulid: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await bucket.head(`${ulid}/meta.json`, { signal })
    return true
  } catch (error) {
    if (isKind(error, 'not-found')) return false
    throw error
  }
}

/** `bucket rewrite`: a new block without what was to be deleted, with labels changed; and a log of it beside it. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { BlockUpload } from '#lib/compact/block-upload.ts'
import { CorruptError, DomainError, isKind } from '#lib/model/errors.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import { type RelabelConfig, relabelConfigToJson } from '#lib/relabel/relabel-config.ts'
import { type BlockMeta, META_FILE, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { metaOfWritten } from '#lib/tsdb/block/thanos-meta.ts'
import { CHANGE_LOG_FILE, changeLine, type SeriesChange } from './change-log.ts'
import { type DeletionRequest, deletionRequestToJson, deletionsOf } from './deletion-request.ts'
import { planRewrite, type RewriteCounts, writeRewritten } from './write-rewritten.ts'

export interface RewriteOptions {
  readonly bucket: Bucket
  readonly block: BlockRecord
  /** Of the new block. */
  readonly ulid: string
  readonly now: () => number
  /** Applied first; deletions then go by the new labels. */
  readonly relabels: readonly RelabelConfig[]
  readonly deletions: readonly DeletionRequest[]
  /** Nothing is written. */
  readonly dryRun: boolean
  /** Whether the changes are written beside the new block. */
  readonly changeLog: boolean
  readonly onChange?: ((change: SeriesChange) => void) | undefined
  readonly onSeries?: ((count: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RewriteResult {
  readonly counts: RewriteCounts
  /** Of the new block, which is in the bucket; undefined in a dry run, and where no sample is left. */
  readonly meta: BlockMeta | undefined
}

/** The old block stays: who asked for it marks it. Rejects with 'corrupt' and the file's name, 'unsupported', 'not-found'. */
export async function rewriteBlock(options: RewriteOptions): Promise<RewriteResult> {
  const { bucket, block, ulid, now, signal } = options
  const old = await readBlockMeta(bucket, block.id, signal)
  const log = new ChangeLog(options)
  const parts = {
    ...options,
    relabel: options.relabels.length > 0 ? relabeler(options.relabels) : undefined,
    deletions: options.deletions.length > 0 ? deletionsOf(options.deletions) : undefined,
    onChange: (change: SeriesChange) => log.add(change),
  }
  if (options.dryRun) return { counts: await planRewrite(parts), meta: undefined }
  try {
    const { counts, written } = await writeRewritten(parts)
    await log.finish()
    if (!written) {
      await bucket.delete(`${ulid}/${CHANGE_LOG_FILE}`, { signal })
      return { counts, meta: undefined }
    }
    const rewrite = {
      sources: old.compaction.sources,
      deletions_applied: options.deletions.map(deletionRequestToJson),
      relabels_applied: options.relabels.map(relabelConfigToJson),
    }
    const meta = metaOfWritten(
      { ...written, meta: { ...old, ...written.meta, compaction: rewrittenCompaction(old, ulid) } },
      {
        labels: block.labels,
        resolutionMs: block.resolutionMs,
        source: 'bucket.rewrite',
        uploadTimeMs: now(),
        extensions: old.thanos?.extensions,
        rewrites: [...(old.thanos?.rewrites ?? []), withoutEmpty(rewrite)],
      },
    )
    await putBlockMeta(bucket, meta, signal)
    return { counts, meta }
  } catch (error) {
    await log.abort(error)
    throw error
  }
}

/** Readers must not take the new block for a copy of the old: it has other samples. */
function rewrittenCompaction(old: BlockMeta, ulid: string): BlockMeta['compaction'] {
  return { ...old.compaction, sources: [ulid] }
}

function withoutEmpty(record: Readonly<Record<string, readonly unknown[]>>): unknown {
  return Object.fromEntries(Object.entries(record).filter(([, list]) => list.length > 0))
}

export async function readBlockMeta(
  bucket: Bucket,
  id: string,
  signal?: AbortSignal,
): Promise<BlockMeta> {
  const key = `${id}/${META_FILE}`
  try {
    return parseBlockMeta((await bucket.get(key, { signal })).body)
  } catch (error) {
    if (isKind(error, 'not-found')) throw new DomainError('not-found', `no block ${id}`)
    throw error instanceof CorruptError ? error.in(key) : error
  }
}

/** Lines gathered to pieces of this size. */
const LOG_PIECE = 64 * 1024

class ChangeLog {
  readonly #options: RewriteOptions
  readonly #upload: BlockUpload | undefined
  #text = ''

  constructor(options: RewriteOptions) {
    const { bucket, ulid, signal, dryRun, changeLog } = options
    this.#options = options
    if (!dryRun && changeLog) this.#upload = new BlockUpload(bucket, ulid, signal)
  }

  add(change: SeriesChange): void {
    this.#options.onChange?.(change)
    if (!this.#upload) return
    this.#text += changeLine(change)
    if (this.#text.length >= LOG_PIECE) this.#flush()
  }

  async finish(): Promise<void> {
    if (!this.#upload) return
    this.#flush()
    await this.#upload.finish()
  }

  async abort(error: unknown): Promise<void> {
    await this.#upload?.abort(error)
  }

  #flush(): void {
    this.#upload!.write(CHANGE_LOG_FILE, new TextEncoder().encode(this.#text))
    this.#text = ''
  }
}

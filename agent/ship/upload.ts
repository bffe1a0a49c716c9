/** Puts one staged block into the bucket: chunks, then the index, then meta.json. Only with meta.json does the block exist. */
import pLimit from 'p-limit'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { BlockMeta, ThanosFile } from '#lib/tsdb/block/meta.ts'
import type { StagedBlock, StagedFile } from './staging.ts'
import { withThanosSection } from './thanos-section.ts'
import { type HashFunc, uploadFile } from './upload-file.ts'

export interface UploadProgress {
  readonly ulid: string
  readonly uploadedBytes: number
  readonly totalBytes: number
}

export interface UploadOptions {
  readonly bucket: Bucket
  readonly staged: StagedBlock
  readonly meta: BlockMeta
  readonly externalLabels: Readonly<Record<string, string>>
  readonly source: string
  readonly hashFunc: HashFunc
  readonly concurrency: number
  readonly now: () => number
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Can be run again at any time: what is there with the same bytes stays. Rejects with ConflictError where other bytes are under one of the keys. */
export async function uploadBlock(options: UploadOptions): Promise<void> {
  const { bucket, staged, meta, externalLabels, source, hashFunc, signal, now, onProgress } =
    options
  let uploadedBytes = 0
  const progress = (bytes: number) => {
    uploadedBytes += bytes
    onProgress?.({ ulid: staged.ulid, uploadedBytes, totalBytes: staged.byteLength })
  }

  const chunks = staged.files.filter((file) => file.relPath !== 'index')
  const index = staged.files.filter((file) => file.relPath === 'index')
  const hashes = new Map<string, string>()
  for (const phase of [chunks, index]) {
    await forEachLimited(phase, options.concurrency, async (file) => {
      signal?.throwIfAborted()
      const key = `${staged.ulid}/${file.relPath}`
      const hash = await uploadFile({ bucket, key, file, hashFunc, progress, signal })
      if (hash !== undefined) hashes.set(file.relPath, hash)
    })
  }

  signal?.throwIfAborted()
  const files: ThanosFile[] = staged.files.map(({ relPath, size }) => {
    const value = hashes.get(relPath)
    const hash = value === undefined ? undefined : { hashFunc: 'SHA256', value }
    return { rel_path: relPath, size_bytes: size, ...(hash && { hash }) }
  })
  files.push({ rel_path: 'meta.json' })
  files.sort((a, b) => (a.rel_path < b.rel_path ? -1 : 1))
  const complete = withThanosSection(meta, {
    externalLabels,
    source,
    files,
    segmentFiles: chunks.map(({ relPath }) => relPath.slice('chunks/'.length)),
    uploadTimeMs: now(),
  })
  await putBlockMeta(bucket, complete, signal)
}

/** Stops at the first failure, but settles only when nothing is running any more. */
async function forEachLimited(
  files: readonly StagedFile[],
  concurrency: number,
  run: (file: StagedFile) => Promise<void>,
): Promise<void> {
  const limit = pLimit(Math.max(1, concurrency))
  let failure: { readonly error: unknown } | undefined
  await Promise.all(
    files.map((file) =>
      limit(async () => {
        if (failure !== undefined) return
        try {
          await run(file)
        } catch (error) {
          failure ??= { error }
        }
      }),
    ),
  )
  if (failure !== undefined) throw failure.error
}

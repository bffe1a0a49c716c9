/** Puts one staged block into the bucket: chunks, then the index, then meta.json. Only with meta.json does the block exist. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import pLimit from 'p-limit'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { BlockMeta, ThanosFile } from '#lib/tsdb/block/meta.ts'
import { localFileError } from './block-dir.ts'
import type { StagedBlock, StagedFile } from './staging.ts'
import { withThanosSection } from './thanos-section.ts'

export type HashFunc = '' | 'SHA256'

/** Files up to this size are one put; larger ones are streamed in parts of PART_SIZE. */
const WHOLE_FILE_LIMIT = 4 * 1024 * 1024
const PART_SIZE = 1024 * 1024

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

/** Can be run again at any time: the same bytes land under the same keys. */
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

interface FileUpload {
  readonly bucket: Bucket
  readonly key: string
  readonly file: StagedFile
  readonly hashFunc: HashFunc
  readonly progress: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

/** The file's hash as it was sent, when one is wanted. */
async function uploadFile(upload: FileUpload): Promise<string | undefined> {
  const { bucket, key, file, hashFunc, progress, signal } = upload
  const hash = hashFunc === 'SHA256' ? createHash('sha256') : undefined
  const parts = readParts(file, (part) => hash?.update(part), progress, signal)
  if (file.size <= WHOLE_FILE_LIMIT) {
    const body = Buffer.alloc(file.size)
    let length = 0
    for await (const part of parts) {
      body.set(part, length)
      length += part.length
    }
    await bucket.put(key, body, { signal })
  } else {
    await bucket.putStream(key, parts, { signal })
  }
  return hash?.digest('hex')
}

async function* readParts(
  { path, size }: StagedFile,
  onPart: (part: Uint8Array) => void,
  progress: (bytes: number) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    // The links are ours; only another agent's clean-up takes them away.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw localFileError(error, path)
    throw new DomainError('conflict', `${path} was removed, is another agent running here?`, {
      cause: error,
    })
  })
  try {
    let offset = 0
    while (offset < size) {
      signal?.throwIfAborted()
      // A new buffer for each part: the bucket may still be sending the one before.
      const part = Buffer.allocUnsafe(Math.min(PART_SIZE, size - offset))
      const { bytesRead } = await file
        .read(part, 0, part.length, offset)
        .catch((error: unknown) => {
          throw localFileError(error, path)
        })
      if (bytesRead === 0) {
        throw new DomainError('conflict', `${path} shrank from ${size} to ${offset} bytes`)
      }
      const bytes = part.subarray(0, bytesRead)
      onPart(bytes)
      yield bytes
      offset += bytesRead
      progress(bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Puts one file of a staged block into the bucket, onto nothing: what is there already is left as it is. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { ConflictError, DomainError, isKind } from '#lib/model/errors.ts'
import { localFileError } from './block-dir.ts'
import type { StagedFile } from './staging.ts'

export type HashFunc = '' | 'SHA256'

/** Files up to this size are one put; larger ones are streamed in parts of PART_SIZE. */
const WHOLE_FILE_LIMIT = 4 * 1024 * 1024
const PART_SIZE = 1024 * 1024

export interface FileUpload {
  readonly bucket: Bucket
  readonly key: string
  readonly file: StagedFile
  readonly hashFunc: HashFunc
  readonly progress: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * The file's hash as it was sent, when one is wanted. An object with the same bytes is as good as a new one: an upload that broke off left it.
 * Rejects with ConflictError where one with other bytes is there.
 */
export async function uploadFile(upload: FileUpload): Promise<string | undefined> {
  try {
    return await send(upload, true)
  } catch (error) {
    const again = { ...upload, progress: () => undefined }
    // Stores without conditional writes may be shipped to.
    if (isKind(error, 'unsupported')) return send(again, false)
    if (!isKind(error, 'conflict')) throw error
    return compare(again, error)
  }
}

async function send(
  { bucket, key, file, hashFunc, progress, signal }: FileUpload,
  ifAbsent: boolean,
): Promise<string | undefined> {
  const hash = hashFunc === 'SHA256' ? createHash('sha256') : undefined
  const parts = readParts(file, (part) => hash?.update(part), progress, signal)
  if (file.size <= WHOLE_FILE_LIMIT) {
    const body = Buffer.alloc(file.size)
    let length = 0
    for await (const part of parts) {
      body.set(part, length)
      length += part.length
    }
    await bucket.put(key, body, { ifAbsent, signal })
  } else {
    await bucket.putStream(key, parts, { ifAbsent, signal })
  }
  return hash?.digest('hex')
}

/** Reads what is there: only so it is known that nobody else has put it. `conflict` is what to say where there is nothing any more. */
async function compare(
  { bucket, key, file, hashFunc, progress, signal }: FileUpload,
  conflict: DomainError,
): Promise<string | undefined> {
  const hash = hashFunc === 'SHA256' ? createHash('sha256') : undefined
  try {
    let isSame = (await bucket.head(key, { signal })).size === file.size
    let offset = 0
    const parts = readParts(file, (part) => hash?.update(part), progress, signal)
    for await (const part of parts) {
      if (!isSame) break
      const there = await bucket.getRange(key, offset, offset + part.length, { signal })
      isSame = Buffer.compare(there, part) === 0
      offset += part.length
    }
    if (isSame) return hash?.digest('hex')
  } catch (error) {
    if (isKind(error, 'not-found')) throw conflict
    throw error
  }
  throw new ConflictError(
    key,
    'other bytes are there, which somebody else has put, and are left as they are: see who did, and delete them, or wait for the two days after which compaction removes what has no meta.json; then it is shipped',
    { cause: conflict },
  )
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

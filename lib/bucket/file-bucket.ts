/** A directory as a bucket: one plain file per key, as Thanos's FILESYSTEM provider lays them out. */
import {
  type FileHandle,
  link,
  mkdir,
  open,
  rename,
  rmdir,
  stat,
  unlink,
  utimes,
} from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { ConflictError, DomainError, NotFoundError } from '#lib/model/errors.ts'
import type { Bucket, PutOptions } from './bucket.ts'
import { throwIfAborted } from './cancellation.ts'
import { walkDirectory } from './file-listing.ts'
import { withFileLock } from './file-lock.ts'
import { createTempFile, HIDDEN_DIRECTORY, removeAbandonedFiles } from './file-temp.ts'
import { checkKey, checkPut, checkRange, checkTail, shortObject } from './request-check.ts'
import { codeOf, ignoreMissing } from './system-calls.ts'

/** A read is about 20 µs of system calls and threads, and the kernel copies about 3 GB/s. */
const READ_GAP = 64 * 1024

/**
 * Readers always see one whole version of an object: bytes go to a temporary file, reach the disk, and are moved into
 * place. Writers of one key, in this or any other process, take turns under a lock, which makes conditions hold.
 *
 * An etag is inode, time and size of the file. It is true because each write of a key gives it a
 * later time than the file it replaces. Whoever changes a file in place, by other means, must leave its time to the system.
 *
 * The directory itself must exist: a mount that is not there is an error, not an empty bucket.
 */
export function fileBucket(directory: string): Bucket {
  const root = resolve(directory)
  const hidden = join(root, HIDDEN_DIRECTORY)
  let sweep: Promise<void> | undefined

  async function checkRoot(): Promise<void> {
    const info = await stat(root).catch((error: unknown) => {
      throw codeOf(error) === 'ENOENT'
        ? new DomainError('not-found', `no bucket: directory ${root} does not exist`, {
            cause: error,
          })
        : storageError(root, error)
    })
    if (!info.isDirectory())
      throw new DomainError('invalid', `no bucket: ${root} is not a directory`)
  }

  async function openForRead(key: string, signal: AbortSignal | undefined): Promise<FileHandle> {
    throwIfAborted(signal)
    let file: FileHandle
    try {
      file = await open(pathOf(root, key), 'r')
    } catch (error) {
      if (isMissing(error)) {
        await checkRoot()
        throw new NotFoundError(key, { cause: error })
      }
      throw storageError(key, error)
    }
    return file
  }

  /** Runs `read` on the open file: all it sees is of one version. */
  async function reading<T>(
    key: string,
    signal: AbortSignal | undefined,
    read: (file: FileHandle, info: BigIntStats) => Promise<T>,
  ): Promise<T> {
    const file = await openForRead(key, signal)
    try {
      const info = await file.stat({ bigint: true })
      if (!info.isFile()) throw new NotFoundError(key)
      return await read(file, info)
    } finally {
      await file.close()
    }
  }

  async function temporaryFile(): ReturnType<typeof createTempFile> {
    await mkdir(hidden, { recursive: true })
    await (sweep ??= removeAbandonedFiles(hidden).catch((error: unknown) => {
      sweep = undefined
      throw error
    }))
    return createTempFile(hidden)
  }

  /** Fills a temporary file with `fill`, then moves it to its place under the key's lock. */
  async function write(
    key: string,
    options: PutOptions | undefined,
    fill: (file: FileHandle) => Promise<void>,
  ): Promise<{ etag: string; size: number }> {
    const path = pathOf(root, key)
    throwIfAborted(options?.signal)
    await checkRoot()
    const temp = await temporaryFile().catch((error: unknown) => {
      throw storageError(hidden, error)
    })
    try {
      try {
        await fill(temp.file)
        throwIfAborted(options?.signal)
        await temp.file.datasync()
      } finally {
        await temp.file.close()
      }
      return await withFileLock(hidden, lockName(key), options?.signal, () =>
        commit(key, path, temp.path, options),
      )
    } catch (error) {
      throw storageError(key, error)
    } finally {
      await unlink(temp.path).catch(ignoreMissing)
    }
  }

  async function commit(
    key: string,
    path: string,
    temp: string,
    options: PutOptions | undefined,
  ): Promise<{ etag: string; size: number }> {
    const current = await statObject(path)
    if (options?.ifAbsent && current) throw new ConflictError(key, 'the object exists')
    if (options?.ifMatch !== undefined) {
      const etag = current && etagOf(current)
      if (etag !== options.ifMatch) {
        throw new ConflictError(
          key,
          etag ? `its etag is ${etag}, not ${options.ifMatch}` : 'no such object',
        )
      }
    }
    let info = await stat(temp, { bigint: true })
    if (current && info.mtimeNs <= current.mtimeNs) {
      // Two writes within one tick of the file system's clock, or a clock set back.
      const nextSecond = (Number(current.mtimeMs) + 1) / 1000
      await utimes(temp, nextSecond, nextSecond)
      info = await stat(temp, { bigint: true })
    }
    await moveIntoPlace(key, temp, path, options?.ifAbsent ?? false)
    return { etag: etagOf(info), size: Number(info.size) }
  }

  /** Makes the directories above; one of them can be removed by a delete at the same time, then again. */
  async function moveIntoPlace(
    key: string,
    temp: string,
    path: string,
    ifAbsent: boolean,
  ): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await mkdir(dirname(path), { recursive: true })
        if (ifAbsent) await linkAbsent(key, temp, path)
        else await rename(temp, path)
        await syncDirectory(dirname(path))
        return
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || attempt >= 100) throw error
      }
    }
  }

  async function remove(path: string): Promise<void> {
    try {
      await unlink(path)
    } catch (error) {
      if (isMissing(error) || codeOf(error) === 'EISDIR') return
      // A directory, on some systems; or a file that must stay.
      if (codeOf(error) === 'EPERM' && !(await statObject(path))) return
      throw error
    }
    await removeEmptyParents(root, dirname(path))
  }

  return {
    name: `file://${root}`,
    readGap: READ_GAP,

    async get(key, options) {
      return reading(key, options?.signal, async (file, info) => ({
        body: await readBytes(key, file, 0, Number(info.size)),
        etag: etagOf(info),
      }))
    },

    async getIfChanged(key, etag, options) {
      return reading(key, options?.signal, async (file, info) =>
        etagOf(info) === etag
          ? undefined
          : { body: await readBytes(key, file, 0, Number(info.size)), etag: etagOf(info) },
      )
    },

    async getRange(key, start, end, options) {
      checkRange(key, start, end)
      throwIfAborted(options?.signal)
      if (start === end) return new Uint8Array(0)
      return reading(key, options?.signal, async (file, info) => {
        const size = Number(info.size)
        if (end > size) throw shortObject(key, start, end, size)
        return readBytes(key, file, start, end)
      })
    },

    async getTail(key, length, options) {
      checkTail(key, length)
      return reading(key, options?.signal, async (file, info) => {
        const size = Number(info.size)
        const body = await readBytes(key, file, Math.max(0, size - length), size)
        return { body, size, etag: etagOf(info) }
      })
    },

    async head(key, options) {
      throwIfAborted(options?.signal)
      const info = await statObject(pathOf(root, key))
      if (!info) {
        await checkRoot()
        throw new NotFoundError(key)
      }
      return {
        key,
        size: Number(info.size),
        etag: etagOf(info),
        lastModifiedMs: Number(info.mtimeMs),
      }
    },

    async *list(prefix, options) {
      throwIfAborted(options?.signal)
      await checkRoot()
      yield* walkDirectory(root, prefix, options, etagOf)
    },

    async put(key, body, options) {
      checkPut(key, options)
      const { etag } = await write(key, options, (file) => writeAll(file, body))
      return { etag }
    },

    async putStream(key, parts, options) {
      checkPut(key, options)
      return write(key, options, async (file) => {
        for await (const part of parts) {
          throwIfAborted(options?.signal)
          await writeAll(file, part)
        }
      })
    },

    async delete(key, options) {
      const path = pathOf(root, key)
      throwIfAborted(options?.signal)
      await checkRoot()
      try {
        await mkdir(hidden, { recursive: true })
        await withFileLock(hidden, lockName(key), options?.signal, () => remove(path))
      } catch (error) {
        throw storageError(key, error)
      }
    },
  }
}

/**
 * Where a key lives. A key that is no plain relative path is refused, so nothing outside of the directory can be
 * named. Symbolic links inside, which only an operator can have made, are followed.
 */
function pathOf(root: string, key: string): string {
  checkKey(key)
  const segments = key.split('/')
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') {
      throw new DomainError(
        'invalid',
        `object key ${JSON.stringify(key)} cannot be a file: empty or dot segment`,
      )
    }
    if (segment.includes('\0') || segment.includes('\\') || Buffer.byteLength(segment) > 255) {
      throw new DomainError(
        'invalid',
        `object key ${JSON.stringify(key)} cannot be a file: segment ${JSON.stringify(segment)}`,
      )
    }
  }
  if (segments[0] === HIDDEN_DIRECTORY) {
    throw new DomainError(
      'invalid',
      `object key ${JSON.stringify(key)} is kept for temporary files`,
    )
  }
  return join(root, ...segments)
}

async function statObject(path: string): Promise<BigIntStats | undefined> {
  try {
    const info = await stat(path, { bigint: true })
    return info.isFile() ? info : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw storageError(path, error)
  }
}

function etagOf(info: BigIntStats): string {
  return `${info.ino.toString(16)}-${info.mtimeNs.toString(16)}-${info.size.toString(16)}`
}

/** The size is the file's own, so the allocation is as large as the file and not as large as a claim. */
async function readBytes(
  key: string,
  file: FileHandle,
  start: number,
  end: number,
): Promise<Uint8Array> {
  // Not cleared before it is filled, and a plain array: Node's own kind would make every reader of bytes see two.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer)
  let done = 0
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done)
    if (bytesRead === 0) throw shortObject(key, start, end, start + done)
    done += bytesRead
  }
  return bytes
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten
  }
}

/** link(2) fails when the name is taken, whoever took it; a file system without it relies on the lock alone. */
async function linkAbsent(key: string, temp: string, path: string): Promise<void> {
  try {
    await link(temp, path)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') throw new ConflictError(key, 'the object exists', { cause: error })
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error
    await rename(temp, path)
  }
}

/** So that the name survives a crash, and not only the bytes. */
async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle
  try {
    directory = await open(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return // the object was deleted since, and its directory with it
    throw error
  }
  try {
    await directory.sync()
  } catch (error) {
    // Some network file systems have no such call for directories.
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error
  } finally {
    await directory.close()
  }
}

/** A bucket has no empty directories. */
async function removeEmptyParents(root: string, path: string): Promise<void> {
  for (let parent = path; parent !== root; parent = dirname(parent)) {
    try {
      await rmdir(parent)
    } catch {
      return // not empty, or gone already
    }
  }
}

function lockName(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}

/** ENOTDIR: a part of the key is an object. */
function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function storageError(key: string, error: unknown): DomainError | Error {
  if (error instanceof DomainError) return error
  const code = codeOf(error)
  switch (code) {
    case undefined:
      return error instanceof Error ? error : new Error(String(error))
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DomainError('unauthorized', `${key}: the file system refuses (${code})`, {
        cause: error,
      })
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new DomainError(
        'unsupported',
        `${key}: a directory cannot hold an object and objects below it`,
        {
          cause: error,
        },
      )
    case 'ENAMETOOLONG':
      return new DomainError('invalid', `${key}: the file system has no names as long`, {
        cause: error,
      })
    default:
      return new DomainError('unavailable', `${key}: ${code} from the file system`, {
        cause: error,
      })
  }
}

/** Files of a log on disk: what is there, opened for reading only. */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'

/** Names of segments by their numbers. A folder that is not there has none. */
export async function listSegments(folder: string): Promise<ReadonlyMap<number, string>> {
  const segments = new Map<number, string>()
  for (const name of await listNames(folder)) {
    if (/^\d+$/.test(name)) segments.set(Number(name), name)
  }
  return segments
}

/** Of a folder that is not there, none. */
export async function listNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw readError(error, folder)
  }
}

/** Throws a conflict where it is gone. */
export async function openSegment(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (isMissing(error)) throw new DomainError('conflict', `${path} is gone`, { cause: error })
    throw readError(error, path)
  }
}

/** Bytes [start, end), or fewer where the file ends before: in `into` where they fit. */
export async function readBytes(
  file: FileHandle,
  start: number,
  end: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const size = end - start
  const bytes = into && size <= into.length ? into.subarray(0, size) : new Uint8Array(size)
  let length = 0
  while (length < size) {
    const read = await file
      .read(bytes, length, size - length, start + length)
      .catch((error: unknown) => {
        throw readError(error, 'the log of prometheus')
      })
    if (read.bytesRead === 0) break
    length += read.bytesRead
  }
  return bytes.subarray(0, length)
}

export interface LogEnd {
  readonly segment: number
  readonly offset: number
}

/** Where the newest segment ends at this moment; undefined without any. */
export async function endOfLog(folder: string): Promise<LogEnd | undefined> {
  const segments = await listSegments(folder)
  if (segments.size === 0) return undefined
  const segment = Math.max(...segments.keys())
  try {
    return { segment, offset: (await stat(join(folder, segments.get(segment)!))).size }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw readError(error, folder)
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

function readError(error: unknown, path: string): DomainError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') {
    return new DomainError(
      'unauthorized',
      `no permission to read ${path}, run the agent as the user of prometheus`,
      { cause: error },
    )
  }
  return new DomainError('unavailable', `${path}: ${message}`, { cause: error })
}

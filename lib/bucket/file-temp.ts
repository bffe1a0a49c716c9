/** Temporary files of a directory bucket: where they are, and how those of dead processes go away. */
import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { codeOf, ignoreMissing, isAlive } from './system-calls.ts'

/** In the bucket, so that moving a file into place stays on one file system; listings leave it out. */
export const HIDDEN_DIRECTORY = '.thaw-tmp'

/** An upload by another machine may take long; by then it has died. */
const ABANDONED_MS = 24 * 3600 * 1000

let created = 0

/** `<host>.<process>.<count>.tmp`, new and empty. */
export async function createTempFile(
  directory: string,
): Promise<{ path: string; file: FileHandle }> {
  for (;;) {
    const path = join(directory, `${hostname()}.${process.pid}.${created++}.tmp`)
    try {
      return { path, file: await open(path, 'wx', 0o666) }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error // another thread's, or that of a process with the same id before us
    }
  }
}

/** Ages are measured against a file made now, so that only the file system's clock counts. */
export async function removeAbandonedFiles(directory: string): Promise<void> {
  const probe = await createTempFile(directory)
  try {
    const nowMs = (await probe.file.stat()).mtimeMs
    for (const name of await readdir(directory)) {
      const path = join(directory, name)
      if (path === probe.path) continue
      const info = await stat(path).catch(() => undefined)
      if (!info) continue
      if (nowMs - info.mtimeMs > ABANDONED_MS || isOfDeadProcess(name)) {
        await unlink(path).catch(ignoreMissing)
      }
    }
  } finally {
    await probe.file.close()
    await unlink(probe.path).catch(ignoreMissing)
  }
}

/** Locks are not judged here: whoever wants one does that. */
function isOfDeadProcess(name: string): boolean {
  const match = /^(.+)\.(\d+)\.\d+\.tmp$/.exec(name)
  return match !== null && match[1] === hostname() && !isAlive(Number(match[2]))
}

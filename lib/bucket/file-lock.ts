/** One writer at a time for a name, among the promises of this process and the processes of all machines on one directory. */
import { link, readFile, rename, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '#lib/model/errors.ts'
import { throwIfAborted } from './cancellation.ts'
import { createTempFile } from './file-temp.ts'
import { codeOf, ignoreMissing, isAlive } from './system-calls.ts'

/**
 * A lock is held for some system calls, so one that did not change for this long belongs to a machine that is gone.
 * A holder that was stopped in the middle for longer and then goes on could write beside its successor.
 */
const STALE_MS = 10_000

/** Then something else is wrong, such as a directory nobody may delete from. */
const GIVE_UP_MS = 60_000

/** The last in line for each lock path of this process. */
const queues = new Map<string, Promise<void>>()

/** Runs `work` while the file `<directory>/<name>.lock` is ours. */
export async function withFileLock<T>(
  directory: string,
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(directory, `${name}.lock`)
  const before = queues.get(path)
  let leave = (): void => undefined
  const turn = new Promise<void>((resolve) => {
    leave = resolve
  })
  queues.set(path, turn)
  try {
    await before
    await acquire(directory, path, signal)
    try {
      return await work()
    } finally {
      await unlink(path).catch(ignoreMissing)
    }
  } finally {
    if (queues.get(path) === turn) queues.delete(path)
    leave()
  }
}

/** The file has the owner's name before it is the lock: whoever is killed on the way leaves none that nobody can judge. */
async function acquire(
  directory: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const own = await createTempFile(directory)
  try {
    try {
      await own.file.write(`${hostname()} ${process.pid}`)
    } finally {
      await own.file.close()
    }
    await waitFor(path, own.path, signal)
  } finally {
    await unlink(own.path).catch(ignoreMissing)
  }
}

/** Until `own` is the lock. */
async function waitFor(path: string, own: string, signal: AbortSignal | undefined): Promise<void> {
  let seen: string | undefined
  let seenForMs = 0
  let waitedMs = 0
  for (let attempt = 0; ; attempt++) {
    throwIfAborted(signal)
    if (await becomes(own, path)) return
    const holder = await readHolder(path)
    if (holder === undefined) continue // given back between our two calls
    if (holder.identity !== seen) {
      seen = holder.identity
      seenForMs = 0
    }
    if (isGone(holder.owner) || seenForMs >= STALE_MS) {
      await breakLock(path, holder.identity)
      seen = undefined
      continue
    }
    if (waitedMs >= GIVE_UP_MS) {
      throw new DomainError('unavailable', `${path} is held by ${holder.owner}`)
    }
    const waitMs = Math.min(20, 1 + attempt)
    await sleep(waitMs)
    seenForMs += waitMs
    waitedMs += waitMs
  }
}

async function becomes(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

interface Holder {
  readonly owner: string
  /** Changes with every new lock file. */
  readonly identity: string
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const [info, owner] = await Promise.all([stat(path, { bigint: true }), readFile(path, 'utf8')])
    return { owner, identity: `${info.ino} ${info.mtimeNs} ${owner}` }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Only a process of this machine can be known to be gone. */
function isGone(owner: string): boolean {
  const cut = owner.lastIndexOf(' ')
  if (cut < 0 || owner.slice(0, cut) !== hostname()) return false
  return !isAlive(Number(owner.slice(cut + 1)))
}

/**
 * Two who find the same lock stale must not both remove it, or the second removes the first one's new lock:
 * the file is moved aside, and put back when it was not the one that was judged.
 */
async function breakLock(path: string, identity: string): Promise<void> {
  const aside = `${path}.${process.pid}.stale`
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const moved = await readHolder(aside)
  if (moved !== undefined && moved.identity !== identity) {
    await link(aside, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  }
  await unlink(aside).catch(ignoreMissing)
}

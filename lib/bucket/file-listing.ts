/** Listing a directory bucket: a walk that gives keys in UTF-8 byte order without reading what cannot match. */
import { readdir, stat } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import type { ListOptions, ListPage, ObjectInfo } from './bucket.ts'
import { throwIfAborted } from './cancellation.ts'
import { codeOf } from './system-calls.ts'
import { HIDDEN_DIRECTORY } from './file-temp.ts'
import { MAX_KEY_BYTES } from './request-check.ts'

const PAGE_SIZE = 1000

type Found = { readonly object: ObjectInfo } | { readonly prefix: string }

export async function* walkDirectory(
  root: string,
  prefix: string,
  options: ListOptions | undefined,
  etagOf: (info: BigIntStats) => string,
): AsyncGenerator<ListPage> {
  const walk: Walk = {
    root,
    prefix,
    delimited: options?.delimiter !== undefined,
    startAfter: options?.startAfter,
    signal: options?.signal,
    etagOf,
  }
  let objects: ObjectInfo[] = []
  let prefixes: string[] = []
  for await (const found of walkBelow(walk, '')) {
    if (objects.length + prefixes.length >= PAGE_SIZE) {
      yield { objects, prefixes, isLast: false }
      throwIfAborted(walk.signal)
      objects = []
      prefixes = []
    }
    if ('object' in found) objects.push(found.object)
    else prefixes.push(found.prefix)
  }
  yield { objects, prefixes, isLast: true }
}

interface Walk {
  readonly root: string
  readonly prefix: string
  readonly delimited: boolean
  readonly startAfter: string | undefined
  readonly signal: AbortSignal | undefined
  readonly etagOf: (info: BigIntStats) => string
}

/** `above` is '' or ends with '/'. */
async function* walkBelow(walk: Walk, above: string): AsyncGenerator<Found> {
  throwIfAborted(walk.signal)
  for (const name of await sortedNames(walk, above)) {
    const key = above + name
    if (name.endsWith('/')) {
      if (!mayHold(walk, key)) continue
      if (walk.delimited && key.startsWith(walk.prefix) && key.length > walk.prefix.length) {
        // A directory that holds no file is no prefix.
        if (isAfter(walk, key) && (await holdsAny(walk, key))) yield { prefix: key }
      } else {
        yield* walkBelow(walk, key)
      }
    } else if (key.startsWith(walk.prefix) && isAfter(walk, key)) {
      const info = await stat(join(walk.root, key), { bigint: true }).catch(() => undefined)
      if (!info?.isFile()) continue // removed since, or a socket
      const object = {
        key,
        size: Number(info.size),
        etag: walk.etagOf(info),
        lastModifiedMs: Number(info.mtimeMs),
      }
      yield { object }
    }
  }
}

/** A directory sorts as its name with '/', which is not where its bare name would be: `a.b` < `a/b`. */
async function sortedNames(walk: Walk, above: string): Promise<string[]> {
  const path = join(walk.root, above)
  let entries
  try {
    entries = await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [] // removed since
    if (codeOf(error) === 'ELOOP') return []
    const kind = codeOf(error) === 'EACCES' ? 'unauthorized' : 'unavailable'
    throw new DomainError(kind, `${path}: ${codeOf(error)} while listing`, { cause: error })
  }
  const names: string[] = []
  for (const entry of entries) {
    if (above === '' && entry.name === HIDDEN_DIRECTORY) continue
    if (entry.name.includes('\ufffd')) continue // not UTF-8, so it cannot be a key
    if (Buffer.byteLength(above) + Buffer.byteLength(entry.name) > MAX_KEY_BYTES) continue
    let isDirectory = entry.isDirectory()
    if (entry.isSymbolicLink()) {
      const info = await stat(join(path, entry.name)).catch(() => undefined)
      if (!info) continue
      isDirectory = info.isDirectory()
    }
    names.push(isDirectory ? `${entry.name}/` : entry.name)
  }
  return names.sort(compareUtf8)
}

/** Whether a key below `directory` can match the prefix and be behind `startAfter`. */
function mayHold(walk: Walk, directory: string): boolean {
  const { prefix, startAfter } = walk
  if (!directory.startsWith(prefix) && !prefix.startsWith(directory)) return false
  return (
    startAfter === undefined ||
    startAfter.startsWith(directory) ||
    compareUtf8(directory, startAfter) > 0
  )
}

function isAfter(walk: Walk, key: string): boolean {
  return walk.startAfter === undefined || compareUtf8(key, walk.startAfter) > 0
}

async function holdsAny(walk: Walk, directory: string): Promise<boolean> {
  for (const name of await sortedNames(walk, directory)) {
    if (!name.endsWith('/') || (await holdsAny(walk, directory + name))) return true
  }
  return false
}

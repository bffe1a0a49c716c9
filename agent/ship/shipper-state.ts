/** `thanos.shipper.json`: which local blocks are in the bucket. A cache of the bucket, and what `--storage.tsdb.delay-compact-file.path` reads. */
import { open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import { claimName, isAbandoned, releaseName } from './owner.ts'

export const DEFAULT_SHIPPER_FILE = 'thanos.shipper.json'

export interface ShipperState {
  readonly uploaded: ReadonlySet<string>
  /** Why the file could not be used, when it is there and could not: the state is then empty. */
  readonly problem?: string | undefined
}

/** Never rejects for what the file holds: the bucket is asked about each block that is not listed. */
export async function readShipperState(path: string): Promise<ShipperState> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return missing
      ? { uploaded: new Set() }
      : { uploaded: new Set(), problem: (error as Error).message }
  }
  try {
    return { uploaded: parseShipperState(text) }
  } catch (error) {
    return { uploaded: new Set(), problem: (error as Error).message }
  }
}

function parseShipperState(text: string): Set<string> {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null) {
    throw new DomainError('corrupt', 'the file holds no JSON object')
  }
  const { version, uploaded } = parsed as { version?: unknown; uploaded?: unknown }
  if (version !== 1) {
    throw new DomainError('corrupt', `version ${JSON.stringify(version)} where 1 is known`)
  }
  if (uploaded === null || uploaded === undefined) return new Set()
  if (!Array.isArray(uploaded) || !uploaded.every((ulid) => typeof ulid === 'string')) {
    throw new DomainError('corrupt', 'uploaded is no list of block ids')
  }
  return new Set(uploaded)
}

/** By a temporary file, fsync and rename: a reader sees the old list or the new one. */
export async function writeShipperState(path: string, uploaded: Iterable<string>): Promise<void> {
  const text = `${JSON.stringify({ version: 1, uploaded: [...uploaded] }, null, '\t')}\n`
  const owner = claimName()
  const temporary = `${path}.${owner}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } finally {
    releaseName(owner)
  }
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Removes temporary files of agents that were killed while they wrote. */
export async function cleanShipperState(path: string): Promise<void> {
  const prefix = `${basename(path)}.`
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (!name.startsWith(prefix) || !name.endsWith('.tmp')) continue
    const owner = name.slice(prefix.length, -'.tmp'.length)
    if (isAbandoned(owner)) await rm(join(dirname(path), name), { force: true })
  }
}

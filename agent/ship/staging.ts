/** Holds a block still while it is uploaded: hard links under `<tsdb>/thanos/upload/<ULID>/`, so Prometheus may delete the original. */
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import { type LocalBlock, checkBlockFile, isGone, localFileError } from './block-dir.ts'
import { claimName, isAbandoned, releaseName } from './owner.ts'

export interface StagedFile {
  /** As in `thanos.files`: `chunks/000001`, `index`. */
  readonly relPath: string
  readonly path: string
  readonly size: number
}

export interface StagedBlock {
  readonly ulid: string
  readonly dir: string
  /** Chunks ascending, then the index: the order of the upload. meta.json is not among them. */
  readonly files: readonly StagedFile[]
  readonly byteLength: number
}

export function stagingRoot(tsdbPath: string): string {
  return join(tsdbPath, 'thanos', 'upload')
}

/**
 * Removes what killed agents left, which would keep deleted blocks on the disk. Gives the block ids. Each upload has a
 * directory of its own, `<ULID>/<pid>-<n>`, so that two agents on one data directory can't take each other's links away.
 */
export async function cleanStaging(tsdbPath: string): Promise<readonly string[]> {
  const root = stagingRoot(tsdbPath)
  const cleaned: string[] = []
  for (const ulid of await namesIn(root)) {
    const dir = join(root, ulid)
    for (const name of await namesIn(dir)) {
      if (!isAbandoned(name)) continue
      await rm(join(dir, name), { recursive: true, force: true })
      cleaned.push(ulid)
    }
    await removeIfEmpty(dir)
  }
  return [...new Set(cleaned)]
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw localFileError(error, dir)
  }
}

async function removeIfEmpty(dir: string): Promise<void> {
  try {
    await rmdir(dir)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'ENOTDIR') await rm(dir, { force: true })
    else if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(code)) throw error
  }
}

export interface StageOptions {
  readonly tsdbPath: string
  /** How one file gets there, `linkOrCopy` unless a test says otherwise. */
  readonly link?: ((from: string, to: string) => Promise<void>) | undefined
}

/**
 * Undefined when Prometheus deleted the block meanwhile. The list of files comes from the block, never from the staging
 * directory, so a second agent on the same directory can make this fail but never upload half a list. Tombstones are left out.
 */
export async function stageBlock(
  block: LocalBlock,
  { tsdbPath, link: place = linkOrCopy }: StageOptions,
): Promise<StagedBlock | undefined> {
  const dir = join(stagingRoot(tsdbPath), block.ulid, claimName())
  try {
    const relPaths = [...(await listChunkFiles(block)), 'index']
    await mkdir(join(dir, 'chunks'), { recursive: true, mode: 0o750 }).catch(cannotStage)
    const files: StagedFile[] = []
    for (const relPath of relPaths) {
      const source = join(block.dir, relPath)
      await checkBlockFile(source, relPath)
      const path = join(dir, relPath)
      await place(source, path).catch((error: unknown) => {
        throw localFileError(error, source)
      })
      files.push({ relPath, path, size: (await stat(source)).size })
    }
    return { ulid: block.ulid, dir, files, byteLength: files.reduce((sum, f) => sum + f.size, 0) }
  } catch (error) {
    await unstage(dir)
    if (await isGone(block.dir)) return undefined
    throw error
  }
}

export async function unstage(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  releaseName(basename(dir))
  await removeIfEmpty(dirname(dir))
}

async function listChunkFiles({ dir }: LocalBlock): Promise<string[]> {
  const chunks = join(dir, 'chunks')
  const entries = await readdir(chunks, { withFileTypes: true }).catch((error: unknown) => {
    throw localFileError(error, chunks)
  })
  return entries
    .filter((entry) => entry.isFile() && /^\d{6,}$/.test(entry.name))
    .map((entry) => `chunks/${entry.name}`)
    .sort()
}

/** A link costs nothing; on file systems that have none, or where the data directory spans two, it is a copy. */
export async function linkOrCopy(
  from: string,
  to: string,
  makeLink: typeof link = link,
): Promise<void> {
  try {
    await makeLink(from, to)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  }
}

function cannotStage(error: unknown): never {
  const { message, code } = error as NodeJS.ErrnoException
  const forbidden = code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
  const hint = forbidden ? '; the agent must be able to write in the data directory' : ''
  throw new DomainError(
    forbidden ? 'unauthorized' : 'unavailable',
    `no staging directory: ${message}${hint}`,
    { cause: error },
  )
}

/** The blocks of a Prometheus data directory: which there are, their metas, and whether their files look whole. */
import { open, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { type BlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'

export interface LocalBlock {
  readonly ulid: string
  readonly dir: string
  readonly meta: BlockMeta
}

export interface BrokenBlock {
  readonly ulid: string
  readonly error: DomainError
}

export interface LocalBlocks {
  /** By minTime, then by id. */
  readonly blocks: readonly LocalBlock[]
  readonly broken: readonly BrokenBlock[]
}

/** Directories such as `<ULID>.tmp-for-deletion`, `wal` and `thanos` are none. */
export function isBlockId(name: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(name)
}

export async function readLocalBlocks(tsdbPath: string): Promise<LocalBlocks> {
  const blocks: LocalBlock[] = []
  const broken: BrokenBlock[] = []
  for (const entry of await listDirectory(tsdbPath)) {
    if (!isBlockId(entry.name) || !entry.isDirectory()) continue
    const dir = join(tsdbPath, entry.name)
    try {
      const meta = await readLocalMeta(dir, entry.name)
      if (meta !== undefined) blocks.push({ ulid: entry.name, dir, meta })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      broken.push({ ulid: entry.name, error })
    }
  }
  blocks.sort((a, b) => a.meta.minTime - b.meta.minTime || (a.ulid < b.ulid ? -1 : 1))
  broken.sort((a, b) => (a.ulid < b.ulid ? -1 : 1))
  return { blocks, broken }
}

async function listDirectory(tsdbPath: string) {
  try {
    return await readdir(tsdbPath, { withFileTypes: true })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new DomainError(
        'invalid',
        `no directory ${tsdbPath}, set --tsdb.path to the --storage.tsdb.path of prometheus`,
        { cause: error },
      )
    }
    if (code === 'EACCES') {
      throw new DomainError(
        'unauthorized',
        `no permission to read ${tsdbPath}, run the agent as the user of prometheus`,
        { cause: error },
      )
    }
    throw error
  }
}

/** Undefined when Prometheus removed the block since it was listed. */
async function readLocalMeta(dir: string, ulid: string): Promise<BlockMeta | undefined> {
  const path = join(dir, 'meta.json')
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (await isGone(dir)) return undefined
    throw localFileError(error, path)
  }
  let meta: BlockMeta
  try {
    meta = parseBlockMeta(bytes)
  } catch (error) {
    if (error instanceof CorruptError) throw error.in(path)
    if (error instanceof DomainError) {
      throw new DomainError(error.kind, `${path}: ${error.message}`, { cause: error })
    }
    throw error
  }
  if (meta.ulid !== ulid) {
    throw new CorruptError(`block ${meta.ulid} in the directory of ${ulid}`, 0, { where: path })
  }
  return meta
}

/** Of index and chunks. */
export async function blockBytes({ dir }: LocalBlock): Promise<number> {
  const chunks = join(dir, 'chunks')
  const names = await readdir(chunks).catch((error: unknown) => {
    throw localFileError(error, chunks)
  })
  const paths = [join(dir, 'index'), ...names.map((name) => join(chunks, name))]
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

export async function isGone(path: string): Promise<boolean> {
  try {
    await stat(path)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** A file that should be part of a block and can't be read. */
export function localFileError(error: unknown, path: string): DomainError {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return new CorruptError('no such file', 0, { where: path, cause: error })
  if (code === 'EACCES' || code === 'EPERM') {
    return new DomainError('unauthorized', `no permission to read ${path}`, { cause: error })
  }
  return new DomainError('unavailable', `${path}: ${(error as Error).message}`, { cause: error })
}

const INDEX_MAGIC = 0xbaaad700
const CHUNKS_MAGIC = 0x85bd40dd
const TOC_LENGTH = 52

/**
 * Whether the file begins, and an index ends, as its format says: two small reads that find a file that was cut
 * short or overwritten. `relPath` is `index` or `chunks/000001`.
 */
export async function checkBlockFile(path: string, relPath: string): Promise<void> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw localFileError(error, path)
  })
  try {
    const { size } = await file.stat()
    const isIndex = relPath === 'index'
    const shortest = isIndex ? 5 + TOC_LENGTH : 8
    if (size < shortest) throw corrupt(`${size} bytes where ${shortest} is the least`, size)
    const head = Buffer.alloc(8)
    await file.read(head, 0, head.length, 0)
    const magic = isIndex ? INDEX_MAGIC : CHUNKS_MAGIC
    if (head.readUInt32BE(0) !== magic) {
      throw corrupt(`magic ${hex(head.readUInt32BE(0))} where ${hex(magic)} is known`, 0)
    }
    const version = head[4]!
    if (version !== 1 && !(isIndex && version === 2)) throw corrupt(`version ${version}`, 4)
    if (isIndex) {
      const toc = Buffer.alloc(TOC_LENGTH)
      await file.read(toc, 0, TOC_LENGTH, size - TOC_LENGTH)
      const recorded = toc.readUInt32BE(TOC_LENGTH - 4)
      const actual = crc32c(toc, 0, TOC_LENGTH - 4)
      if (actual !== recorded) {
        throw corrupt(
          `crc ${hex(actual)} of the table of contents where ${hex(recorded)} is recorded`,
          size - 4,
        )
      }
    }
  } finally {
    await file.close()
  }

  function corrupt(reason: string, offset: number): CorruptError {
    return new CorruptError(reason, offset, { where: path })
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}

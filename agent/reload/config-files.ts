/** The files whose change makes Prometheus reload: their digest, and the configuration with its variables replaced. */
import { createHash, type Hash } from 'node:crypto'
import { mkdir, readFile, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { DomainError } from '#lib/model/errors.ts'
import type { Env } from '../objstore.ts'

export interface WatchedFiles {
  /** '' for none. */
  readonly configFile: string
  /** Where the configuration goes, decompressed and with its variables replaced; '' for nowhere. */
  readonly envsubstFile: string
  readonly ruleDirs: readonly string[]
}

/** Of the names and contents of all of them. Throws `invalid` with the path of what can't be read. */
export async function digestFiles({ configFile, ruleDirs }: WatchedFiles): Promise<string> {
  const hash = createHash('sha256')
  if (configFile !== '') await addFile(hash, configFile, '--reloader.config-file')
  for (const dir of ruleDirs) {
    const root = await orInvalid(realpath(dir), '--reloader.rule-dir')
    await addDirectory(hash, root)
  }
  return hash.digest('hex')
}

/**
 * Directories below are looked into, links to files are followed, and links to directories are not: that is how
 * Kubernetes mounts a ConfigMap, whose files would otherwise be seen twice.
 */
async function addDirectory(hash: Hash, dir: string): Promise<void> {
  const entries = await orInvalid(readdir(dir, { withFileTypes: true }), '--reloader.rule-dir')
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) await addDirectory(hash, path)
    else if (entry.isFile() || (await isLinkToFile(path))) {
      await addFile(hash, path, '--reloader.rule-dir')
    }
  }
}

async function isLinkToFile(path: string): Promise<boolean> {
  return (await orInvalid(stat(path), '--reloader.rule-dir')).isFile()
}

/** The name and the length come first, so that no two sets of files are the same bytes. */
async function addFile(hash: Hash, path: string, flag: string): Promise<void> {
  const bytes = await orInvalid(readFile(path), flag)
  hash.update(`${JSON.stringify([path, bytes.length])}\n`)
  hash.update(bytes)
}

/** Atomic, and only when it changes something. `unset` are variables that have no value: then nothing is written. */
export async function writeExpanded(
  { configFile, envsubstFile }: WatchedFiles,
  env: Env,
): Promise<{ readonly unset: readonly string[] }> {
  const raw = await orInvalid(readFile(configFile), '--reloader.config-file')
  const { text, unset } = expandVariables(await decompress(raw, configFile), env)
  if (unset.length > 0) return { unset }
  const before = await readFile(envsubstFile).catch(() => undefined)
  if (before?.equals(text)) return { unset }
  const flag = '--reloader.config-envsubst-file'
  const temporary = `${envsubstFile}.tmp`
  await orInvalid(mkdir(dirname(envsubstFile), { recursive: true }), flag)
  try {
    await orInvalid(writeFile(temporary, text, { mode: 0o644 }), flag)
    await orInvalid(rename(temporary, envsubstFile), flag)
  } finally {
    await rm(temporary, { force: true })
  }
  return { unset }
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08])

async function decompress(bytes: Buffer, path: string): Promise<Buffer> {
  if (!bytes.subarray(0, 3).equals(GZIP_MAGIC)) return bytes
  try {
    return await promisify(gunzip)(bytes)
  } catch (cause) {
    throw new DomainError('invalid', `${path} is no whole gzip: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** Only `$(NAME)` is a variable: `$NAME` and `${NAME}` belong to relabelling and to templates. Other bytes stay as they are. */
export function expandVariables(
  bytes: Uint8Array,
  env: Env,
): { readonly text: Buffer; readonly unset: readonly string[] } {
  const unset = new Set<string>()
  // One character for each byte, so that nothing is lost.
  const latin1 = Buffer.from(bytes).toString('latin1')
  const text = latin1.replace(/\$\(([a-zA-Z_0-9]+)\)/g, (reference, name: string) => {
    const value = env[name]
    if (value === undefined) unset.add(name)
    return value === undefined ? reference : Buffer.from(value).toString('latin1')
  })
  return { text: Buffer.from(text, 'latin1'), unset: [...unset] }
}

async function orInvalid<T>(work: Promise<T>, flag: string): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new DomainError('invalid', `${flag}: ${(cause as Error).message}`, { cause })
  }
}

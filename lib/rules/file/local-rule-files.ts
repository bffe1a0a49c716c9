/** Rule files on a disk: named, in directories, or by patterns, as `rule_files` of Prometheus and `--rule-file` of Thanos. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import { globPaths } from './glob.ts'
import { decodeRuleFile } from './rule-files.ts'

export interface LocalRuleFile {
  readonly path: string
  /** What it is called in the bucket: the path below the directory that was given, else the name of the file. */
  readonly name: string
}

export interface FoundRuleFiles {
  /** Each once, in the order of the patterns. */
  readonly files: readonly LocalRuleFile[]
  /** Patterns that nothing matches. */
  readonly unmatched: readonly string[]
}

/** Of a directory: all `*.yaml` and `*.yml` in it, however deep. */
export async function findRuleFiles(patterns: readonly string[]): Promise<FoundRuleFiles> {
  const files = new Map<string, LocalRuleFile>()
  const unmatched: string[] = []
  for (const pattern of patterns) {
    const paths = await globPaths(pattern)
    const found = (await Promise.all(paths.map(filesOf))).flat()
    for (const file of found) if (!files.has(file.path)) files.set(file.path, file)
    if (found.length === 0) unmatched.push(pattern)
  }
  return { files: [...files.values()], unmatched }
}

/** Rejects with `invalid` for what can't be read or is no text. */
export async function readLocalRuleFile(path: string): Promise<string> {
  const body = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new DomainError('invalid', `${path}: ${reasonOf(cause)}`, { cause })
  })
  return decodeRuleFile(body, path)
}

async function filesOf(path: string): Promise<LocalRuleFile[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) return [{ path, name: path.slice(path.lastIndexOf('/') + 1) }]
  const below = await readdir(path, { recursive: true, withFileTypes: true })
  return below
    .filter((entry) => !entry.isDirectory() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort(compareUtf8)
    .map((file) => ({ path: file, name: relative(path, file) }))
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'no such file or directory'
  if (code === 'EISDIR') return 'is a directory'
  return code === 'EACCES' ? 'permission denied' : message
}

/** Looks at the rule files again: which are new, other, gone, or can't be read. One that is bad leaves its last good groups as they are. */
import { DomainError, isKind } from '#lib/model/errors.ts'
import type { RuleGroupConfig } from '../file/rule-file.ts'
import { parseRuleFile } from '../file/rule-file.ts'
import type { RuleFileState } from './ruler-state.ts'
import { MAX_WAIT_MS } from './slots.ts'
import type { ListedRuleFile, RuleFiles } from './tick-parts.ts'

export interface LoadedFiles {
  readonly files: readonly RuleFileState[]
  /** By name, of files with other content than before. */
  readonly changed: ReadonlyMap<string, ChangedFile>
  /** Names. */
  readonly removed: ReadonlySet<string>
  /** What people should know of it. */
  readonly problems: readonly string[]
}

export interface ChangedFile {
  readonly modifiedMs: number
  readonly groups: readonly RuleGroupConfig[]
}

/** Never rejects, but when `signal` comes: what can't be read now stays as it was. */
export async function loadFiles(
  source: RuleFiles,
  known: readonly RuleFileState[],
  { nowMs, signal }: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<LoadedFiles> {
  let listed: readonly ListedRuleFile[]
  try {
    listed = await source.list(known, signal)
  } catch (error) {
    const problem = `rule files stay as they were, as they can't be listed: ${messageOf(error, signal)}`
    return { files: known, changed: new Map(), removed: new Set(), problems: [problem] }
  }
  const before = new Map(known.map((file) => [file.name, file]))
  const read = await Promise.all(
    listed.map(async (file): Promise<ReadFile | undefined> => {
      const one = before.get(file.name)
      // Changed after this tick began: what it evaluates is from before.
      const isLater = file.modifiedMs > nowMs && file.modifiedMs <= nowMs + MAX_WAIT_MS
      return isLater ? one && { state: one } : readFile(source, file, one, signal)
    }),
  )
  const found = read.filter((file) => file !== undefined)
  const names = new Set(found.map(({ state }) => state.name))
  return {
    files: found.map(({ state }) => state),
    changed: new Map(
      found.flatMap(({ state, changed }) => (changed ? [[state.name, changed]] : [])),
    ),
    removed: new Set(known.map(({ name }) => name).filter((name) => !names.has(name))),
    problems: found.flatMap(({ problem }) => problem ?? []),
  }
}

interface ReadFile {
  readonly state: RuleFileState
  readonly changed?: ChangedFile
  readonly problem?: string
}

/** Undefined for what is gone, or was never seen and can't be read now. */
async function readFile(
  source: RuleFiles,
  { name, etag, modifiedMs }: ListedRuleFile,
  before: RuleFileState | undefined,
  signal: AbortSignal,
): Promise<ReadFile | undefined> {
  if (before?.etag === etag) return { state: before }
  let text: string
  try {
    text = await source.get(name, signal)
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined
    const problem = `rule file ${name} can't be read: ${messageOf(error, signal)}`
    return { state: before ?? { name, etag: '', error: problem }, problem }
  }
  try {
    return {
      state: { name, etag },
      changed: { modifiedMs, groups: parseRuleFile(text, { name }).groups },
    }
  } catch (error) {
    const message = messageOf(error, signal)
    return { state: { name, etag, error: message }, problem: `rule file ${name}: ${message}` }
  }
}

function messageOf(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted()
  if (!(error instanceof DomainError)) throw error
  return error.message
}

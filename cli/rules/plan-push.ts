/** What a push changes: files of the bucket beside those that are to be there. */
import pLimit from 'p-limit'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseRuleFile, type RuleFile, type RuleGroupConfig } from '#lib/rules/file/rule-file.ts'
import { getRuleFile, listRuleFiles } from '#lib/rules/file/rule-files.ts'
import { ruleCount } from './check.ts'

export interface PushedFile {
  /** In the bucket. */
  readonly name: string
  readonly path: string
  readonly text: string
  readonly file: RuleFile
}

export interface FileChange {
  readonly name: string
  readonly change: 'add' | 'replace' | 'none' | 'delete'
  /** From then on; of what is deleted, until then. */
  readonly groups: number
  readonly rules: number
  /** `+new`, `~changed`, `-gone`. */
  readonly changedGroups: readonly string[]
}

/** By name. One listing, and a request for each file that may go or change. */
export async function planPush(
  bucket: Bucket,
  files: readonly PushedFile[],
  prune: boolean,
  signal: AbortSignal,
): Promise<FileChange[]> {
  const limit = pLimit(8)
  const stored = await listRuleFiles(bucket, { signal })
  const names = new Set(stored.map(({ name }) => name))
  const textOf = (name: string): Promise<string> =>
    limit(async () => (await getRuleFile(bucket, name, { signal })).text)
  const pushed = files.map(async ({ name, text, file }): Promise<FileChange> => {
    const before = names.has(name) ? await textOf(name) : undefined
    const change = before === undefined ? 'add' : before === text ? 'none' : 'replace'
    const changedGroups = compareGroups(groupsOf(before), file.groups)
    return { name, change, groups: file.groups.length, rules: ruleCount(file), changedGroups }
  })
  const kept = new Set(files.map(({ name }) => name))
  const gone = prune ? [...names].filter((name) => !kept.has(name)) : []
  const deleted = gone.map(async (name): Promise<FileChange> => {
    const groups = groupsOf(await textOf(name))
    return {
      name,
      change: 'delete',
      groups: groups.length,
      rules: ruleCount({ groups, warnings: [] }),
      changedGroups: compareGroups(groups, []),
    }
  })
  const changes = await Promise.all([...pushed, ...deleted])
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** None where there is no text, or where nobody can read it. */
function groupsOf(text: string | undefined): readonly RuleGroupConfig[] {
  try {
    return text === undefined ? [] : parseRuleFile(text).groups
  } catch (error) {
    if (error instanceof DomainError) return []
    throw error
  }
}

function compareGroups(
  before: readonly RuleGroupConfig[],
  after: readonly RuleGroupConfig[],
): string[] {
  const old = new Map(before.map((group) => [group.name, JSON.stringify(group)]))
  const changed = after.flatMap((group) => {
    const known = old.get(group.name)
    old.delete(group.name)
    if (known === undefined) return [`+${group.name}`]
    return known === JSON.stringify(group) ? [] : [`~${group.name}`]
  })
  return [...changed, ...[...old.keys()].map((name) => `-${name}`)]
}

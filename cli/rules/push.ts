/** `thaw rules push`: rule files into the bucket, all of them good or none of them written. */
import type { Command } from 'commander'
import { toggle } from '#agent/flags/flag.ts'
import { DomainError } from '#lib/model/errors.ts'
import { findRuleFiles, readLocalRuleFile } from '#lib/rules/file/local-rule-files.ts'
import { parseRuleFile, RuleFileError, type RuleFile } from '#lib/rules/file/rule-file.ts'
import { deleteRuleFile, isRuleFileName, putRuleFile } from '#lib/rules/file/rule-files.ts'
import { jsonText, REPORT_FLAGS } from '../bucket/report-flags.ts'
import type { CliContext } from '../context.ts'
import { subcommand } from '../subcommand.ts'
import { formatTable } from '../table.ts'
import { planPush, type FileChange, type PushedFile } from './plan-push.ts'
import { PARSE_FLAGS } from './rules-flags.ts'

const FLAGS = {
  prune: toggle('delete the rule files of the bucket that are not among these'),
  ...REPORT_FLAGS,
  'enable-feature': PARSE_FLAGS['enable-feature'],
} as const

export function pushCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'push',
    description: 'Puts rule files into the bucket, where they are evaluated from then on.',
    words: ['<files...>', 'rule files, patterns, or directories of them'],
    flags: FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, words, bucket, signal }) {
      const features = new Set(flags['enable-feature'])
      const files = await readAll(words, (text, name) => parseRuleFile(text, { name, features }))
      for (const { path, file } of files) {
        for (const warning of file.warnings) context.writeError(`warning: ${path}: ${warning}\n`)
      }
      const changes = await planPush(bucket, files, flags.prune, signal)
      if (!flags['dry-run']) {
        for (const { name, change } of changes) {
          const file = files.find((one) => one.name === name)
          if (change === 'delete') await deleteRuleFile(bucket, name, { signal })
          else if (change !== 'none') {
            await putRuleFile(bucket, name, file!.text, { signal, features })
          }
        }
      }
      context.write(
        flags.output === 'json'
          ? jsonText({ dryRun: flags['dry-run'], files: changes })
          : report(changes, flags['dry-run']),
      )
    },
  })
}

const HELP = `All files are checked first: where one is broken, none is written. A file has the name it has here, without its folder; of a
directory, the path below it. An evaluation that has begun goes on with what it has read; the next one has the new rules.

Examples:
  $ thaw rules push rules/ --dry-run --objstore.config-file=bucket.yml
  $ thaw rules push rules/ --prune --objstore.config-file=bucket.yml
  $ thaw rules push alerts.yaml 'team-*/recording.yaml' --objstore.config-file=bucket.yml
`

async function readAll(
  patterns: readonly string[],
  parse: (text: string, path: string) => RuleFile,
): Promise<PushedFile[]> {
  const { files, unmatched } = await findRuleFiles(patterns)
  if (unmatched.length > 0) {
    throw new DomainError('invalid', `no rule files here: ${unmatched.join(', ')}`)
  }
  const read: PushedFile[] = []
  const findings: string[] = []
  for (const { path, name } of files) {
    const twin = read.find((one) => one.name === name)
    if (twin) findings.push(`${path}: would have the same name in the bucket as ${twin.path}`)
    if (!isRuleFileName(name)) findings.push(`${path}: ${BAD_NAME}`)
    try {
      const text = await readLocalRuleFile(path)
      read.push({ name, path, text, file: parse(text, path) })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      findings.push(...(error instanceof RuleFileError ? error.findings : [error.message]))
    }
  }
  if (findings.length === 0) return read
  throw new DomainError('invalid', `nothing was pushed:\n${findings.join('\n')}`)
}

const BAD_NAME =
  "a rule file in the bucket has a name of letters, digits, '.', '_' and '-', with .yaml or .yml at the end"

const WORDS: Readonly<Record<FileChange['change'], string>> = {
  add: 'new',
  replace: 'changed',
  none: 'as it is',
  delete: 'deleted',
}

function report(changes: readonly FileChange[], dryRun: boolean): string {
  const table = formatTable({
    header: ['FILE', 'CHANGE', 'GROUPS', 'RULES', 'CHANGED GROUPS'],
    right: ['GROUPS', 'RULES'],
    rows: changes.map(({ name, change, groups, rules, changedGroups }) => [
      name,
      WORDS[change],
      String(groups),
      String(rules),
      changedGroups.join(' '),
    ]),
  })
  return dryRun ? `${table}Nothing was changed (--dry-run).\n` : table
}

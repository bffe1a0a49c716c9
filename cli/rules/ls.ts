/** `thaw rules ls`: the rule files of the bucket and what is in them. */
import type { Command } from 'commander'
import pLimit from 'p-limit'
import { choice } from '#agent/flags/flag.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseRuleFile, type RuleFile } from '#lib/rules/file/rule-file.ts'
import { getRuleFile, listRuleFiles, type StoredRuleFile } from '#lib/rules/file/rule-files.ts'
import { goTime, sizeText } from '../bucket/block-text.ts'
import { jsonText } from '../bucket/report-flags.ts'
import type { CliContext } from '../context.ts'
import { subcommand } from '../subcommand.ts'
import { formatTable } from '../table.ts'
import { ruleCount } from './check.ts'
import { PARSE_FLAGS } from './rules-flags.ts'

const FLAGS = {
  output: {
    ...choice(['name', 'table', 'json'], 'table', 'form of the list: name, table or json'),
    short: 'o',
  },
  'enable-feature': PARSE_FLAGS['enable-feature'],
} as const

interface Listed extends StoredRuleFile {
  readonly file: RuleFile | undefined
  /** What is wrong with it; '' for nothing. */
  readonly fault: string
}

export function lsCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'ls',
    description: 'Lists the rule files of the bucket.',
    flags: FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, bucket, signal }) {
      const stored = await listRuleFiles(bucket, { signal })
      if (flags.output === 'name') {
        context.write(stored.map(({ name }) => `${name}\n`).join(''))
        return
      }
      const features = new Set(flags['enable-feature'])
      const parse = (text: string): RuleFile => parseRuleFile(text, { features })
      const limit = pLimit(8)
      const listed = await Promise.all(
        stored.map((file) => limit(() => look(bucket, file, parse, signal))),
      )
      context.write(flags.output === 'json' ? jsonText(listed.map(jsonOf)) : tableOf(listed))
    },
  })
}

const HELP = `-o json has the groups with their rules.

Examples:
  $ thaw rules ls --objstore.config-file=bucket.yml
  $ thaw rules ls -o json --objstore.config-file=bucket.yml | jq '.[].groups[].name'
`

async function look(
  bucket: Bucket,
  stored: StoredRuleFile,
  parse: (text: string) => RuleFile,
  signal: AbortSignal,
): Promise<Listed> {
  try {
    const { text } = await getRuleFile(bucket, stored.name, { signal })
    return { ...stored, file: parse(text), fault: '' }
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'invalid') throw error
    return { ...stored, file: undefined, fault: error.message }
  }
}

function tableOf(listed: readonly Listed[]): string {
  return formatTable({
    header: ['FILE', 'GROUPS', 'RULES', 'SIZE', 'CHANGED', 'STATE'],
    right: ['GROUPS', 'RULES', 'SIZE'],
    rows: listed.map(({ name, file, size, lastModifiedMs, fault }) => [
      name,
      file ? String(file.groups.length) : '-',
      file ? String(ruleCount(file)) : '-',
      sizeText(size),
      goTime(lastModifiedMs),
      fault === '' ? 'good' : `broken: ${fault.split('\n')[0]}`,
    ]),
  })
}

function jsonOf({ name, size, etag, lastModifiedMs, file, fault }: Listed): object {
  const changed = new Date(lastModifiedMs).toISOString()
  return { name, size, etag, changed, ...(file ? { groups: file.groups } : { fault }) }
}

/** `thaw rules rm`: rule files out of the bucket. */
import type { Command } from 'commander'
import { DomainError } from '#lib/model/errors.ts'
import { deleteRuleFile, listRuleFiles } from '#lib/rules/file/rule-files.ts'
import { jsonText, REPORT_FLAGS } from '../bucket/report-flags.ts'
import type { CliContext } from '../context.ts'
import { subcommand } from '../subcommand.ts'

export function rmCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'rm',
    description: 'Deletes rule files from the bucket: their rules are evaluated no more.',
    words: ['<names...>', 'rule files, as thaw rules ls has them'],
    flags: REPORT_FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, words, bucket, signal }) {
      const stored = await listRuleFiles(bucket, { signal })
      const missing = words.filter((name) => !stored.some((file) => file.name === name))
      if (missing.length > 0) {
        throw new DomainError('not-found', `no such rule file in the bucket: ${missing.join(', ')}`)
      }
      if (!flags['dry-run']) {
        for (const name of words) await deleteRuleFile(bucket, name, { signal })
      }
      const verb = flags['dry-run'] ? 'would delete' : 'deleted'
      context.write(
        flags.output === 'json'
          ? jsonText({ dryRun: flags['dry-run'], deleted: words })
          : words.map((name) => `${verb} ${name}\n`).join(''),
      )
    },
  })
}

const HELP = `Series that the rules recorded end with a stale marker at the next evaluation, and Alertmanager resolves alerts that it hears no more of.

Examples:
  $ thaw rules rm old-alerts.yaml --objstore.config-file=bucket.yml
`

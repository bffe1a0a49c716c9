/** `thaw bucket cleanup` and `retention`: the parts of compaction that only take away. */
import type { Command } from 'commander'
import { isReplacement } from '#lib/compact/jobs/marks.ts'
import type { PlannedJob } from '#lib/compact/plan/plan-jobs.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import { chosenBlocks, IDLE, JOB_FLAGS } from './job-flags.ts'
import { runJobs } from './run-jobs.ts'
import { addSettingsFlags, settingsOf } from './settings-flags.ts'
import { subcommand } from '../subcommand.ts'

const CLEANUP_SETTINGS = ['delete-delay', 'consistency-delay'] as const

export function cleanupCommand(context: CliContext): Command {
  const command = subcommand(context, {
    name: 'cleanup',
    description:
      'Deletes blocks that were marked for deletion long enough ago, and what is left of uploads.',
    flags: JOB_FLAGS,
    help: CLEANUP_HELP,
    timeout: '0s',
    idle: IDLE,
    async run({ flags, bucket, signal, parsed }) {
      const run = {
        bucket,
        signal,
        settings: settingsOf(parsed, CLEANUP_SETTINGS),
        concurrency: 1,
        wanted: ({ job }: PlannedJob) => job.type === 'delete' || job.type === 'delete-objects',
        only: await chosenBlocks(flags, context.now()),
      }
      await runJobs(run, { dryRun: flags['dry-run'], output: flags.output }, context)
    },
  })
  return addSettingsFlags(command, CLEANUP_SETTINGS)
}

const CLEANUP_HELP = `A block that says what it was compacted into is deleted only where that block is there and whole. Uploads count as broken off when nothing was added for 48 hours.

Examples:
  $ thaw bucket cleanup --dry-run --objstore.config-file=bucket.yml
  $ thaw bucket cleanup --delete-delay=1h --objstore.config-file=bucket.yml
`

const RETENTIONS = [
  'retention.resolution-raw',
  'retention.resolution-5m',
  'retention.resolution-1h',
] as const
const RETENTION_SETTINGS = [...RETENTIONS, 'delete-delay', 'consistency-delay'] as const

export function retentionCommand(context: CliContext): Command {
  const command = subcommand(context, {
    name: 'retention',
    description: 'Marks blocks for deletion whose samples are all older than they are to be kept.',
    flags: JOB_FLAGS,
    help: RETENTION_HELP,
    timeout: '0s',
    idle: IDLE,
    async run({ flags, bucket, signal, parsed }) {
      // Whether it is long enough for downsampling is the compactor's business.
      const settings = settingsOf(parsed, RETENTION_SETTINGS, ['--downsampling.disable'])
      if (Object.values(settings.retentionMs).every((ms) => ms === 0)) {
        throw new DomainError(
          'invalid',
          `everything is kept for ever, say for how long with ${RETENTIONS.map((name) => `--${name}`).join(', ')}`,
        )
      }
      const run = {
        bucket,
        signal,
        settings,
        concurrency: 1,
        wanted: ({ job }: PlannedJob) => job.type === 'mark' && !isReplacement(job.reason),
        only: await chosenBlocks(flags, context.now()),
      }
      await runJobs(run, { dryRun: flags['dry-run'], output: flags.output }, context)
    },
  })
  return addSettingsFlags(command, RETENTION_SETTINGS)
}

const RETENTION_HELP = `It marks only: compact or cleanup deletes what is marked, after the delete delay.

Examples:
  $ thaw bucket retention --retention.resolution-raw=90d --dry-run --objstore.config-file=bucket.yml
  $ thaw bucket retention --retention.resolution-raw=90d --retention.resolution-5m=1y -l 'cluster="eu"' --objstore.config-file=bucket.yml
`

/** `thaw bucket compact` and `downsample`: what the functions do, by one process, once or for as long as it runs. */
import type { Command } from 'commander'
import { count, duration, toggle } from '#agent/flags/flag.ts'
import { meteredBucket } from '#agent/metered-bucket.ts'
import type { PlannedJob } from '#lib/compact/plan/plan-jobs.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import type { CliContext } from '../context.ts'
import { chosenBlocks, IDLE, JOB_FLAGS } from './job-flags.ts'
import { keepRunning, RUNNING_FLAGS } from './keep-running.ts'
import { observeJobs } from './observe-jobs.ts'
import { type JobRun, runAll, runJobs } from './run-jobs.ts'
import { addSettingsFlags, settingsOf } from './settings-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'
import { thanosCompactorOnce } from './warn-thanos-compactor.ts'

const WAIT_FLAGS = {
  wait: { ...toggle('do not end: look for work again and again'), short: 'w' },
  'wait-interval': duration('5m', 'between two looks for work, with --wait'),
} as const

const COMMON = { ...WAIT_FLAGS, ...JOB_FLAGS, ...RUNNING_FLAGS } as const

const COMPACT = {
  'compact.concurrency': count('1', 'jobs at one time'),
  ...COMMON,
} as const

export function compactCommand(context: CliContext): Command {
  const command = subcommand(context, {
    name: 'compact',
    description: 'Merges, downsamples and deletes blocks until nothing is left to do.',
    flags: COMPACT,
    help: COMPACT_HELP,
    timeout: '0s',
    idle: { ...IDLE, values: [...IDLE.values, 'downsample.concurrency'] },
    async run(parts) {
      const { flags, parsed } = parts
      const settings = settingsOf(parsed)
      const concurrency = Math.max(1, flags['compact.concurrency'])
      await runOrWait(parts, { settings, concurrency, wanted: () => true }, 'compact')
    },
  })
  return addSettingsFlags(command)
}

const COMPACT_HELP = `A broken block is marked so that nobody touches it again, with the reason, and everything else goes on. It may run beside the functions, beside others of its kind and beside Thanos's compactor.

Examples:
  $ thaw bucket compact --dry-run --objstore.config-file=bucket.yml
  $ thaw bucket compact --retention.resolution-raw=90d --objstore.config-file=bucket.yml
  $ thaw bucket compact --wait --compact.concurrency=2 --http-address=0.0.0.0:10902 --objstore.config-file=bucket.yml
  $ thaw bucket compact --deduplication.func=penalty --deduplication.replica-label=replica --objstore.config-file=bucket.yml
`

const DOWNSAMPLE = {
  'downsample.concurrency': count('1', 'blocks at one time'),
  ...COMMON,
} as const

export function downsampleCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'downsample',
    description: 'Makes blocks of 5 minutes and of 1 hour out of those that are long enough.',
    flags: DOWNSAMPLE,
    help: DOWNSAMPLE_HELP,
    timeout: '0s',
    idle: IDLE,
    async run(parts) {
      const settings = settingsOf(parts.parsed, [])
      const concurrency = Math.max(1, parts.flags['downsample.concurrency'])
      // Nothing is to be merged by this command, so no block waits for that.
      const own = { ...settings, rangesMs: settings.rangesMs.slice(0, 1) }
      const wanted = ({ job }: PlannedJob): boolean => job.type === 'downsample'
      await runOrWait(parts, { settings: own, concurrency, wanted }, 'downsample')
    },
  })
}

const DOWNSAMPLE_HELP = `Raw blocks that span 40 hours get one of 5 minutes, those of 5 minutes that span 10 days one of 1 hour. The finer ones stay: retention decides on them.

Examples:
  $ thaw bucket downsample --dry-run --objstore.config-file=bucket.yml
  $ thaw bucket downsample --downsample.concurrency=2 -l 'cluster="eu"' --objstore.config-file=bucket.yml
`

interface Work {
  readonly settings: CompactSettings
  readonly concurrency: number
  readonly wanted: JobRun['wanted']
}

async function runOrWait(
  { flags, bucket, signal, context }: SubcommandParts<typeof COMMON>,
  work: Work,
  component: string,
): Promise<void> {
  const runOf = async (): Promise<JobRun> => {
    const only = await chosenBlocks(flags, context.now())
    return { bucket, signal, only, ...work }
  }
  if (!flags.wait || flags['dry-run']) {
    await runJobs(await runOf(), { dryRun: flags['dry-run'], output: flags.output }, context)
    return
  }
  const options = { component, flags, intervalMs: flags['wait-interval'], signal }
  await keepRunning(options, ({ registry, logger }) => {
    const metered = meteredBucket(bucket, registry, context.now)
    const jobs = observeJobs({ registry, logger, settings: work.settings })
    const onPlan = thanosCompactorOnce((text) => logger.warn({}, text))
    return async () => {
      const run = { ...(await runOf()), onPlan, bucket: metered }
      await runAll(run, context, (event) => jobs.observe(event))
      jobs.iterated()
    }
  })
}

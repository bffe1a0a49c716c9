/** `thaw bucket plan`: what there is to do, why, and how long it may take. */
import type { Command } from 'commander'
import { choice, toggle } from '#agent/flags/flag.ts'
import type { Backlog } from '#lib/compact/plan/backlog.ts'
import { spanText } from '#lib/compact/plan/plan-text.ts'
import { blocksOf, compactionStatus } from '#lib/compact/plan/status.ts'
import { todoOf } from '#lib/compact/plan/todo.ts'
import type { CliContext } from '../context.ts'
import { formatTable } from '../table.ts'
import { counted, sizeText } from './block-text.ts'
import { planNow } from './compaction-plan.ts'
import { addSettingsFlags, settingsOf } from './settings-flags.ts'
import { subcommand } from '../subcommand.ts'
import { warnThanosCompactor } from './warn-thanos-compactor.ts'

const FLAGS = {
  output: { ...choice(['table', 'json'], 'table', 'form of the plan: table or json'), short: 'o' },
  blocks: toggle('list the blocks too, each with why it is or is not planned'),
} as const

export function planCommand(context: CliContext): Command {
  const command = subcommand(context, {
    name: 'plan',
    description: 'Shows what there is to compact, downsample and delete, and why. Changes nothing.',
    flags: FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, bucket, signal, parsed }) {
      const settings = settingsOf(parsed)
      const { backlog, input } = await planNow(bucket, { settings, now: context.now, signal })
      warnThanosCompactor(input, context)
      context.write(
        flags.output === 'json'
          ? `${JSON.stringify(compactionStatus(backlog, undefined), undefined, 2)}\n`
          : tables(backlog, input.nowMs, flags.blocks),
      )
    },
  })
  return addSettingsFlags(command)
}

const HELP = `The plan is that of the functions, if they have the same flags. WAITS is how long a job has been planned there.

Examples:
  $ thaw bucket plan --objstore.config-file=bucket.yml
  $ thaw bucket plan --retention.resolution-raw=30d --objstore.config-file=bucket.yml
  $ thaw bucket plan --blocks --objstore.config-file=bucket.yml
  $ thaw bucket plan -o json --objstore.config-file=bucket.yml | jq .pending
`

function tables(backlog: Backlog, nowMs: number, withBlocks: boolean): string {
  const jobs = formatTable({
    header: ['JOB', 'BLOCKS', 'SIZE', 'TAKES', 'WAITS', 'WHY'],
    right: ['BLOCKS', 'SIZE', 'TAKES', 'WAITS'],
    rows: backlog.jobs.map(({ job, inputBytes, estimateSeconds, plannedMs, reason }) => [
      job.type,
      String(blocksOf(job).length || ''),
      inputBytes === 0 ? '' : sizeText(inputBytes),
      spanText(Math.max(1000, estimateSeconds * 1000)),
      plannedMs === nowMs ? '' : spanText(nowMs - plannedMs),
      reason,
    ]),
  })
  const blocks = formatTable({ header: ['BLOCK', 'WHY'], rows: Object.entries(backlog.reasons) })
  return [
    ...(backlog.jobs.length > 0 ? [jobs] : []),
    ...(withBlocks ? [blocks] : []),
    `${summary(backlog)}\n`,
  ].join('\n')
}

function summary(backlog: Backlog): string {
  const { jobs, estimateSeconds, longestSeconds } = todoOf(backlog)
  if (jobs === 0)
    return `nothing to do for ${counted(Object.keys(backlog.reasons).length, 'block')}`
  const [all, longest] = [estimateSeconds, longestSeconds].map((s) => spanText(s * 1000))
  return `${counted(jobs, 'job')}, about ${all} of work, the longest ${longest}`
}

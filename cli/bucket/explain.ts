/** `thaw bucket explain`: why blocks are or are not planned. */
import type { Command } from 'commander'
import { choice } from '#agent/flags/flag.ts'
import { type BlockRecord, recordToJson } from '#lib/blocks/block-record.ts'
import type { Backlog, BacklogJob } from '#lib/compact/plan/backlog.ts'
import { resolutionText, spanText, timeText } from '#lib/compact/plan/plan-text.ts'
import { blocksOf } from '#lib/compact/plan/status.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import { blockIds } from './block-flags.ts'
import { blockBytes, labelList, sizeText } from './block-text.ts'
import { planNow } from './compaction-plan.ts'
import { addSettingsFlags, settingsOf } from './settings-flags.ts'
import { subcommand } from '../subcommand.ts'

const FLAGS = {
  id: blockIds('the block'),
  output: { ...choice(['text', 'json'], 'text', 'form of the answer: text or json'), short: 'o' },
} as const

export function explainCommand(context: CliContext): Command {
  const command = subcommand(context, {
    name: 'explain',
    description: 'Says why a block is or is not planned to be compacted, downsampled or deleted.',
    flags: FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, bucket, signal, parsed }) {
      if (flags.id.length === 0) throw new DomainError('invalid', 'name a block with --id')
      const settings = settingsOf(parsed)
      const { input, backlog } = await planNow(bucket, { settings, now: context.now, signal })
      const found = flags.id.map((id) => explanation(id, input.blocks, backlog))
      context.write(
        flags.output === 'json'
          ? `${JSON.stringify(found.map(jsonOf), undefined, 2)}\n`
          : found.map((one) => textOf(one, input.nowMs)).join('\n'),
      )
    },
  })
  return addSettingsFlags(command)
}

const HELP = `Examples:
  $ thaw bucket explain --id=01JGS5MWKR0000000000000000 --objstore.config-file=bucket.yml
`

interface Explanation {
  readonly ulid: string
  readonly reason: string
  /** Undefined for what is no whole block. */
  readonly block: BlockRecord | undefined
  readonly job: BacklogJob | undefined
}

function explanation(id: string, blocks: readonly BlockRecord[], backlog: Backlog): Explanation {
  const reason = backlog.reasons[id]
  if (reason === undefined) throw new DomainError('not-found', `no block ${id} in the bucket`)
  return {
    ulid: id,
    reason,
    block: blocks.find((block) => block.id === id),
    job: backlog.jobs.find(({ job }) => blocksOf(job).includes(id)),
  }
}

function jsonOf({ block, ...rest }: Explanation): unknown {
  return { ...rest, ...(block && { block: recordToJson(block) }) }
}

function textOf({ ulid, reason, block, job }: Explanation, nowMs: number): string {
  const lines = [ulid]
  if (block) lines.push(`  ${blockText(block)}`)
  lines.push(`  ${reason}`)
  if (job) lines.push(`  ${jobText(job, nowMs)}`)
  return `${lines.join('\n')}\n`
}

function blockText(block: BlockRecord): string {
  const { resolutionMs, level, minTimeMs, maxTimeMs, labels } = block
  return `${resolutionText(resolutionMs)}, level ${level}, ${spanText(maxTimeMs - minTimeMs)} from ${timeText(minTimeMs)}, ${sizeText(blockBytes(block))}, ${labelList(labels)}`
}

function jobText({ job, estimateSeconds, plannedMs, sentMs }: BacklogJob, nowMs: number): string {
  const ago = (ms: number): string => (ms === nowMs ? 'now' : `${spanText(nowMs - ms)} ago`)
  const sent = sentMs === undefined ? 'not in the queue' : `put into the queue ${ago(sentMs)}`
  const takes = spanText(Math.max(1000, estimateSeconds * 1000))
  return `job: ${job.type}, takes about ${takes}, first planned ${ago(plannedMs)}, ${sent}`
}

/** `thaw bucket ls`: the blocks of a bucket, as `thanos tools bucket ls` lists them. */
import type { Command } from 'commander'
import pLimit from 'p-limit'
import { formatGoDuration } from '#agent/duration.ts'
import { choice, toggle } from '#agent/flags/flag.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { formatBlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import type { CliContext } from '../context.ts'
import { formatTable } from '../table.ts'
import { blockSelector, SELECTOR_FLAGS, TIME_FLAGS, timeSelector } from './block-flags.ts'
import { blockBytes, goTime, labelList, sizeText, stateText } from './block-text.ts'
import { subcommand } from '../subcommand.ts'
import { warnPartial } from './warn-partial.ts'

const FLAGS = {
  output: {
    ...choice(['id', 'table', 'wide', 'json'], 'id', 'form of the list: id, table, wide or json'),
    short: 'o',
  },
  'exclude-delete': toggle('leave out blocks that are marked for deletion'),
  ...TIME_FLAGS,
  ...SELECTOR_FLAGS,
} as const

export function lsCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'ls',
    description: 'Lists the blocks of a bucket, one id a line unless told otherwise.',
    flags: FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, bucket, signal }) {
      const selected = await blockSelector(flags)
      const inTime = timeSelector(flags, context.now())
      const { blocks, partial } = await lookUpBlocks(bucket, { now: context.now, signal })
      warnPartial(partial, context)
      const chosen = blocks.filter(
        (block) =>
          inTime(block) && selected(block) && !(flags['exclude-delete'] && block.marks.deletion),
      )
      context.write(
        flags.output === 'json'
          ? await metasOf(bucket, chosen, signal)
          : formatList(chosen, flags.output),
      )
    },
  })
}

const HELP = `Examples:
  $ thaw bucket ls --objstore.config-file=bucket.yml
  $ thaw bucket ls -o table --min-time=-2d --objstore.config-file=bucket.yml
  $ thaw bucket ls -o json -l 'cluster="eu"' --objstore.config-file=bucket.yml | jq .thanos.labels
`

/** Each meta.json as it is, one after the other. */
async function metasOf(
  bucket: Bucket,
  blocks: readonly BlockRecord[],
  signal: AbortSignal,
): Promise<string> {
  const limit = pLimit(32)
  const read = async ({ id }: BlockRecord): Promise<string> => {
    const { body } = await bucket.get(`${id}/meta.json`, { signal })
    return `${formatBlockMeta(parseBlockMeta(body))}\n`
  }
  return (await Promise.all(blocks.map((block) => limit(read, block)))).join('')
}

function formatList(blocks: readonly BlockRecord[], output: 'id' | 'table' | 'wide'): string {
  switch (output) {
    case 'id':
      return blocks.map(({ id }) => `${id}\n`).join('')
    case 'wide':
      return blocks.map((block) => `${wideLine(block)}\n`).join('')
    case 'table':
      return formatTable({
        header: TABLE,
        right: ['SIZE'],
        rows: blocks.map((block) => [
          block.id,
          goTime(block.minTimeMs),
          goTime(block.maxTimeMs),
          formatGoDuration(block.maxTimeMs - block.minTimeMs),
          String(block.level),
          formatGoDuration(block.resolutionMs),
          sizeText(blockBytes(block)),
          block.source,
          labelList(block.labels),
          stateText(block),
        ]),
      })
    default:
      return output satisfies never
  }
}

const TABLE = [
  'ULID',
  'FROM',
  'UNTIL',
  'RANGE',
  'LEVEL',
  'RESOLUTION',
  'SIZE',
  'SOURCE',
  'LABELS',
  'STATE',
]

/** The line of Thanos's `ls -o wide`, which people have scripts for. */
function wideLine({ id, minTimeMs, maxTimeMs, level, resolutionMs, source }: BlockRecord): string {
  const [from, until] = [minTimeMs, maxTimeMs].map((ms) => Math.floor(ms / 1000) * 1000)
  const range = formatGoDuration(until! - from!)
  return `${id} -- ${goTime(from!)} - ${goTime(until!)} Diff: ${range}, Compaction: ${level}, Downsample: ${resolutionMs}, Source: ${source}`
}

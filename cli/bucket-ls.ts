/** `thaw bucket ls`: the blocks of a bucket, as `thanos tools bucket ls` lists them. */
import { Command, Option } from 'commander'
import { fetchBucketMetas } from '#agent/ship/bucket-metas.ts'
import { formatGoDuration } from '#agent/duration.ts'
import {
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  openRequiredBucket,
} from '#agent/objstore.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { type BlockMeta, formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import type { CliContext } from './context.ts'
import { formatTable } from './table.ts'
import { parseTime } from './time-argument.ts'

export function bucketLsCommand(context: CliContext): Command {
  const time = (text: string) => parseTime(text, context.now())
  const command = new Command('ls')
    .description('Lists the blocks of a bucket, one id a line unless told otherwise.')
    .addOption(
      new Option('-o, --output <form>', 'form of the list')
        .choices(['id', 'table', 'wide', 'json'])
        .default('id'),
    )
    .option('--exclude-delete', 'leave out blocks that are marked for deletion')
    .option('--min-time <time>', 'only blocks that end after this', time)
    .option('--max-time <time>', 'only blocks that begin before this', time)
    .option('--debug', 'show stack traces of errors')
  return addObjstoreFlags(command)
    .addHelpText('after', HELP)
    .action(async (parsed: Record<string, unknown>) => {
      const bucket = await openRequiredBucket(objstoreFlags(parsed), context.env)
      const all = await listBlocks(bucket, context)
      const minTime = (parsed['minTime'] as number | undefined) ?? -Infinity
      const maxTime = (parsed['maxTime'] as number | undefined) ?? Infinity
      let metas = all.filter((meta) => meta.maxTime > minTime && meta.minTime < maxTime)
      if (parsed['excludeDelete'] === true) metas = await withoutMarked(bucket, metas, context)
      context.write(formatList(metas, parsed['output'] as ListOutput))
    })
}

const HELP = `${OBJSTORE_HELP}
Examples:
  $ thaw bucket ls --objstore.config-file=bucket.yml
  $ thaw bucket ls -o table --min-time=-2d --objstore.config-file=bucket.yml
  $ thaw bucket ls -o json --objstore.config-file=bucket.yml | jq .thanos.labels
`

/** Sorted by time. Says on standard error what is in the bucket and is no block. */
export async function listBlocks(
  bucket: Bucket,
  { signal, writeError }: CliContext,
): Promise<BlockMeta[]> {
  const { metas, partial, corrupt } = await fetchBucketMetas(bucket, signal)
  for (const ulid of partial) {
    writeError(`warning: ${ulid} has no meta.json: it is being uploaded, or its upload broke off\n`)
  }
  for (const { ulid, error } of corrupt) writeError(`warning: ${ulid}: ${error.message}\n`)
  return [...metas].sort((a, b) => a.minTime - b.minTime || (a.ulid < b.ulid ? -1 : 1))
}

async function withoutMarked(
  bucket: Bucket,
  metas: readonly BlockMeta[],
  { signal }: CliContext,
): Promise<BlockMeta[]> {
  const kept: BlockMeta[] = []
  for (const meta of metas) {
    try {
      await bucket.head(`${meta.ulid}/deletion-mark.json`, { signal })
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error
      kept.push(meta)
    }
  }
  return kept
}

type ListOutput = 'id' | 'table' | 'wide' | 'json'

function formatList(metas: readonly BlockMeta[], output: ListOutput): string {
  switch (output) {
    case 'id':
      return metas.map(({ ulid }) => `${ulid}\n`).join('')
    case 'wide':
      return metas.map((meta) => `${wideLine(meta)}\n`).join('')
    case 'json':
      return metas.map((meta) => `${formatBlockMeta(meta)}\n`).join('')
    case 'table':
      return formatTable({
        header: ['ULID', 'FROM', 'UNTIL', 'RANGE', 'LEVEL', 'RESOLUTION', 'SOURCE', 'LABELS'],
        rows: metas.map((meta) => [
          meta.ulid,
          goTime(meta.minTime),
          goTime(meta.maxTime),
          formatGoDuration(meta.maxTime - meta.minTime),
          String(meta.compaction.level),
          formatGoDuration(meta.thanos?.downsample.resolution ?? 0),
          meta.thanos?.source ?? '',
          labelList(meta),
        ]),
      })
    default:
      return output satisfies never
  }
}

/** The line of Thanos's `ls -o wide`, which people have scripts for. */
function wideLine({ ulid, minTime, maxTime, compaction, thanos }: BlockMeta): string {
  const range = formatGoDuration(maxTime - minTime)
  return `${ulid} -- ${goTime(minTime)} - ${goTime(maxTime)} Diff: ${range}, Compaction: ${compaction.level}, Downsample: ${thanos?.downsample.resolution ?? 0}, Source: ${thanos?.source ?? ''}`
}

/** RFC 3339 in whole seconds, UTC. */
export function goTime(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

/** `cluster=eu,replica=a`. */
export function labelList({ thanos }: BlockMeta): string {
  const labels = thanos?.labels ?? {}
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join(',')
}

/** `thaw bucket backfill`: samples from OpenMetrics text, or from another server by its remote read, into blocks of the bucket. */
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { bytes, duration, list, path } from '#agent/flags/flag.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { backfillText } from '#lib/backfill/backfill-text.ts'
import type { BackfilledBlock, BackfillTarget } from '#lib/backfill/target.ts'
import { blockDurationMs } from '#lib/backfill/windows.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { CliContext } from '../context.ts'
import { backfillRemote, REMOTE_FLAGS } from './backfill-remote.ts'
import { counted, goTime } from './block-text.ts'
import { externalLabels, LABEL_FLAG } from './external-labels.ts'
import { progressBar } from './progress.ts'
import { refreshIndex } from './refresh-index.ts'
import { jsonText, REPORT_FLAGS } from './report-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'
import { textFile } from './text-file.ts'

export const BACKFILL_FLAGS = {
  openmetrics: list(
    'path',
    'file of OpenMetrics text with timestamps, .gz or not, - for standard input; may be repeated',
  ),
  ...REMOTE_FLAGS,
  label: LABEL_FLAG,
  'series-label': {
    ...LABEL_FLAG,
    help: 'label that every series gets, instead of its own of that name; may be repeated',
  },
  'max-block-duration': duration(
    '2h',
    'longest time of a block: 2h, or less than this of 6h, 18h, 54h…',
  ),
  'max-memory': bytes(
    '256MB',
    'samples in memory, about; what is more goes to --tmp.dir meanwhile',
  ),
  'tmp.dir': path(tmpdir(), 'directory for that; emptied at the end'),
  ...REPORT_FLAGS,
} as const

export type BackfillParts = SubcommandParts<typeof BACKFILL_FLAGS>

export function backfillCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'backfill',
    description: 'Makes blocks of OpenMetrics text, or of what another server has.',
    flags: BACKFILL_FLAGS,
    help: HELP,
    timeout: '0s',
    run,
  })
}

const HELP = `Blocks are those of promtool tsdb create-blocks-from openmetrics: aligned, with the bounds of their samples. Their ids say what they were made of, so a run that was
ended is simply started once more, and a second run makes nothing new. Lines may come in any order. A fault in a text is named with its line, and nothing is made of it.

Examples:
  $ thaw bucket backfill --openmetrics=old.om --label='cluster="eu"' --objstore.config-file=bucket.yml
  $ thaw bucket backfill --openmetrics=old.om.gz --label='cluster="eu"' --max-block-duration=18h --dry-run --objstore.config-file=bucket.yml
  $ thaw bucket backfill --remote-read.url=http://prometheus:9090 --start=-15d --end=-2h --match='{job="node"}' --label='cluster="eu"' --objstore.config-file=bucket.yml
`

async function run(parts: BackfillParts): Promise<void> {
  const { flags, bucket, signal, context } = parts
  const labels = externalLabels(flags.label)
  const isRemote = flags['remote-read.url'] !== ''
  if (isRemote === flags.openmetrics.length > 0) {
    throw new DomainError('invalid', 'say what to read, with --openmetrics or --remote-read.url')
  }
  const temporary = temporaryParts(flags['tmp.dir'])
  const done: BackfilledBlock[] = []
  const target: BackfillTarget = {
    bucket,
    externalLabels: labelsFrom(labels),
    parts: () => temporary.next(),
    maxMemoryBytes: flags['max-memory'],
    now: context.now,
    dryRun: flags['dry-run'],
    onBlock: (block) => {
      done.push(block)
      if (flags.output === 'text') context.write(`${lineOf(block)}\n`)
    },
    signal,
  }
  await temporary.open()
  try {
    if (isRemote) await backfillRemote(parts, target)
    else await backfillFiles(parts, target)
  } finally {
    await temporary.close()
    if (done.some(({ status }) => status === 'made')) {
      await refreshIndex(bucket, context.now, signal)
    }
  }
  context.write(
    flags.output === 'json' ? jsonText({ dryRun: flags['dry-run'], blocks: done }) : sumOf(done),
  )
}

async function backfillFiles(
  { flags, context }: BackfillParts,
  target: BackfillTarget,
): Promise<void> {
  const bar = progressBar(context)
  try {
    for (const name of flags.openmetrics) {
      const { pieces, size } = await textFile(name)
      await backfillText(
        {
          name,
          pieces: pieces(),
          labels: labelsFrom(Object.fromEntries(flags['series-label'])),
          durationMs: blockDurationMs(flags['max-block-duration']),
          onBytes: (read) => size > 0 && bar.show(Math.min(read, size), size, name),
        },
        {
          ...target,
          onBlock(block) {
            bar.end()
            target.onBlock?.(block)
          },
        },
      )
    }
  } finally {
    bar.end()
  }
}

/** A directory of this run, and in it one for each text or window that does not fit into memory. */
function temporaryParts(dir: string) {
  let root: string | undefined
  let count = 0
  return {
    async open(): Promise<void> {
      root = await mkdtemp(join(dir, 'thaw-backfill-')).catch((cause: Error) => {
        throw new DomainError('invalid', `--tmp.dir: ${cause.message}`, { cause })
      })
    },
    next() {
      const one = join(root!, String(count++))
      mkdirSync(one)
      return fileBucket(one)
    },
    async close(): Promise<void> {
      if (root !== undefined) await rm(root, { recursive: true, force: true })
    },
  }
}

const STATUS: Readonly<Record<BackfilledBlock['status'], string>> = {
  made: 'made',
  there: 'was there already:',
  planned: 'would be made:',
}

function lineOf({ ulid, status, minTimeMs, maxTimeMs, series, samples }: BackfilledBlock): string {
  const what =
    samples > 0 ? `, ${counted(series, 'series', 'series')}, ${counted(samples, 'sample')}` : ''
  return `${STATUS[status]} ${ulid} (${goTime(minTimeMs)} - ${goTime(maxTimeMs)})${what}`
}

function sumOf(done: readonly BackfilledBlock[]): string {
  const of = (status: BackfilledBlock['status']): number =>
    done.filter((block) => block.status === status).length
  const parts = [
    ...(of('planned') > 0 ? [`would make ${counted(of('planned'), 'block')}`] : []),
    ...(of('made') > 0 || of('planned') === 0 ? [`made ${counted(of('made'), 'block')}`] : []),
    ...(of('there') > 0 ? [`${of('there')} were there already`] : []),
  ]
  return `${parts.join(', ')}\n`
}

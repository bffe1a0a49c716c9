/** `thaw bucket mark` and `unmark`: Thanos's marks beside blocks, put and taken away. */
import type { Command } from 'commander'
import { choice, type FlagValues, text, toggle } from '#agent/flags/flag.ts'
import type { BlockRecord, Mark } from '#lib/blocks/block-record.ts'
import type { PartialBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type MarkFile, MARK_FILES, putMark, removeMark } from '#lib/compact/jobs/marks.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import { blockIds } from './block-flags.ts'
import { goTime } from './block-text.ts'
import { knownIds } from './known-ids.ts'
import { refreshIndex } from './refresh-index.ts'
import { jsonText, REPORT_FLAGS } from './report-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'

const UNMARK_FLAGS = {
  id: blockIds('block whose mark is meant'),
  marker: choice(['', ...MARK_FILES], '', `which mark: ${MARK_FILES.join(', ')}`),
  ...REPORT_FLAGS,
} as const

const MARK_FLAGS = {
  ...UNMARK_FLAGS,
  details: text('', 'why, for people; part of the mark'),
  remove: toggle('take the mark away, as thaw bucket unmark does'),
} as const

export function markCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'mark',
    description: 'Marks blocks for deletion, or as not to be compacted or downsampled.',
    flags: MARK_FLAGS,
    help: MARK_HELP,
    timeout: '5m',
    async run(parts) {
      if (parts.flags.remove) await remove(parts)
      else await put(parts)
    },
  })
}

export function unmarkCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'unmark',
    description: 'Takes marks of blocks away, so that they are treated like any other.',
    flags: UNMARK_FLAGS,
    help: UNMARK_HELP,
    timeout: '5m',
    run: remove,
  })
}

const MARK_HELP = `A block that is marked for deletion is hidden from queries a day later, and deleted by compact or cleanup after the delete delay; until then unmark brings it back.

Examples:
  $ thaw bucket mark --id=01J… --marker=deletion-mark.json --details='wrong data' --objstore.config-file=bucket.yml
  $ thaw bucket mark --id=01J… --marker=no-compact-mark.json --details='looked at by hand' --objstore.config-file=bucket.yml
`

const UNMARK_HELP = `Examples:
  $ thaw bucket unmark --id=01J… --marker=deletion-mark.json --objstore.config-file=bucket.yml
`

interface Changed {
  readonly id: string
  readonly changed: boolean
  readonly text: string
}

async function put(parts: SubcommandParts<typeof MARK_FLAGS>): Promise<void> {
  const { flags, bucket, signal, context } = parts
  const file = markerOf(flags.marker)
  const { details } = flags
  if (details === '') throw new DomainError('invalid', `say why, with --details='…'`)
  const blocks = await knownIds(bucket, flags.id, signal)
  const dryRun = flags['dry-run']
  const done: Changed[] = []
  for (const block of blocks) {
    const { id } = block
    const before = markOf(block, file)
    const isNew = dryRun
      ? !(await hasMark(bucket, id, file, signal))
      : await putMark(bucket, id, file, { nowMs: context.now(), details, signal })
    const text = isNew
      ? `${dryRun ? 'would get' : 'has'} ${file}: ${details}`
      : `had ${file} already${before ? `, since ${goTime(before.timeMs)}` : ', one that can not be read'}: left as it is`
    done.push({ id, changed: isNew, text })
  }
  await tell(done, file, parts)
}

async function remove(parts: SubcommandParts<typeof UNMARK_FLAGS>): Promise<void> {
  const { flags, bucket, signal } = parts
  const file = markerOf(flags.marker)
  const blocks = await knownIds(bucket, flags.id, signal)
  const done: Changed[] = []
  for (const { id } of blocks) {
    const had = await hasMark(bucket, id, file, signal)
    if (had && !flags['dry-run']) await removeMark(bucket, id, file, signal)
    const verb = flags['dry-run'] ? 'would lose' : 'has lost'
    done.push({ id, changed: had, text: had ? `${verb} ${file}` : `had no ${file}` })
  }
  await tell(done, file, parts)
}

async function tell(
  done: readonly Changed[],
  marker: MarkFile,
  { flags, bucket, signal, context }: SubcommandParts<typeof UNMARK_FLAGS>,
): Promise<void> {
  const dryRun = flags['dry-run']
  if (!dryRun && done.some(({ changed }) => changed)) {
    await refreshIndex(bucket, context.now, signal)
  }
  context.write(
    flags.output === 'json'
      ? jsonText({ marker, dryRun, blocks: done.map(({ id, changed }) => ({ id, changed })) })
      : done.map(({ id, text: line }) => `${id} ${line}\n`).join(''),
  )
}

function markerOf(marker: FlagValues<typeof UNMARK_FLAGS>['marker']): MarkFile {
  if (marker !== '') return marker
  throw new DomainError('invalid', `say which mark, with --marker=${MARK_FILES.join(', or ')}`)
}

function markOf(block: BlockRecord | PartialBlock, file: MarkFile): Mark | undefined {
  if ('reason' in block) return file === 'deletion-mark.json' ? block.deletion : undefined
  const { deletion, noCompact, noDownsample } = block.marks
  return {
    'deletion-mark.json': deletion,
    'no-compact-mark.json': noCompact,
    'no-downsample-mark.json': noDownsample,
  }[file]
}

async function hasMark(
  bucket: Bucket,
  id: string,
  file: MarkFile,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await bucket.head(`${id}/${file}`, { signal })
    return true
  } catch (error) {
    if (isKind(error, 'not-found')) return false
    throw error
  }
}

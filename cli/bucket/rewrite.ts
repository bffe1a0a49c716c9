/** `thaw bucket rewrite`: blocks without some series, without some times, or with other labels. */
import type { Command } from 'commander'
import { ulid } from 'ulid'
import { path, text, toggle } from '#agent/flags/flag.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { DELETION_MARK, putMark } from '#lib/compact/jobs/marks.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { changeLine } from '#lib/rewrite/change-log.ts'
import { parseDeletionRequests } from '#lib/rewrite/deletion-request.ts'
import { type RewriteResult, rewriteBlock } from '#lib/rewrite/rewrite-block.ts'
import type { CliContext } from '../context.ts'
import { blockIds } from './block-flags.ts'
import { counted } from './block-text.ts'
import { configText } from './config-text.ts'
import { knownIds } from './known-ids.ts'
import { progressBar } from './progress.ts'
import { refreshIndex } from './refresh-index.ts'
import { jsonText, REPORT_FLAGS } from './report-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'

const FLAGS = {
  id: blockIds('block to rewrite'),
  ...REPORT_FLAGS,
  'dry-run': toggle('say what would change, and write nothing; --no-dry-run writes', 'true'),
  'rewrite.to-delete-config': text('', 'YAML of what is to be deleted, see below', 'yaml'),
  'rewrite.to-delete-config-file': path('', 'file with that YAML'),
  'rewrite.to-relabel-config': text('', 'YAML of relabelling rules', 'yaml'),
  'rewrite.to-relabel-config-file': path('', 'file with that YAML'),
  'rewrite.add-change-log': toggle('leave change.log beside the new block', 'true'),
  'delete-blocks': toggle('mark the old block for deletion when the new one is there'),
  'prom-blocks': toggle('blocks without external labels are fine'),
} as const

type Parts = SubcommandParts<typeof FLAGS>

export function rewriteCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'rewrite',
    description: 'Writes blocks anew: without some series, without some times, with other labels.',
    flags: FLAGS,
    help: HELP,
    timeout: '0s',
    idle: { values: ['tmp.dir', 'hash-func'], toggles: [] },
    run,
  })
}

const HELP = `Rules are applied first, all of Prometheus's actions; deletions then go by the new labels. Series that become equal are merged. What is to be deleted is
a list of selectors, with times in milliseconds or without:

  - matchers: '{__name__="up", job=~"old.*"}'
  - matchers: '{job="node"}'
    intervals: [{mint: 1769817600000, maxt: 1769821199999}]

A dry run, the default, prints the lines of change.log and reads no chunks. Without --delete-blocks both blocks stay, and queries see both.

Examples:
  $ thaw bucket rewrite --id=01J… --rewrite.to-delete-config-file=delete.yml --objstore.config-file=bucket.yml
  $ thaw bucket rewrite --id=01J… --rewrite.to-relabel-config='[{action: labeldrop, regex: pod}]' --no-dry-run --delete-blocks --objstore.config-file=bucket.yml
`

interface Done extends RewriteResult {
  readonly id: string
  readonly ulid: string | undefined
}

async function run(parts: Parts): Promise<void> {
  const { flags, bucket, signal, context } = parts
  const config = (flag: 'rewrite.to-delete-config' | 'rewrite.to-relabel-config') =>
    configText({ flag, text: flags[flag], file: flags[`${flag}-file`] }, context.env)
  const [toDelete, toRelabel] = [
    await config('rewrite.to-delete-config'),
    await config('rewrite.to-relabel-config'),
  ]
  const deletions = parseDeletionRequests(toDelete, '--rewrite.to-delete-config')
  const relabels = parseRelabelConfigs(toRelabel, '--rewrite.to-relabel-config')
  if (deletions.length === 0 && relabels.length === 0) {
    throw new DomainError(
      'invalid',
      'say what is to change, with --rewrite.to-delete-config or --rewrite.to-relabel-config',
    )
  }
  const blocks = (await knownIds(bucket, flags.id, signal)).map((block): BlockRecord => {
    if ('reason' in block) throw new DomainError('corrupt', `${block.id}: ${block.reason}`)
    if (block.labels.length > 0 || flags['prom-blocks']) return block
    const text = `${block.id} has no external labels, give --prom-blocks if that is as it should be`
    throw new DomainError('invalid', text)
  })
  const dryRun = flags['dry-run']
  const isText = flags.output === 'text'
  const done: Done[] = []
  const bar = progressBar(context)
  try {
    for (const block of blocks) {
      const newId = ulid()
      const result = await rewriteBlock({
        bucket,
        block,
        ulid: newId,
        now: context.now,
        relabels,
        deletions,
        dryRun,
        changeLog: flags['rewrite.add-change-log'],
        onChange: (change) => dryRun && isText && context.write(changeLine(change)),
        onSeries: (count) => bar.show(count, Math.max(count, block.seriesCount), block.id),
        signal,
      })
      bar.end()
      if (!dryRun && flags['delete-blocks']) await markOld(block.id, parts)
      done.push({ ...result, id: block.id, ulid: result.meta && newId })
      if (isText) context.write(`${lineOf(done.at(-1)!, flags)}\n`)
    }
  } finally {
    bar.end()
  }
  if (!dryRun) await refreshIndex(bucket, context.now, signal)
  if (!isText)
    context.write(
      jsonText(done.map(({ id, ulid: made, counts }) => ({ id, ulid: made, dryRun, counts }))),
    )
}

async function markOld(id: string, { bucket, context, signal }: Parts): Promise<void> {
  const details = 'block rewritten'
  await putMark(bucket, id, DELETION_MARK, { nowMs: context.now(), details, signal })
}

function lineOf({ id, ulid: made, counts }: Done, flags: Parts['flags']): string {
  const dryRun = flags['dry-run']
  const changes = [
    ...(counts.deleted > 0 ? [`${counted(counts.deleted, 'series', 'series')} deleted`] : []),
    ...(counts.cut > 0 ? [`${counted(counts.cut, 'series', 'series')} cut`] : []),
    ...(counts.relabelled > 0
      ? [`${counted(counts.relabelled, 'series', 'series')} relabelled`]
      : []),
    ...(counts.merged > 0
      ? [`${counted(counts.merged, 'series', 'series')} merged with others`]
      : []),
  ]
  const what = changes.length === 0 ? 'nothing changes' : changes.join(', ')
  const total = `${counts.written.toLocaleString('en-US')} of ${counted(counts.read, 'series', 'series')} left`
  if (dryRun)
    return `${id} would be written anew: ${what}, ${total}; nothing was written (--no-dry-run writes)`
  const old = flags['delete-blocks']
    ? 'the old block is marked for deletion'
    : 'the old block stays'
  return made === undefined
    ? `${id} has nothing left, no block was written: ${what}; ${old}`
    : `${id} was written anew as ${made}: ${what}, ${total}; ${old}`
}

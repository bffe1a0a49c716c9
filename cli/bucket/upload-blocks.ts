/** `thaw bucket upload-blocks`: blocks of a directory into the bucket, by the code that ships those of a Prometheus. */
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { count, path, toggle } from '#agent/flags/flag.ts'
import type { LocalBlock } from '#agent/ship/block-dir.ts'
import { shipOnce } from '#agent/ship/ship-once.ts'
import type { ShipOutcome, SkipReason } from '#agent/ship/shipper.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { ALL_ISSUES } from '#lib/verify/problem.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'
import type { CliContext } from '../context.ts'
import { counted, sizeText } from './block-text.ts'
import { externalLabels, LABEL_FLAG } from './external-labels.ts'
import { progressBar } from './progress.ts'
import { refreshIndex } from './refresh-index.ts'
import { jsonText, REPORT_FLAGS } from './report-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'

const FLAGS = {
  path: path('./data', 'directory that has the blocks'),
  label: LABEL_FLAG,
  'shipper.upload-compacted': toggle('upload blocks that Prometheus compacted, too'),
  'shipper.upload-concurrency': count('5', 'files of a block that are uploaded at once'),
  'verify-blocks': toggle('read each block whole before it is uploaded', 'true'),
  ...REPORT_FLAGS,
} as const

type Parts = SubcommandParts<typeof FLAGS>

export function uploadBlocksCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'upload-blocks',
    description: 'Uploads the blocks of a directory, oldest first, each verified before.',
    flags: FLAGS,
    help: HELP,
    timeout: '0s',
    run,
  })
}

const HELP = `What is in the bucket already is not uploaded again, so a run that was ended is simply started once more. A broken block is named and left out.

Examples:
  $ thaw bucket upload-blocks --path=./data --label='cluster="eu"' --label='replica="a"' --objstore.config-file=bucket.yml
  $ thaw bucket upload-blocks --path=./data --label='cluster="eu"' --shipper.upload-compacted --dry-run --objstore.config-file=bucket.yml
`

async function run(parts: Parts): Promise<void> {
  const { flags, bucket, signal, context } = parts
  const labels = externalLabels(flags.label)
  const dryRun = flags['dry-run']
  const isThere = await stat(flags.path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isThere) throw new DomainError('invalid', `no directory ${flags.path}, set --path`)
  // Asked for now, so that a wrong bucket is told before blocks are read.
  for await (const _ of bucket.list('', { delimiter: '/', signal })) break
  const bar = progressBar(context)
  let outcome: ShipOutcome
  try {
    outcome = await shipOnce({
      bucket,
      tsdbPath: flags.path,
      externalLabels: labels,
      source: 'bucket.upload',
      uploadCompacted: flags['shipper.upload-compacted'],
      uploadConcurrency: flags['shipper.upload-concurrency'],
      skipCorruptedBlocks: true,
      check: flags['verify-blocks'] ? (block) => checkBlock(block, signal) : undefined,
      dryRun,
      now: context.now,
      signal,
      onProgress: ({ ulid, uploadedBytes, totalBytes }) =>
        bar.show(uploadedBytes, totalBytes, ulid),
    })
  } finally {
    bar.end()
  }
  if (!dryRun && outcome.uploaded.length > 0) await refreshIndex(bucket, context.now, signal)
  context.write(
    flags.output === 'json' ? jsonText(asJson(outcome, dryRun)) : textOf(outcome, dryRun),
  )
  throwIfFailed(outcome)
}

/** Rejects with what is wrong first. */
async function checkBlock({ ulid, dir }: LocalBlock, signal: AbortSignal): Promise<void> {
  const bucket = fileBucket(dir.slice(0, -ulid.length - 1) || '/')
  const { report } = await verifyBlock({ bucket, id: ulid, issues: new Set(ALL_ISSUES), signal })
  const problem = report.problems.find(({ severity }) => severity === 'error')
  if (!problem) return
  const [example] = problem.examples
  const text = example === undefined ? problem.message : `${problem.message}: ${example}`
  throw new DomainError('corrupt', `${text} (thaw bucket verify tells more)`)
}

const REASONS: Readonly<Record<SkipReason, string>> = {
  'already-uploaded': 'was uploaded before',
  'in-bucket': 'is in the bucket already',
  'sources-in-bucket': 'is in the bucket already, as the blocks that it was made of',
  empty: 'has no samples',
  compacted: 'was compacted by Prometheus, --shipper.upload-compacted uploads it',
  deleted: 'was deleted meanwhile',
}

function textOf({ uploaded, skipped, failed, notReached }: ShipOutcome, dryRun: boolean): string {
  const verb = dryRun ? 'would upload' : 'uploaded'
  const bytes = uploaded.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const lines = [
    ...uploaded.map(({ ulid, byteLength }) => `${verb} ${ulid}, ${sizeText(byteLength)}`),
    ...skipped.map(({ ulid, reason }) => `${ulid} ${REASONS[reason]}`),
    ...failed.map(({ ulid, error }) => `${ulid} is not uploaded: ${error.message}`),
    ...notReached.map((ulid) => `${ulid} was not come to`),
    `${verb} ${counted(uploaded.length, 'block')}, ${sizeText(bytes)}`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function asJson({ uploaded, skipped, failed, notReached }: ShipOutcome, dryRun: boolean): unknown {
  const errors = failed.map(({ ulid, error }) => ({ ulid, error: error.message }))
  return { dryRun, uploaded, skipped, failed: errors, notReached }
}

function throwIfFailed({ failed, notReached }: ShipOutcome): void {
  if (failed.length === 0) return
  const rest = notReached.length > 0 ? `, ${notReached.length} more were not come to` : ''
  const [first] = failed
  throw new DomainError(first!.error.kind, `${counted(failed.length, 'block')} not uploaded${rest}`)
}

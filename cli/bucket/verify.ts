/** `thaw bucket verify`: whether blocks and bucket are what they should be, and repair. */
import type { Command } from 'commander'
import { ulid } from 'ulid'
import { type Flag, list, path, text, toggle } from '#agent/flags/flag.ts'
import { openRequiredBucket } from '#agent/objstore.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { duplicatesOf } from '#lib/verify/bucket-check.ts'
import { ALL_ISSUES, type Issue, ISSUES, type Problem } from '#lib/verify/problem.ts'
import {
  removeDuplicates,
  type Repair,
  repairBlock,
  type RepairOptions,
} from '#lib/verify/repair.ts'
import { type VerifyReport, verifyBucket } from '#lib/verify/verify-bucket.ts'
import type { CliContext } from '../context.ts'
import { blockIds } from './block-flags.ts'
import { counted } from './block-text.ts'
import { progressBar } from './progress.ts'
import { refreshIndex } from './refresh-index.ts'
import { jsonText, REPORT_FLAGS } from './report-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'

const ISSUE_FLAG: Flag<readonly Issue[]> = {
  ...list('issue', 'only this issue, see below; may be repeated (all if not given)'),
  parse: (value) => (value === '' ? [] : value.split(',').map(issueOf)),
}

const FLAGS = {
  repair: {
    ...toggle('put good blocks in the place of broken ones; needs a backup bucket'),
    short: 'r',
  },
  issues: { ...ISSUE_FLAG, short: 'i' },
  id: blockIds('only this block'),
  'objstore-backup.config-file': path('', 'YAML file that names the bucket for broken blocks'),
  'objstore-backup.config': text('', 'the same YAML itself', 'yaml'),
  ...REPORT_FLAGS,
} as const

type Parts = SubcommandParts<typeof FLAGS>

export function verifyCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'verify',
    description: 'Reads blocks whole and says what is wrong with them, and with the bucket.',
    flags: FLAGS,
    help: HELP,
    timeout: '0s',
    // Blocks are marked here, never deleted.
    idle: { values: ['delete-delay'], toggles: [] },
    run,
  })
}

const HELP = `Issues:
${ALL_ISSUES.map((issue) => `  ${issue.padEnd(22)}${ISSUES[issue]}`).join('\n')}

Ends with 1 where something is wrong. Warnings are of no harm to what is stored.
--repair copies a broken block to the backup bucket, writes a good one, verifies it, and marks the old one for deletion.

Examples:
  $ thaw bucket verify --objstore.config-file=bucket.yml
  $ thaw bucket verify --id=01J… -i chunks -o json --objstore.config-file=bucket.yml
  $ thaw bucket verify --repair --dry-run --objstore.config-file=bucket.yml
  $ thaw bucket verify --repair --objstore-backup.config-file=backup.yml --objstore.config-file=bucket.yml
`

async function run(parts: Parts): Promise<void> {
  const { flags, bucket, signal, context } = parts
  const issues = new Set(flags.issues.length > 0 ? flags.issues : ALL_ISSUES)
  const repairs: Repair[] = []
  const options = flags.repair ? await repairOptions(parts) : undefined
  const bar = progressBar(context)
  let report: VerifyReport
  try {
    report = await verifyBucket({
      bucket,
      now: context.now,
      issues,
      ids: [...new Set(flags.id)],
      signal,
      onSeries: (id, count, total) => bar.show(count, Math.max(count, total), id),
      async onBlock(verified) {
        bar.end()
        const repair = options && (await repairBlock(verified, options))
        if (repair) repairs.push(repair)
      },
    })
    if (options && issues.has('duplicated_compaction') && flags.id.length === 0) {
      const { blocks } = await scanBlocks(bucket, new Map(), signal)
      repairs.push(...(await removeDuplicates(duplicatesOf(blocks), options)))
    }
  } finally {
    bar.end()
  }
  if (repairs.some(({ status }) => status === 'repaired') || issues.has('bucket_index')) {
    if (options && !options.dryRun) await refreshIndex(bucket, context.now, signal)
  }
  context.write(
    flags.output === 'json' ? jsonText({ ...report, repairs }) : reportText(report, repairs),
  )
  throwIfWrong(report, repairs)
}

async function repairOptions({ flags, bucket, signal, context }: Parts): Promise<RepairOptions> {
  const dryRun = flags['dry-run']
  const common = { bucket, newUlid: () => ulid(), now: context.now, dryRun, signal }
  // Nothing is copied in a dry run.
  if (dryRun) return { ...common, backup: bucket }
  const given = (value: string) => (value === '' ? undefined : value)
  const yaml = given(flags['objstore-backup.config'])
  const file = given(flags['objstore-backup.config-file'])
  if (yaml === undefined && file === undefined) {
    throw new DomainError(
      'invalid',
      'a repair needs a bucket for the broken blocks, give --objstore-backup.config-file=backup.yml',
    )
  }
  const backup: Bucket = await openRequiredBucket(
    { name: 'objstore-backup', yaml, file },
    context.env,
  )
  if (backup.name !== bucket.name) return { ...common, backup }
  throw new DomainError('invalid', `both configurations name ${backup.name}`)
}

function reportText({ blocks, bucket }: VerifyReport, repairs: readonly Repair[]): string {
  const lines: string[] = []
  const add = (what: string, problems: readonly Problem[]): void => {
    if (problems.length > 0) lines.push(what)
    for (const problem of problems) lines.push(...problemLines(problem))
  }
  for (const { id, problems } of blocks) add(id, problems)
  add('the bucket', bucket)
  for (const { id, status, ulid: made, text: how } of repairs) {
    const what = STATUS[status]
    lines.push(`${id} ${what}: ${how}${made === undefined ? '' : `; it is ${made} now`}`)
  }
  const sum = (of: 'series' | 'chunks' | 'samples'): string =>
    blocks.reduce((total, block) => total + block[of], 0).toLocaleString('en-US')
  lines.push(
    `looked at ${counted(blocks.length, 'block')}: ${sum('series')} series, ${sum('chunks')} chunks, ${sum('samples')} samples`,
  )
  return lines.map((line) => `${line}\n`).join('')
}

const STATUS: Readonly<Record<Repair['status'], string>> = {
  repaired: 'is repaired',
  'would-repair': 'would be repaired',
  left: 'is left as it is',
}

function problemLines({ issue, severity, message, count, examples }: Problem): string[] {
  const times = count === 1 ? '' : `, ${count.toLocaleString('en-US')} times`
  return [
    `  ${severity} ${issue}: ${message}${times}`,
    ...examples.map((example) => `    ${example}`),
    ...(count > examples.length && examples.length > 0 ? ['    …'] : []),
  ]
}

/** What was repaired is not wrong any more. */
function throwIfWrong({ blocks, bucket }: VerifyReport, repairs: readonly Repair[]): void {
  const isError = ({ severity }: Problem): boolean => severity === 'error'
  const repaired = new Set(
    repairs.filter(({ status }) => status === 'repaired').map(({ id }) => id),
  )
  const broken = blocks.filter(({ id, problems }) => problems.some(isError) && !repaired.has(id))
  const others = bucket.filter(
    (problem) =>
      isError(problem) && !(repaired.size > 0 && problem.issue === 'duplicated_compaction'),
  )
  if (broken.length === 0 && others.length === 0) return
  const parts = [
    ...(broken.length > 0 ? [`${broken.length} of ${counted(blocks.length, 'block')}`] : []),
    ...(others.length > 0 ? ['the bucket'] : []),
  ]
  throw new DomainError('corrupt', `something is wrong with ${parts.join(' and ')}`)
}

function issueOf(name: string): Issue {
  const found = ALL_ISSUES.find((issue) => issue === name)
  if (found !== undefined) return found
  throw new DomainError('invalid', `write one of ${ALL_ISSUES.join(', ')}`)
}

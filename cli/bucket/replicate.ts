/** `thaw bucket replicate`: blocks of a bucket into another, once or for as long as it runs. */
import type { Command } from 'commander'
import { durationMs } from '#agent/duration.ts'
import { count, duration, type Flag, list, path, text, toggle } from '#agent/flags/flag.ts'
import { openRequiredBucket } from '#agent/objstore.ts'
import { meteredBucket } from '#agent/metered-bucket.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { replicateBlocks } from '#lib/replicate/replicate-blocks.ts'
import type { CliContext } from '../context.ts'
import { blockIds, TIME_FLAGS, timeSelector } from './block-flags.ts'
import { blockBytes, counted, goTime, sizeText } from './block-text.ts'
import { keepRunning, RUNNING_FLAGS } from './keep-running.ts'
import { noSuchBlocks } from './known-ids.ts'
import { labelMatch } from './matchers.ts'
import { progressBar } from './progress.ts'
import { refreshIndex } from './refresh-index.ts'
import { replicateMetrics } from './replicate-metrics.ts'
import { jsonText, REPORT_FLAGS } from './report-flags.ts'
import { subcommand, type SubcommandParts } from '../subcommand.ts'
import { warnPartial } from './warn-partial.ts'

const RESOLUTIONS: Flag<readonly number[]> = {
  ...list(
    'duration',
    'only blocks of this resolution; may be repeated (0s, 5m and 1h if not given)',
  ),
  parse: (value) => (value === '' ? [] : value.split(',').map(resolutionOf)),
}

const LEVELS: Flag<readonly number[]> = {
  ...list(
    'level',
    'only blocks of this compaction level, instead of --compaction-min and -max; may be repeated',
  ),
  parse: (value) => (value === '' ? [] : value.split(',').map((one) => LEVEL.parse(one))),
}

const LEVEL = count('1', 'only blocks of at least this compaction level')

const FLAGS = {
  'objstore-to.config-file': path('', 'YAML file that names the bucket to copy into'),
  'objstore-to.config': text('', 'the same YAML itself', 'yaml'),
  resolution: RESOLUTIONS,
  'compaction-min': LEVEL,
  'compaction-max': count('4', 'only blocks of at most this compaction level'),
  compaction: LEVELS,
  matcher: text(
    '',
    `only blocks with these external labels: 'cluster="eu",replica=~"a|b"'`,
    'matchers',
  ),
  ...TIME_FLAGS,
  id: blockIds('only this block, whatever the other flags say, and one run'),
  'ignore-marked-for-deletion': toggle('leave out blocks that are marked for deletion'),
  'single-run': toggle('one run, then end'),
  'wait-interval': duration('1m', 'between two runs'),
  ...REPORT_FLAGS,
  ...RUNNING_FLAGS,
} as const

type Parts = SubcommandParts<typeof FLAGS>

export function replicateCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'replicate',
    description: 'Copies blocks into another bucket, and goes on with those that come.',
    flags: FLAGS,
    help: HELP,
    timeout: '0s',
    async run(parts) {
      const { flags, bucket, signal } = parts
      const to = await openTarget(parts)
      const isOnce = flags['single-run'] || flags['dry-run'] || flags.id.length > 0
      if (isOnce) {
        context.write(reportOf(await replicateOnce(bucket, to, parts), to, parts))
        return
      }
      const interval = { component: 'replicate', flags, intervalMs: flags['wait-interval'], signal }
      await keepRunning(interval, ({ registry, logger }) => {
        const metered = meteredBucket(bucket, registry, context.now)
        const metrics = replicateMetrics(registry, context.now)
        return () =>
          metrics.run(async () => {
            const done = await replicateOnce(metered, to, parts)
            logger.info(totals(done), 'replicated')
            return done
          })
      })
    },
  })
}

const HELP = `Oldest blocks first; of each chunks, index and, last, meta.json. What the target has already is not copied again, so a run that was ended goes on where it was. Marks are not copied.

Examples:
  $ thaw bucket replicate --single-run --objstore.config-file=bucket.yml --objstore-to.config-file=other.yml
  $ thaw bucket replicate --matcher='cluster="eu"' --min-time=-90d --objstore.config-file=bucket.yml --objstore-to.config-file=other.yml
  $ thaw bucket replicate --dry-run --resolution=1h --objstore.config-file=bucket.yml --objstore-to.config-file=other.yml
`

async function openTarget({ flags, bucket, context }: Parts): Promise<Bucket> {
  const given = (value: string) => (value === '' ? undefined : value)
  const to = await openRequiredBucket(
    {
      name: 'objstore-to',
      yaml: given(flags['objstore-to.config']),
      file: given(flags['objstore-to.config-file']),
    },
    context.env,
  )
  if (to.name !== bucket.name) return to
  throw new DomainError('invalid', `both configurations name ${to.name}, nothing is to be copied`)
}

export interface Replicated {
  readonly id: string
  readonly from: string
  readonly until: string
  readonly status: 'copied' | 'same' | 'gone'
  readonly objects: number
  readonly bytes: number
}

async function replicateOnce(from: Bucket, to: Bucket, parts: Parts): Promise<Replicated[]> {
  const { flags, signal, context } = parts
  const chosen = choiceOf(parts)
  const view = await lookUpBlocks(from, { now: context.now, signal })
  warnPartial(view.partial, context)
  const known = new Map(view.blocks.map((block) => [block.id, block]))
  const missing = flags.id.filter((id) => !known.has(id))
  if (missing.length > 0) throw noSuchBlocks(missing, from)
  const blocks = view.blocks.filter(chosen)
  const bar = progressBar(context)
  const total = blocks.reduce((sum, block) => sum + blockBytes(block), 0)
  let [passed, bytes] = [0, 0]
  try {
    const done = await replicateBlocks({
      from,
      to,
      blocks,
      dryRun: flags['dry-run'],
      signal,
      onBytes: (more) => (bytes += more),
      onBlock: ({ id }) => {
        passed += blockBytes(known.get(id)!)
        bar.show(passed, total, `${id}, ${sizeText(bytes)} copied`)
      },
    })
    if (!flags['dry-run'] && done.some(({ status }) => status === 'copied')) {
      await refreshIndex(to, context.now, signal)
    }
    return done.map(({ id, ...rest }) => {
      const { minTimeMs, maxTimeMs } = known.get(id)!
      return { id, from: goTime(minTimeMs), until: goTime(maxTimeMs), ...rest }
    })
  } finally {
    bar.end()
  }
}

function choiceOf({ flags, context }: Parts): (block: BlockRecord) => boolean {
  const { id, compaction, resolution } = flags
  const levels = compaction.length > 0 ? new Set(compaction) : undefined
  const [least, most] = [flags['compaction-min'], flags['compaction-max']]
  if (!levels && least > most) {
    throw new DomainError('invalid', '--compaction-min must not be greater than --compaction-max')
  }
  const resolutions = new Set(resolution.length > 0 ? resolution : [0, 300_000, 3_600_000])
  const matches = labelMatch(flags.matcher)
  const inTime = timeSelector(flags, context.now())
  const isChosen = (block: BlockRecord): boolean => {
    if (id.length > 0) return id.includes(block.id)
    const { level, labels, resolutionMs } = block
    const isLevel = levels ? levels.has(level) : level >= least && level <= most
    return isLevel && resolutions.has(resolutionMs) && matches(labels) && inTime(block)
  }
  return (block) => {
    if (flags['ignore-marked-for-deletion'] && block.marks.deletion) return false
    if (!isChosen(block)) return false
    if (block.labels.length > 0) return true
    context.writeError(`warning: ${block.id} has no external labels: it is not copied\n`)
    return false
  }
}

function totals(done: readonly Replicated[]) {
  const copied = done.filter(({ status }) => status === 'copied')
  return {
    copied: copied.length,
    same: done.filter(({ status }) => status === 'same').length,
    objects: copied.reduce((sum, { objects }) => sum + objects, 0),
    bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function reportOf(done: readonly Replicated[], to: Bucket, { flags }: Parts): string {
  const dryRun = flags['dry-run']
  const sum = totals(done)
  if (flags.output === 'json') return jsonText({ to: to.name, dryRun, ...sum, blocks: done })
  const verb = dryRun ? 'would copy' : 'copied'
  const lines = done.flatMap(({ id, from, until, status, objects, bytes }) => {
    if (status === 'same') return []
    if (status === 'gone') return [`${id} is gone, it was deleted meanwhile\n`]
    return [
      `${verb} ${id} (${from} - ${until}), ${counted(objects, 'object')}, ${sizeText(bytes)}\n`,
    ]
  })
  const last = `${verb} ${counted(sum.copied, 'block')}, ${counted(sum.objects, 'object')}, ${sizeText(sum.bytes)} to ${to.name}; ${counted(sum.same, 'block was', 'blocks were')} there already\n`
  return [...lines, last].join('')
}

function resolutionOf(value: string): number {
  const ms = durationMs(value)
  if (ms === 0 || ms === 300_000 || ms === 3_600_000) return ms
  throw new DomainError('invalid', 'write a resolution: 0s, 5m or 1h')
}

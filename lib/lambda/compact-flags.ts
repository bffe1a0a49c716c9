/** The flags of Thanos's compactor, from one environment variable: what `thanos compact` takes, `plan` and `compact` take. */
import type { Dedup } from '#lib/compact/jobs/job.ts'
import {
  checkSettings,
  type CompactSettings,
  DEFAULT_COMPACT_SETTINGS,
} from '#lib/compact/plan/settings.ts'
import {
  bad,
  durationOrZero,
  listOf,
  positiveDuration,
  text,
  toggle,
  wrong,
} from './flag-values.ts'
import { parseFlags, readFlagLine } from './parse-flags.ts'

/** Thanos's names and defaults. */
export const COMPACT_FLAGS = {
  'compact.block-max-index-size': text('64GB', 'of all indexes of a compaction together'),
  'consistency-delay': text(
    '30m',
    'a block is left alone this long after its upload, unless a compactor made it',
  ),
  'deduplication.func': text(
    '',
    'how replicas become one block: empty chains them, penalty as Thanos does it offline',
  ),
  'deduplication.replica-label': text(
    '',
    'external labels that tell replicas apart; with them replicas become one block, for ever; comma separated',
  ),
  'delete-delay': text('48h', 'from the mark of a block to its deletion'),
  'downsampling.disable': toggle(false, 'no blocks of 5 minutes and 1 hour are made'),
  'fresh.merge-delay': text(
    '3h',
    'fresh blocks that no Prometheus block replaces become a block this long after their window',
  ),
  'retention.resolution-raw': text('0d', 'how long raw samples are kept; 0d for ever'),
  'retention.resolution-5m': text('0d', 'how long samples of 5 minutes are kept; 0d for ever'),
  'retention.resolution-1h': text('0d', 'how long samples of 1 hour are kept; 0d for ever'),
} as const

export type CompactFlag = keyof typeof COMPACT_FLAGS

const LISTS: ReadonlySet<string> = new Set(['deduplication.replica-label'])
const VARIABLE = 'THAW_COMPACT_FLAGS'

/** Throws a DomainError 'invalid' that names the variable and the flag. */
export function readCompactFlags(line: string): CompactSettings {
  return readFlagLine(VARIABLE, line, compactSettings)
}

/** As words of a command line. */
export function compactSettings(words: readonly string[]): CompactSettings {
  const values = parseFlags(words, COMPACT_FLAGS, LISTS)
  const span = (name: CompactFlag): number => durationOrZero(name, values[name])
  const dedup = dedupOf(values)
  const settings: CompactSettings = {
    ...DEFAULT_COMPACT_SETTINGS,
    consistencyDelayMs: span('consistency-delay'),
    deleteDelayMs: span('delete-delay'),
    downsampling: values['downsampling.disable'] === 'false',
    freshDelayMs: positiveDuration('fresh.merge-delay', values['fresh.merge-delay']),
    maxIndexBytes: sizeOf('compact.block-max-index-size', values['compact.block-max-index-size']),
    retentionMs: {
      raw: span('retention.resolution-raw'),
      fiveMinutes: span('retention.resolution-5m'),
      oneHour: span('retention.resolution-1h'),
    },
    ...(dedup && { dedup }),
  }
  checkSettings(settings)
  return settings
}

function dedupOf(values: Readonly<Record<CompactFlag, string>>): Dedup | undefined {
  const func = values['deduplication.func']
  const replicaLabels = listOf(values['deduplication.replica-label'])
  if (func !== '' && func !== 'penalty')
    throw bad('deduplication.func', func, 'penalty, or nothing')
  return func === '' && replicaLabels.length === 0 ? undefined : { func, replicaLabels }
}

const SIZE = /^(\d+)(B|KB|MB|GB|TB)?$/
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

function sizeOf(name: CompactFlag, value: string): number {
  const [, digits, unit = 'B'] = wrong(name, () => {
    const found = SIZE.exec(value.trim().toUpperCase().replace('IB', 'B'))
    if (!found) throw new Error(`${JSON.stringify(value)} is no size such as 64GB`)
    return found
  })
  return Number(digits) * 1024 ** UNITS.indexOf(unit)
}

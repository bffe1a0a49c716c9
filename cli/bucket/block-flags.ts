/** Flags that say which blocks of a bucket are meant. */
import { resolveTime } from '#agent/duration.ts'
import { type Flag, type FlagValues, list, time } from '#agent/flags/flag.ts'
import { isBlockId } from '#agent/ship/block-dir.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelValue } from '#lib/model/labels.ts'
import { parseSelector } from '#lib/store-api/selector-relabel.ts'
import { RELABEL_FLAGS, selectorYaml } from '../relabel-flags.ts'

export interface LabelSelector {
  readonly name: string
  readonly value: string
}

const SELECTOR: Flag<readonly LabelSelector[]> = {
  ...list('name="value"', 'only blocks with this external label; may be repeated, all must match'),
  parse: (text) => (text === '' ? [] : [labelSelector(text)]),
}

export const SELECTOR_FLAGS = {
  selector: { ...SELECTOR, short: 'l' },
  ...RELABEL_FLAGS,
} as const

const FIRST = '0000-01-01T00:00:00Z'
const LAST = '9999-12-31T23:59:59Z'

export const TIME_FLAGS = {
  'min-time': time(FIRST, 'only blocks that end after this, or -30d'),
  'max-time': time(LAST, 'only blocks that begin before this, or -2h'),
} as const

export function isAnyTime(flags: FlagValues<typeof TIME_FLAGS>): boolean {
  const [first, last] = [flags['min-time'], flags['max-time']]
  return (
    'timeMs' in first &&
    'timeMs' in last &&
    first.timeMs <= Date.parse(FIRST) &&
    last.timeMs >= Date.parse(LAST)
  )
}

/** Given several times, or with commas. */
export function blockIds(help: string): Flag<readonly string[]> {
  return { ...list('ulid', `${help}; may be repeated`), parse: parseIds }
}

/** Whether a block is meant. Rejects with `invalid` where a rule is wrong. */
export async function blockSelector(
  flags: FlagValues<typeof SELECTOR_FLAGS>,
): Promise<(record: BlockRecord) => boolean> {
  const shows = parseSelector(await selectorYaml(flags))
  return ({ labels, id }) =>
    flags.selector.every(({ name, value }) => labelValue(labels, name) === value) &&
    shows(labels, id)
}

export function timeSelector(
  flags: FlagValues<typeof TIME_FLAGS>,
  nowMs: number,
): (record: Pick<BlockRecord, 'minTimeMs' | 'maxTimeMs'>) => boolean {
  const minTimeMs = resolveTime(flags['min-time'], nowMs)
  const maxTimeMs = resolveTime(flags['max-time'], nowMs)
  return (record) => record.maxTimeMs > minTimeMs && record.minTimeMs < maxTimeMs
}

function labelSelector(text: string): LabelSelector {
  const match = /^([^=]+?)=(?:"(.*)"|([^"].*))$/.exec(text)
  if (match === null) throw new DomainError('invalid', `write a label such as 'cluster="eu"'`)
  return { name: match[1]!, value: match[2] ?? match[3]! }
}

function parseIds(text: string): string[] {
  const ids = text.split(',').filter((id) => id !== '')
  for (const id of ids) {
    if (!isBlockId(id)) {
      throw new DomainError(
        'invalid',
        `"${id}" is no block id, write the 26 characters that thaw bucket ls prints`,
      )
    }
  }
  return ids
}

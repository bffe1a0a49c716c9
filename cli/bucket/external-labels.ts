/** Thanos's `--label`: external labels of blocks that have none yet. */
import { type Flag, list } from '#agent/flags/flag.ts'
import { DomainError } from '#lib/model/errors.ts'
import { unquote } from '#lib/promql/parse/literals.ts'

type Pair = readonly [name: string, value: string]

export const LABEL_FLAG: Flag<readonly Pair[]> = {
  ...list('name="value"', 'external label of the blocks; may be repeated, one is needed at least'),
  parse: (text) => (text === '' ? [] : [pairOf(text)]),
}

/** Throws `invalid` where there is none: blocks of unlike origin must be told apart. */
export function externalLabels(pairs: readonly Pair[]): Readonly<Record<string, string>> {
  if (pairs.length > 0) return Object.fromEntries(pairs)
  throw new DomainError(
    'invalid',
    `give external labels that tell these blocks from others, such as --label='cluster="eu"'`,
  )
}

function pairOf(text: string): Pair {
  const match = /^([a-zA-Z_][a-zA-Z0-9_]*)=("(?:[^"\\]|\\.)+"|[^"]+)$/s.exec(text)
  if (match === null) throw new DomainError('invalid', `write a label such as 'cluster="eu"'`)
  const value = match[2]!
  return [match[1]!, value.startsWith('"') ? unquote(value) : value]
}

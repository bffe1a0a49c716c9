/** What a scalar without quotes is to Go's yaml packages: its tag and, of numbers and booleans, the value. */

export interface ResolvedScalar {
  readonly tag: string
  readonly value: string | number | boolean | null
}

const WORDS: ReadonlyMap<string, ResolvedScalar> = new Map([
  ...words('!!bool', true, ['true', 'True', 'TRUE']),
  ...words('!!bool', false, ['false', 'False', 'FALSE']),
  ...words('!!null', null, ['', '~', 'null', 'Null', 'NULL']),
  ...words('!!float', NaN, ['.nan', '.NaN', '.NAN']),
  ...words('!!float', Infinity, ['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF']),
  ...words('!!float', -Infinity, ['-.inf', '-.Inf', '-.INF']),
])

function words(
  tag: string,
  value: number | boolean | null,
  spellings: readonly string[],
): [string, ResolvedScalar][] {
  return spellings.map((spelling) => [spelling, { tag, value }])
}

const INTEGER = /^([-+]?)(0[bB][01]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const DATE = /^\d{4}-\d\d?-\d\d?([Tt ]\d\d?:\d\d?:\d\d?(\.\d*)?(Z|[-+]\d\d:\d\d)?)?$/

export function resolveScalar(text: string): ResolvedScalar {
  const word = WORDS.get(text)
  if (word) return word
  if (!/^[-+.0-9]/.test(text)) return { tag: '!!str', value: text }
  if (DATE.test(text)) return { tag: '!!timestamp', value: text }
  const digits = text.replaceAll('_', '')
  const integer = INTEGER.exec(digits)
  if (integer)
    return { tag: '!!int', value: integerOf(integer[2]!) * (integer[1] === '-' ? -1 : 1) }
  if (FLOAT.test(digits)) return { tag: '!!float', value: Number(digits) }
  return { tag: '!!str', value: text }
}

function integerOf(digits: string): number {
  return /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits)
}

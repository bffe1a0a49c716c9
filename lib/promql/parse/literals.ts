/** The values of string, number and duration tokens, and numbers back to text as Go writes them. */
import { quoteGo } from '#lib/model/labels.ts'

/** A literal that has the shape of a number or duration but no value. */
export type LiteralError = { readonly error: string }

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/**
 * The text of a string token, whose escapes the lexer has checked. A byte that is not UTF-8 (`"\xff"`) becomes
 * a lone surrogate, U+DC80…U+DCFF, so that it stays visible: such a string is not `isWellFormed()`.
 */
export function unquote(literal: string): string {
  const body = literal.slice(1, -1)
  if (literal[0] === '`' || !body.includes('\\')) return body
  // \x and octal escapes are bytes, and several of them may be one character.
  let bytes: number[] = []
  let out = ''
  const flush = (): void => {
    out += decodeBytes(bytes)
    bytes = []
  }
  for (const [part] of body.matchAll(/\\x..|\\u.{4}|\\U.{8}|\\[0-7]{3}|\\[^]|[^\\]+/gsu)) {
    const kind = part[1] ?? ''
    if (part[0] !== '\\' || (part.length === 2 && !/[0-9]/.test(kind))) {
      flush()
      out += part[0] === '\\' ? (SIMPLE_ESCAPES[kind] ?? kind) : part
    } else if (kind === 'u' || kind === 'U') {
      flush()
      out += String.fromCodePoint(Number.parseInt(part.slice(2), 16))
    } else {
      bytes.push(
        kind === 'x' ? Number.parseInt(part.slice(2), 16) : Number.parseInt(part.slice(1), 8),
      )
    }
  }
  flush()
  return out
}

function decodeBytes(bytes: readonly number[]): string {
  let out = ''
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!
    const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    try {
      const char = Uint8Array.from(bytes.slice(i, i + length))
      out += new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(char)
      i += length
    } catch {
      out += String.fromCharCode(0xdc00 + lead)
      i++
    }
  }
  return out
}

/** Go's `%q`, with the bytes that `unquote` could not read as UTF-8 as `\xff`. */
export function quoteText(text: string): string {
  if (text.isWellFormed()) return quoteGo(text)
  let out = ''
  for (const char of text) {
    const code = char.charCodeAt(0)
    out +=
      char.length === 1 && code >= 0xdc80 && code <= 0xdcff
        ? `\\x${(code - 0xdc00).toString(16)}`
        : quoteGo(char).slice(1, -1)
  }
  return `"${out}"`
}

const INT64_MAX = 2n ** 63n - 1n

/** As Go reads integers of any base first, then floats: `0755` is octal, `089` decimal. */
export function parseNumber(text: string): number | LiteralError {
  if (/^[0-9]{1,15}$/.test(text) && (text[0] !== '0' || text.length === 1)) return Number(text)
  const lower = text.toLowerCase()
  if (lower === 'inf') return Infinity
  if (lower === 'nan') return NaN
  const invalid = {
    error: `error parsing number: strconv.ParseFloat: parsing ${quoteGo(text)}: invalid syntax`,
  }
  // Between two digits, or after `0x`.
  const plain = lower.startsWith('0x')
    ? lower.replace(/(?<=[0-9a-fx])_(?=[0-9a-f])/g, '')
    : lower.replace(/(?<=[0-9])_(?=[0-9])/g, '')
  if (/^0x[0-9a-f]+$/.test(plain)) {
    const value = BigInt(plain)
    return value <= INT64_MAX ? Number(value) : invalid
  }
  if (/^0[0-7]+$/.test(plain)) {
    const value = BigInt(`0o${plain.slice(1)}`)
    if (value <= INT64_MAX) return Number(value)
  }
  if (!/^([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/.test(plain)) return invalid
  const value = Number(plain)
  if (Number.isFinite(value)) return value
  return {
    error: `error parsing number: strconv.ParseFloat: parsing ${quoteGo(text)}: value out of range`,
  }
}

/** Biggest first: a duration names its units in this order, each once. */
const UNITS: ReadonlyMap<string, { readonly rank: number; readonly ms: number }> = new Map([
  ['y', { rank: 1, ms: 365 * 86_400_000 }],
  ['w', { rank: 2, ms: 7 * 86_400_000 }],
  ['d', { rank: 3, ms: 86_400_000 }],
  ['h', { rank: 4, ms: 3_600_000 }],
  ['m', { rank: 5, ms: 60_000 }],
  ['s', { rank: 6, ms: 1_000 }],
  ['ms', { rank: 7, ms: 1 }],
])

/** Durations are 64-bit nanoseconds in Prometheus. */
const MAX_DURATION_MS = 9_223_372_036_854

/** `1h30m` in milliseconds. */
export function parseDurationText(text: string): number | LiteralError {
  const invalid = { error: `not a valid duration string: ${quoteGo(text)}` }
  if (!/^[0-9]/.test(text)) return invalid
  let total = 0
  let rank = 0
  for (const [, digits, name] of text.matchAll(/([0-9]+)([^0-9]*)/g)) {
    const count = BigInt(digits!)
    if (count >= 2n ** 64n || name === '') return invalid
    const unit = UNITS.get(name!)
    if (unit === undefined) {
      return { error: `unknown unit ${quoteGo(name!)} in duration ${quoteGo(text)}` }
    }
    if (unit.rank <= rank) return invalid
    rank = unit.rank
    total += Number(count) * unit.ms
    if (total > MAX_DURATION_MS) return { error: 'duration out of range' }
  }
  return total
}

/** `1h30m`; years and weeks only where nothing is left over, as Prometheus prints durations. */
export function formatDuration(ms: number): string {
  let rest = Math.trunc(Math.abs(ms))
  if (rest === 0) return '0s'
  let out = ms < 0 ? '-' : ''
  for (const [name, unit] of UNITS) {
    if ((name === 'y' || name === 'w') && rest % unit.ms !== 0) continue
    const count = Math.floor(rest / unit.ms)
    if (count > 0) out += `${count}${name}`
    rest -= count * unit.ms
  }
  return out
}

/** The shortest decimal form that reads back equal, never with an exponent. */
export function formatDecimal(value: number): string {
  if (!Number.isFinite(value)) return formatSpecial(value)
  const text = Object.is(value, -0) ? '-0' : String(value)
  const match = /^(-?)([0-9]+)(?:\.([0-9]+))?e([+-][0-9]+)$/.exec(text)
  if (match === null) return text
  const [, sign, whole, fraction = '', exponent] = match
  const digits = whole! + fraction
  const point = whole!.length + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return sign + digits.padEnd(point, '0')
}

/** Go's `%v`: an exponent from 1e21 and below 1e-4. */
export function formatShortest(value: number): string {
  if (!Number.isFinite(value)) return formatSpecial(value)
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-4 && size < 1e21)) return formatDecimal(value)
  const [mantissa, exponent] = value.toExponential().split('e')
  return `${mantissa}e${exponent![0]}${exponent!.slice(1).padStart(2, '0')}`
}

function formatSpecial(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

/** What flags, width and precision do to one number, string or bool. Verbs are known to fit. */
import { countRunes, decodeRune, encodeRune } from '../value/bytes.ts'
import { canBackquote, isPrintable, quote, quoteRune } from '../value/quote.ts'
import { floatText, type FloatVerb } from './float-text.ts'

export interface Flags {
  width: number | undefined
  precision: number | undefined
  minus: boolean
  plus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  /** `%+v` and `%#v`, which are another thing than plus and sharp. */
  plusV: boolean
  sharpV: boolean
}

export function noFlags(): Flags {
  return {
    width: undefined,
    precision: undefined,
    minus: false,
    plus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
  }
}

export function pad(flags: Flags, bytes: string, zero = flags.zero): string {
  const missing = (flags.width ?? 0) - countRunes(bytes)
  if (missing <= 0) return bytes
  if (flags.minus) return bytes + ' '.repeat(missing)
  return (zero ? '0' : ' ').repeat(missing) + bytes
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, x: 16, X: 16 }
const PREFIXES: Readonly<Record<string, string>> = { b: '0b', x: '0x', X: '0X' }

/** `value` is 64 bits wide, with a sign or not. */
export function integerText(flags: Flags, value: bigint, verb: string): string {
  const { precision } = flags
  const negative = value < 0n
  const size = negative ? -value : value
  if (precision === 0 && size === 0n) return ' '.repeat(flags.width ?? 0)
  let digits = precision ?? 0
  if (precision === undefined && flags.zero && !flags.minus && flags.width !== undefined) {
    digits = flags.width - (negative || flags.plus || flags.space ? 1 : 0)
  }
  let text = size.toString(BASES[verb] ?? 10)
  if (verb === 'X') text = text.toUpperCase()
  text = text.padStart(digits, '0')
  if (flags.sharp) {
    if (BASES[verb] === 8) text = text.startsWith('0') ? text : `0${text}`
    else text = (PREFIXES[verb] ?? '') + text
  }
  if (verb === 'O') text = `0o${text}`
  text = (negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '') + text
  return pad(flags, text, false)
}

/** `%c`, `%q` and `%U` of a number. */
export function runeText(flags: Flags, value: bigint, verb: 'c' | 'q' | 'U'): string {
  const code = BigInt.asUintN(64, value)
  const rune = code > 0x10ffffn ? -1 : Number(code)
  if (verb === 'c') return pad(flags, encodeRune(rune))
  if (verb === 'q') return pad(flags, quoteRune(rune, flags.plus))
  const digits = code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 0, 4), '0')
  const shown = flags.sharp && rune >= 0 && isPrintable(rune) ? ` '${encodeRune(rune)}'` : ''
  return pad(flags, `U+${digits}${shown}`, false)
}

export function stringText(flags: Flags, bytes: string, verb: 's' | 'q' | 'x' | 'X'): string {
  if (verb === 'x' || verb === 'X') return hexText(flags, bytes, verb)
  const text = truncate(bytes, flags.precision)
  if (verb === 's') return pad(flags, text)
  if (flags.sharp && canBackquote(text)) return pad(flags, `\`${text}\``)
  return pad(flags, quote(text, flags.plus))
}

function truncate(bytes: string, runes: number | undefined): string {
  if (runes === undefined || runes >= bytes.length) return bytes
  let end = 0
  for (let i = 0; i < runes && end < bytes.length; i++) end += decodeRune(bytes, end).width
  return bytes.slice(0, end)
}

function hexText(flags: Flags, bytes: string, verb: 'x' | 'X'): string {
  const count = Math.min(flags.precision ?? bytes.length, bytes.length)
  if (count === 0) return pad(flags, '')
  const prefix = flags.sharp ? `0${verb}` : ''
  const parts: string[] = []
  for (let i = 0; i < count; i++) {
    const digits = bytes.charCodeAt(i).toString(16).padStart(2, '0')
    parts.push(verb === 'X' ? digits.toUpperCase() : digits)
  }
  return pad(flags, prefix + parts.join(flags.space ? ` ${prefix}` : ''))
}

export function boolText(flags: Flags, value: boolean): string {
  return pad(flags, String(value))
}

/** `precision` is what the verb takes where the flags have none. */
export function formatFloat(
  flags: Flags,
  value: number,
  verb: FloatVerb,
  precision: number,
): string {
  const places = flags.precision ?? precision
  const text = floatText(value, verb, places)
  const sign = text.startsWith('-') ? '-' : flags.space && !flags.plus ? ' ' : '+'
  let size = text.replace(/^[+-]/, '')
  if (!Number.isFinite(value)) {
    const bare = Number.isNaN(value) && !flags.space && !flags.plus
    return pad(flags, bare ? size : sign + size, false)
  }
  if (flags.sharp && verb !== 'b') size = withPoint(size, verb, places)
  if (!flags.plus && sign === '+') return pad(flags, size)
  const { width } = flags
  if (flags.zero && !flags.minus && width !== undefined && width > size.length + 1) {
    return sign + size.padStart(width - 1, '0')
  }
  return pad(flags, sign + size)
}

/** `#` keeps the point, and the zeros that `%g` would drop. */
function withPoint(text: string, verb: FloatVerb, precision: number): string {
  const hex = verb === 'x' || verb === 'X'
  const end = text.search(hex ? /[pP]|$/ : /[eEpP]|$/)
  let number = text.slice(0, end)
  const counts = verb === 'g' || verb === 'G' || verb === 'x'
  let missing = counts ? (precision < 0 ? 6 : precision) : 0
  missing -= number.replace('.', '').replace(/^0+/, '').length
  if (!number.includes('.')) {
    if (number === '0') missing--
    number += '.'
  }
  return number + '0'.repeat(Math.max(missing, 0)) + text.slice(end)
}

/** Numbers and characters of templates: all that one can be, as it depends on the place what it becomes. */
import { parseFloat64, parseInteger } from '../value/parse-number.ts'
import { quote, readChar } from '../value/quote.ts'
import { GoError } from '../value/value.ts'
import type { Token } from './token.ts'

/** What Go reads out of it; a kind that is not there can't hold it. */
export interface Numbers {
  readonly int?: bigint | undefined
  readonly uint?: bigint | undefined
  readonly float?: number | undefined
  readonly complex?: { readonly re: number; readonly im: number } | undefined
}

const MAX_INT = 2n ** 63n - 1n
const MIN_INT = -(2n ** 63n)
const MAX_UINT = 2n ** 64n - 1n

export function readNumber({ kind, text }: Token): Numbers {
  if (kind === 'character') return readCharacter(text)
  if (kind === 'complex') return readComplex(text)
  if (text.endsWith('i')) {
    const im = parseFloat64(text.slice(0, -1))
    if (typeof im === 'number') return fromComplex(0, im)
  }
  const whole = parseInteger(text)
  if (whole !== undefined) {
    const signed = /^[+-]/.test(text)
    const int = whole >= MIN_INT && whole <= MAX_INT ? whole : undefined
    const uint = (!signed && whole <= MAX_UINT) || whole === 0n ? whole : undefined
    if (int !== undefined || uint !== undefined) return { int, uint, float: Number(whole) }
  }
  const float = parseFloat64(text)
  if (typeof float !== 'number') throw new GoError(`illegal number syntax: ${quote(text)}`)
  if (!/[.eEpP]/.test(text)) throw new GoError(`integer overflow: ${quote(text)}`)
  return { float, ...wholeOf(float) }
}

/** A float that is whole is an integer as well, as far as there is one. */
function wholeOf(float: number): Numbers {
  if (!Number.isInteger(float)) return {}
  const whole = BigInt(float)
  return {
    int: whole >= MIN_INT && whole <= MAX_INT ? whole : undefined,
    uint: whole >= 0n && whole <= MAX_UINT ? whole : undefined,
  }
}

function readCharacter(text: string): Numbers {
  const char = readChar(text, 1, "'")
  if (char === undefined) throw new GoError('invalid syntax')
  if (text.slice(char.end) !== "'") throw new GoError(`malformed character constant: ${text}`)
  const code = BigInt(char.code)
  return { int: code, uint: code, float: char.code }
}

/** `1+2i` */
function readComplex(text: string): Numbers {
  const middle = Math.max(text.lastIndexOf('+'), text.lastIndexOf('-'))
  const split = /[eEpP]/.test(text[middle - 1] ?? '') ? text.slice(0, middle - 1) : text
  const at = Math.max(split.lastIndexOf('+'), split.lastIndexOf('-'))
  const re = parseFloat64(text.slice(0, at))
  const im = parseFloat64(text.slice(at, -1))
  if (typeof re !== 'number') throw new GoError(re.error)
  if (typeof im !== 'number') throw new GoError(im.error)
  return fromComplex(re, im)
}

function fromComplex(re: number, im: number): Numbers {
  return im === 0 ? { complex: { re, im }, float: re, ...wholeOf(re) } : { complex: { re, im } }
}

/** Numbers in text as Go's strconv reads them: in every base, with underscores. */
import { quote } from './quote.ts'

const INTEGER =
  /^[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/

/** Of any size; `0755` and `0o755` are octal. Undefined where it is none. */
export function parseInteger(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '').toLowerCase()
  const size = BigInt(/^0[0-9]/.test(digits) ? `0o${digits.slice(1)}` : digits)
  return text.startsWith('-') ? -size : size
}

const DECIMAL = /^[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?$/
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F_]*)\.?([0-9a-fA-F_]*)[pP]([+-]?[0-9][0-9_]*)$/
const SPECIAL = /^(?:([+-]?)inf(?:inity)?|nan)$/i

/** What strconv.ParseFloat gives, or its error. */
export function parseFloat64(text: string): number | { readonly error: string } {
  const complain = (reason: string) => ({
    error: `strconv.ParseFloat: parsing ${quote(text)}: ${reason}`,
  })
  const special = SPECIAL.exec(text)
  if (special !== null) {
    if (special[1] === undefined) return NaN
    return special[1] === '-' ? -Infinity : Infinity
  }
  if (text.includes('_') && !underscoresFit(text)) return complain('invalid syntax')
  const plain = text.replaceAll('_', '')
  const hex = HEXADECIMAL.exec(plain)
  let value: number
  if (hex !== null) {
    const [, sign, whole, fraction, exponent] = hex
    const digits = `${whole}${fraction}`
    if (digits === '') return complain('invalid syntax')
    value = fromHex(digits, Number(exponent) - 4 * fraction!.length)
    if (sign === '-') value = -value
  } else if (DECIMAL.test(plain)) {
    value = Number(plain)
  } else {
    return complain('invalid syntax')
  }
  return Number.isFinite(value) ? value : complain('value out of range')
}

/** They stand between digits, or between `0x` and a digit. */
function underscoresFit(text: string): boolean {
  const digits = /^[+-]?0x/i.test(text) ? '[0-9a-fA-FxX]' : '[0-9]'
  return !new RegExp(`(?<!${digits})_|_(?!${digits})`).test(text)
}

/** mantissa × 2^exponent, rounded once, to even. */
function fromHex(mantissa: string, exponent: number): number {
  let digits = BigInt(`0x${mantissa}`)
  if (digits === 0n) return 0
  const bits = digits.toString(2).length
  const top = exponent + bits
  if (top > 1025) return Infinity
  if (top < -1080) return 0
  // So many bits may stay: 53, fewer among the smallest numbers.
  const keep = Math.min(53, top + 1074)
  let scale = exponent
  if (keep < bits) {
    const drop = BigInt(bits - Math.max(keep, 0))
    const rest = digits & ((1n << drop) - 1n)
    const half = 1n << (drop - 1n)
    digits >>= drop
    if (rest > half || (rest === half && (digits & 1n) === 1n)) digits++
    scale += Number(drop)
  }
  const whole = Number(digits)
  return scale < -1000
    ? whole * 2 ** -1000 * 2 ** (scale + 1000)
    : whole * 2 ** Math.min(scale, 1000) * 2 ** Math.max(scale - 1000, 0)
}

/** Floats as Go's strconv writes them in a format and precision; the last digit is right to the last bit, halves go to even. */

export type FloatVerb = 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X'

/** Digits without leading zeros; the point is before the digit `point`. */
interface Digits {
  readonly digits: string
  readonly point: number
}

const FRACTION_BITS = 52n

/** With precision -1 as many digits as it takes to read the same number. */
export function floatText(value: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  const lower = verb.toLowerCase()
  const text = lower === 'b' ? binary(size) : lower === 'x' ? hex(size, precision) : decimal(size)
  return sign + (verb === lower ? text : text.toUpperCase())

  function decimal(of: number): string {
    if (lower === 'f') {
      const all = precision < 0 ? shortest(of) : exact(of)
      const places = precision < 0 ? Math.max(all.digits.length - all.point, 0) : precision
      return plain(precision < 0 ? all : rounded(all, all.point + precision), places)
    }
    if (lower === 'e') {
      const all = precision < 0 ? shortest(of) : rounded(exact(of), precision + 1)
      return exponential(all, precision < 0 ? all.digits.length - 1 : precision)
    }
    return general(of, precision)
  }
}

function general(size: number, precision: number): string {
  const wanted = precision === 0 ? 1 : precision
  const all = wanted < 0 ? shortest(size) : rounded(exact(size), wanted)
  const count = all.digits.length
  const limit = wanted < 0 ? 6 : wanted > count && count >= all.point ? count : wanted
  const exponent = all.point - 1
  if (exponent < -4 || exponent >= limit) {
    return exponential(all, (wanted < 0 || wanted > count ? count : wanted) - 1)
  }
  return plain(all, Math.max(count - all.point, 0))
}

function plain({ digits, point }: Digits, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  if (places <= 0) return whole
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`
}

function exponential({ digits, point }: Digits, places: number): string {
  const exponent = digits === '' ? 0 : point - 1
  const fraction = places > 0 ? `.${digits.slice(1, 1 + places).padEnd(places, '0')}` : ''
  const power = String(Math.abs(exponent)).padStart(2, '0')
  return `${digits[0] ?? '0'}${fraction}e${exponent < 0 ? '-' : '+'}${power}`
}

function shortest(size: number): Digits {
  if (size === 0) return { digits: '', point: 0 }
  const [mantissa, exponent] = size.toExponential().split('e')
  return { digits: mantissa!.replace('.', ''), point: Number(exponent) + 1 }
}

/** All digits that the number has: at most 767. */
function exact(size: number): Digits {
  if (size === 0) return { digits: '', point: 0 }
  const { mantissa, exponent } = split(size)
  const places = exponent < 0 ? -exponent : 0
  const scaled = exponent < 0 ? mantissa * 5n ** BigInt(places) : mantissa << BigInt(exponent)
  const digits = scaled.toString()
  return { digits: digits.replace(/0+$/, ''), point: digits.length - places }
}

/** To so many digits. */
function rounded(all: Digits, count: number): Digits {
  const { digits, point } = all
  if (count >= digits.length) return all
  if (count < 0) return { digits: '', point }
  const kept = digits.slice(0, count)
  const half = digits[count] === '5' && count + 1 === digits.length
  const up = half ? count > 0 && Number(kept[count - 1]) % 2 === 1 : digits[count]! >= '5'
  if (!up) return { digits: kept.replace(/0+$/, ''), point: kept === '' ? 0 : point }
  const raised = (BigInt(`0${kept}`) + 1n).toString().padStart(count, '0')
  return { digits: raised.replace(/0+$/, ''), point: point + raised.length - count }
}

/** mantissa × 2^exponent */
function split(size: number): { readonly mantissa: bigint; readonly exponent: number } {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, size)
  const bits = view.getBigUint64(0)
  const fraction = bits & ((1n << FRACTION_BITS) - 1n)
  const biased = Number(bits >> FRACTION_BITS)
  if (biased === 0) return { mantissa: fraction, exponent: -1074 }
  return { mantissa: fraction | (1n << FRACTION_BITS), exponent: biased - 1075 }
}

function binary(size: number): string {
  const { mantissa, exponent } = split(size)
  return `${mantissa}p${exponent >= 0 ? '+' : ''}${exponent}`
}

const HEX_DIGITS = 13

function hex(size: number, precision: number): string {
  let { mantissa, exponent } = split(size)
  if (mantissa !== 0n) {
    while (mantissa >> FRACTION_BITS === 0n) {
      mantissa <<= 1n
      exponent--
    }
    exponent += Number(FRACTION_BITS)
  } else {
    exponent = 0
  }
  if (precision >= 0 && precision < HEX_DIGITS) {
    const drop = BigInt(4 * (HEX_DIGITS - precision))
    const rest = mantissa & ((1n << drop) - 1n)
    const half = 1n << (drop - 1n)
    mantissa >>= drop
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= drop
    if (mantissa >> (FRACTION_BITS + 1n) !== 0n) {
      mantissa >>= 1n
      exponent++
    }
  }
  let fraction = (mantissa & ((1n << FRACTION_BITS) - 1n)).toString(16).padStart(HEX_DIGITS, '0')
  fraction = precision < 0 ? fraction.replace(/0+$/, '') : fraction.padEnd(precision, '0')
  if (precision >= 0) fraction = fraction.slice(0, precision)
  const power = String(Math.abs(exponent)).padStart(2, '0')
  const point = fraction === '' ? '' : `.${fraction}`
  return `0x${mantissa >> FRACTION_BITS}${point}p${exponent < 0 ? '-' : '+'}${power}`
}

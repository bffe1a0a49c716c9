/** Float arithmetic where JavaScript and C99 (which PromQL follows) differ. */
import { exp, log } from './exponential.ts'

/**
 * 1 to any power and -1 to an infinite one are 1, also for NaN. Whole powers are products, taken apart into mantissas
 * and exponents as in Go's library, so that they round alike.
 */
export function power(base: number, exponent: number): number {
  if (base === 1) return 1
  if (base === -1 && Math.abs(exponent) === Infinity) return 1
  const size = Math.abs(exponent)
  if (!(Math.abs(base) > 0) || !Number.isFinite(base) || !(size > 0 && size < 2 ** 31)) {
    return base ** exponent
  }
  if (exponent === 0.5) return Math.sqrt(base)
  if (exponent === -0.5) return 1 / Math.sqrt(base)
  let whole = Math.floor(size)
  let rest = size - whole
  if (rest !== 0 && base < 0) return NaN
  let mantissa = 1
  let binary = 0
  if (rest !== 0) {
    if (rest > 0.5) {
      rest--
      whole++
    }
    mantissa = exp(rest * log(base))
  }
  let square = split(base)
  for (; whole > 0; whole = Math.floor(whole / 2)) {
    // Far out of range already.
    if (Math.abs(square.exponent) > 4096) return base ** exponent
    if (whole % 2 === 1) {
      mantissa *= square.fraction
      binary += square.exponent
    }
    const next = square.fraction * square.fraction
    square =
      next < 0.5
        ? { fraction: next + next, exponent: 2 * square.exponent - 1 }
        : { fraction: next, exponent: 2 * square.exponent }
  }
  if (exponent < 0) {
    mantissa = 1 / mantissa
    binary = -binary
  }
  return scaled(mantissa, binary)
}

const scratch = new DataView(new ArrayBuffer(8))

/** A finite number other than 0 as a fraction in ±[0.5, 1) times a power of two. */
function split(value: number): { fraction: number; exponent: number } {
  // Subnormal numbers first get a mantissa of full length.
  const lift = Math.abs(value) < 2 ** -1022 ? 52 : 0
  scratch.setFloat64(0, value * 2 ** lift)
  const high = scratch.getUint32(0)
  const exponent = ((high >>> 20) & 0x7ff) - 1022
  scratch.setUint32(0, ((high & 0x800f_ffff) | (1022 << 20)) >>> 0)
  return { fraction: scratch.getFloat64(0), exponent: exponent - lift }
}

/** value · 2^exponent, rounded once. */
function scaled(value: number, exponent: number): number {
  if (exponent > 1023) return value * 2 ** 1023 * 2 ** Math.min(exponent - 1023, 1023)
  if (exponent >= -1021) return value * 2 ** exponent
  // Two steps would round twice; a mantissa at 2^-1021 leaves the rounding to the last one.
  const { fraction, exponent: own } = split(value)
  const left = exponent + own
  return left >= -1021 ? fraction * 2 ** left : fraction * 2 ** -1 * 2 ** Math.max(left + 1, -1074)
}

/** Exact for powers of two, and rounded as in Go's library. */
export function log2(value: number): number {
  if (!(value > 0) || value === Infinity) return Math.log2(value)
  const { fraction, exponent } = split(value)
  return fraction === 0.5 ? exponent - 1 : exponent + log(fraction) * Math.LOG2E
}

/** An infinity wins over NaN. */
export function maximum(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b)
}

export function minimum(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b)
}

/**
 * 2^x from a polynomial around the nearest whole number (the coefficients of FreeBSD's exp), which is what quantiles
 * of native histograms are made with; `2 ** x` rounds differently.
 */
export function exp2(x: number): number {
  if (Number.isNaN(x) || Math.abs(x) === Infinity) return 2 ** x
  if (x >= 1024) return Infinity
  if (x < -1074) return 0
  const whole = Math.trunc(x + (x > 0 ? 0.5 : x < 0 ? -0.5 : 0))
  const rest = x - whole
  const high = rest * 6.9314718036912381649e-1
  const low = -rest * 1.90821492927058770002e-10
  const r = high - low
  const t = r * r
  const polynomial =
    1.66666666666666657415e-1 +
    t *
      (-2.77777777770155933842e-3 +
        t *
          (6.61375632143793436117e-5 +
            t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8)))
  const c = r - t * polynomial
  return scaled(1 - (low - (r * c) / (2 - c) - high), whole)
}

/** Seconds of a duration, added up from whole and fractional part. */
export function durationSeconds(ms: number): number {
  return Math.trunc(ms / 1000) + ((ms % 1000) * 1e6) / 1e9
}

/** Shortest decimal digits without exponent: `1e21` is written out. */
export function formatPlain(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (!match) return text
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const shift = Number(exponent)
  const digits = whole + fraction
  const point = whole.length + shift
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits.padEnd(point, '0')
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** `%f`: six digits after the point. */
export function formatFixed(value: number): string {
  if (!Number.isFinite(value)) return formatPlain(value)
  if (Math.abs(value) < 1e21) return value.toFixed(6)
  return `${BigInt(value)}.000000`
}

/** `%g`: shortest digits, with an exponent of at least two digits below 1e-4 and from 1e6 on. */
export function formatGeneral(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const power10 = Number(exponent)
  if (power10 < -4 || power10 >= 6) {
    const digits = String(Math.abs(power10)).padStart(2, '0')
    return `${mantissa}e${power10 < 0 ? '-' : '+'}${digits}`
  }
  return formatPlain(value)
}

/** `%.2g`: at most two digits, with an exponent from 100 on. */
export function formatTwoDigits(value: number): string {
  const rounded = roundedToTwoDigits(value)
  if (!(Math.abs(rounded) >= 100) || rounded === Infinity) return formatGeneral(rounded)
  const [mantissa = '', exponent = ''] = rounded.toExponential().split('e+')
  return `${mantissa}e+${exponent.padStart(2, '0')}`
}

/** Halves go to the even digit, of the number as it exactly is. */
function roundedToTwoDigits(value: number): number {
  if (!Number.isFinite(value)) return value
  const [digits = '', exponent = '0'] = value.toExponential(60).split('e')
  const isHalf = /^-?\d\.\d50*$/.test(digits)
  const isEven = '02468'.includes(digits[digits.indexOf('.') + 1]!)
  if (!isHalf || !isEven) return Number(value.toPrecision(2))
  return Number(`${digits.slice(0, digits.indexOf('.') + 2)}e${exponent}`)
}

/** As OpenMetrics writes label values: whole numbers get `.0`. */
export function formatOpenMetrics(value: number): string {
  if (value === 1) return '1.0'
  if (value === 0) return '0.0'
  if (value === -1) return '-1.0'
  const text = formatGeneral(value)
  return /[.eN]|Inf/.test(text) ? text : `${text}.0`
}

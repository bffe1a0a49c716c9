/** Exponential and logarithm, and what is made of them, rounded as Go's library rounds them on a processor with FMA. */

const LOG2_E = Math.LOG2E
const LN2 = Math.LN2
/** ln 2 in two parts, the first of 42 bits, so that its products with small whole numbers are exact. */
const LN2_UPPER = 0.693147180559662956
const LN2_LOWER = 0.28235290563031577122588448175013436025525412068e-12
const EXP_OVERFLOW = 709.782712893384
/** Of the Taylor series, from the ninth power down. */
const EXP_TERMS = [
  1.984126984126984127e-4, 1.3888888888888888889e-3, 8.3333333333333333333e-3,
  4.1666666666666666667e-2, 1.6666666666666666667e-1, 0.5, 1,
]
const EXP_FIRST_TERM = 2.4801587301587301587e-5

/** A series around the nearest multiple of ln 2, at a sixteenth, then squared four times. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > EXP_OVERFLOW) return Infinity
  if (x < -800) return 0
  const binary = roundToEven(x * LOG2_E)
  let rest = fusedMultiplyAdd(-LN2_UPPER, binary, x)
  rest = fusedMultiplyAdd(-LN2_LOWER, binary, rest) * 0.0625
  let series = EXP_FIRST_TERM
  for (const term of EXP_TERMS) series = fusedMultiplyAdd(rest, series, term)
  // e^r - 1 of the double is (e^r - 1)(e^r - 1 + 2).
  let less1 = rest * series
  for (let i = 0; i < 3; i++) less1 *= less1 + 2
  const result = fusedMultiplyAdd(less1 + 2, less1, 1)
  if (binary + 1023 >= 2047) return Infinity
  if (binary + 1023 > 0) return result * powerOf2(binary)
  if (binary + 1023 < -52) return 0
  return result * powerOf2(binary + 1022) * 2 ** -1022
}

/** Exact for exponents of normal numbers. */
function powerOf2(exponent: number): number {
  return exponent > 1023 ? 2 ** 1023 * 2 : 2 ** exponent
}

function roundToEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1
  return down % 2 === 0 ? down : down + 1
}

/** a·b + c rounded once. For numbers whose parts neither overflow nor become subnormal. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b
  const productRest = productError(a, b, product)
  const low = c + productRest
  const lowRest = sumError(c, productRest, low)
  const high = product + low
  const highRest = sumError(product, low, high)
  const rest = highRest + lowRest
  const last = sumError(highRest, lowRest, rest)
  return high + roundedToOdd(rest, last)
}

const SPLITTER = 2 ** 27 + 1

/** What rounding took from a·b. */
function productError(a: number, b: number, product: number): number {
  const aScaled = a * SPLITTER
  const aHigh = aScaled - (aScaled - a)
  const aLow = a - aHigh
  const bScaled = b * SPLITTER
  const bHigh = bScaled - (bScaled - b)
  const bLow = b - bHigh
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)
}

/** What rounding took from a + b. */
function sumError(a: number, b: number, sum: number): number {
  const bPart = sum - a
  return a - (sum - bPart) + (b - bPart)
}

const odd = new Float64Array(1)
const oddBits = new BigUint64Array(odd.buffer)

/** A sum that was rounded to an even number although something is left moves to its odd neighbour on that side. */
function roundedToOdd(sum: number, error: number): number {
  if (error === 0) return sum
  odd[0] = sum
  const bits = oddBits[0]!
  if ((bits & 1n) === 1n) return sum
  oddBits[0] = error > 0 === sum > 0 ? bits + 1n : bits - 1n
  return odd[0]
}

const LN2_HIGH = 6.9314718036912381649e-1
const LN2_LOW = 1.90821492927058770002e-10
const LOG_TERMS = [
  6.66666666666673513e-1, 3.999999999940941908e-1, 2.857142874366239149e-1, 2.222219843214978396e-1,
  1.818357216161805012e-1, 1.531383769920937332e-1, 1.479819860511658591e-1,
] as const

const scratch = new DataView(new ArrayBuffer(8))

/** Natural logarithm: FreeBSD's series, always on a fraction in [√½, √2). */
export function log(x: number): number {
  if (!(x > 0) || x === Infinity) return Math.log(x)
  const lift = x < 2 ** -1022 ? 52 : 0
  scratch.setFloat64(0, x * 2 ** lift)
  const high = scratch.getUint32(0)
  let exponent = (high >>> 20) - 1022 - lift
  scratch.setUint32(0, (high & 0x000f_ffff) | (1022 << 20))
  let fraction = scratch.getFloat64(0)
  if (fraction < Math.SQRT1_2) {
    fraction *= 2
    exponent--
  }
  const f = fraction - 1
  const s = f / (2 + f)
  const s2 = s * s
  const s4 = s2 * s2
  const [l1, l2, l3, l4, l5, l6, l7] = LOG_TERMS
  const oddTerms = s2 * (l1 + s4 * (l3 + s4 * (l5 + s4 * l7)))
  const evenTerms = s4 * (l2 + s4 * (l4 + s4 * l6))
  const half = 0.5 * f * f
  return (
    exponent * LN2_HIGH - (half - (s * (half + (oddTerms + evenTerms)) + exponent * LN2_LOW) - f)
  )
}

export function log10(x: number): number {
  return log(x) * Math.LOG10E
}

export function sinh(value: number): number {
  const x = Math.abs(value)
  if (x > 21) return withSign(exp(x) * 0.5, value)
  if (x > 0.5) {
    const e = exp(x)
    return withSign((e - 1 / e) * 0.5, value)
  }
  // A quotient of polynomials of Hart & Cheney, number 2029.
  const s = value * value
  const above =
    ((-0.2630563213397497062819489e2 * s - 0.2894211355989563807284660366e4) * s -
      0.8991272022039509355398013511e5) *
      s -
    0.6307673640497716991184787251e6
  const below =
    ((s - 0.173678953558233699533450911e3) * s + 0.1521517378790019070696485176e5) * s -
    0.6307673640497716991212077277e6
  return (above * value) / below
}

export function cosh(value: number): number {
  const x = Math.abs(value)
  const e = exp(x)
  return x > 21 ? e * 0.5 : (e + 1 / e) * 0.5
}

export function tanh(value: number): number {
  const x = Math.abs(value)
  if (x > 0.5 * 8.8029691931113054295988e1) return Math.sign(value)
  if (x >= 0.625) return withSign(1 - 2 / (exp(2 * x) + 1), value)
  if (value === 0) return value
  const s = value * value
  const above =
    (-9.64399179425052238628e-1 * s - 9.92877231001918586564e1) * s - 1.61468768441708447952e3
  const below =
    ((s + 1.12811678491632931402e2) * s + 2.23548839060100448583e3) * s + 4.84406305325125486048e3
  return value + (value * s * above) / below
}

const NEAR_0 = 2 ** -28
const LARGE = 2 ** 28

export function asinh(value: number): number {
  const x = Math.abs(value)
  if (!(x < Infinity)) return value
  if (x < NEAR_0) return value
  if (x > LARGE) return withSign(log(x) + LN2, value)
  if (x > 2) return withSign(log(2 * x + 1 / (Math.sqrt(x * x + 1) + x)), value)
  return withSign(Math.log1p(x + (x * x) / (1 + Math.sqrt(1 + x * x))), value)
}

export function acosh(x: number): number {
  if (!(x >= 1)) return NaN
  if (x >= LARGE) return log(x) + LN2
  if (x > 2) return log(2 * x - 1 / (x + Math.sqrt(x * x - 1)))
  const t = x - 1
  return Math.log1p(t + Math.sqrt(2 * t + t * t))
}

export function atanh(value: number): number {
  const x = Math.abs(value)
  if (!(x < 1) || x < NEAR_0) return x < 1 ? value : Math.atanh(value)
  const double = x + x
  const result =
    x < 0.5 ? Math.log1p(double + (double * x) / (1 - x)) : Math.log1p(double / (1 - x))
  return withSign(0.5 * result, value)
}

function withSign(size: number, value: number): number {
  return value < 0 ? -size : size
}

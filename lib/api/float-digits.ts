/**
 * The shortest digits that read back as the same double, without making a string: what most numbers of an answer take.
 *
 * `v·10^k` is split into an integer of 17 digits and an exact rest, as two doubles (Dekker's product). Rounding it to 15 or
 * 16 digits gives the answer when the error is below half the distance to the next double, and otherwise all 17 do.
 */

/** Below this the errors would not be exact. */
const LOWEST = 1e-3
const HIGHEST = 1e16
const POINT = 0x2e
const ZERO = 0x30

/** 2^27 + 1 cuts a double into halves whose products are exact. */
const SPLITTER = 134217729
/** Powers that are doubles exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`))
const POWER_HIGHS = POWERS.map((power) => highHalf(power))
/** Half the distance between doubles of a biased exponent. */
const HALF_DISTANCES = Float64Array.from({ length: 1100 }, (_, biased) => 2 ** (biased - 1076))
/** The decimal exponent of the smallest number of a binary one. */
const EXPONENTS = Int8Array.from({ length: 1100 }, (_, biased) =>
  Math.floor((biased - 1023) * Math.LOG10E * Math.LN2),
)
/** Both digits of each number below 100. */
const PAIRS = Uint8Array.from(
  Array.from({ length: 100 }, (_, i) => [ZERO + Math.floor(i / 10), ZERO + (i % 10)]).flat(),
)

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)

function highHalf(value: number): number {
  const scaled = value * SPLITTER
  return scaled - (scaled - value)
}

/**
 * Writes a positive number as plain digits and gives the end; −1 for those that need more thought: very large and very
 * small ones, powers of two and ties.
 */
export function writeDigits(bytes: Uint8Array, at: number, value: number): number {
  if (!(value >= LOWEST && value < HIGHEST)) return -1
  float[0] = value
  const top = words[1]!
  if (words[0] === 0 && (top & 0xfffff) === 0) return -1
  const biased = top >>> 20
  let exponent = EXPONENTS[biased]!
  if (exponent < 0 ? value * POWERS[-exponent - 1]! >= 1 : value >= POWERS[exponent + 1]!)
    exponent++
  const scale = POWERS[16 - exponent]!
  const scaleHigh = POWER_HIGHS[16 - exponent]!
  const scaleLow = scale - scaleHigh
  const valueHigh = highHalf(value)
  const valueLow = value - valueHigh
  const product = value * scale
  const rest =
    valueHigh * scaleHigh -
    product +
    valueHigh * scaleLow +
    valueLow * scaleHigh +
    valueLow * scaleLow
  // Eight digits and nine, and what is below them.
  const whole = Math.floor(rest)
  const part = rest - whole
  let left = Math.floor(product / 1e9)
  let right = product - left * 1e9 + whole
  if (right < 0) {
    left--
    right += 1e9
  } else if (right >= 1e9) {
    left++
    right -= 1e9
  }
  if (left < 1e7 || left >= 1e8) return -1
  const room = HALF_DISTANCES[biased]! * scale
  const above15 = right - Math.floor(right * 0.01) * 100 + part
  const above16 = right - Math.floor(right * 0.1) * 10 + part
  const error15 = 50 - Math.abs(above15 - 50)
  const error16 = 5 - Math.abs(above16 - 5)
  if (error15 === room || error16 === room || error16 === 5 || part === 0.5) return -1
  if (error15 < room) right = Math.floor((right + 50) * 0.01) * 100
  else if (error16 < room) right = Math.floor((right + 5) * 0.1) * 10
  else right += Math.floor(part + 0.5)
  if (right >= 1e9) {
    left++
    right -= 1e9
    if (left === 1e8) return -1
  }
  return layOut(bytes, at, left, right, exponent)
}

/** `high` has eight digits and `low` nine; the first of them counts 10^exponent. */
function layOut(
  bytes: Uint8Array,
  start: number,
  high: number,
  low: number,
  exponent: number,
): number {
  let at = start
  if (exponent < 0) {
    bytes[at] = ZERO
    bytes[at + 1] = POINT
    at += 2
    for (let i = -1; i > exponent; i--) bytes[at++] = ZERO
  } else {
    // Room for the point.
    at++
  }
  const digits = at
  const upper = Math.floor(high * 1e-4)
  writeFour(bytes, at, upper)
  writeFour(bytes, at + 4, high - upper * 10000)
  let end = at + 8
  if (low !== 0) {
    const middle = Math.floor(low * 1e-5)
    const bottom = low - middle * 100000
    const tens = Math.floor(bottom * 0.1)
    writeFour(bytes, at + 8, middle)
    writeFour(bytes, at + 12, tens)
    bytes[at + 16] = ZERO + bottom - tens * 10
    end = at + 17
  }
  while (bytes[end - 1] === ZERO) end--
  if (exponent < 0) return end
  // The digits before the point move over to make room for it.
  const point = digits + exponent
  for (let i = digits; i <= point; i++) bytes[i - 1] = i < end ? bytes[i]! : ZERO
  if (end <= point + 1) return point
  bytes[point] = POINT
  return end
}

/** Four digits. */
function writeFour(bytes: Uint8Array, at: number, value: number): void {
  const whole = value | 0
  const first = (whole * 5243) >> 19
  const second = whole - first * 100
  bytes[at] = PAIRS[2 * first]!
  bytes[at + 1] = PAIRS[2 * first + 1]!
  bytes[at + 2] = PAIRS[2 * second]!
  bytes[at + 3] = PAIRS[2 * second + 1]!
}

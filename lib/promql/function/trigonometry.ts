/** Sine, tangent and their inverses with the polynomials of the Cephes library, rounded as Go's library rounds them. */

/** π/4 in three parts, the first two short, so that their products with small whole numbers are exact. */
const QUARTER_A = 7.85398125648498535156e-1
const QUARTER_B = 3.77489470793079817668e-8
const QUARTER_C = 2.69515142907905952645e-15

/** From here on the three parts are not enough. */
const FAR = 2 ** 29

/** Octant, even, and what is left of the angle: in [-π/4, π/4]. One object, written again by each call. */
const reduced = { octant: 0, rest: 0 }

function reduce(x: number): void {
  if (x >= FAR) {
    reduceFar(x)
    return
  }
  let octant = Math.floor(x * (4 / Math.PI))
  if (octant % 2 === 1) octant++
  reduced.rest = x - octant * QUARTER_A - octant * QUARTER_B - octant * QUARTER_C
  reduced.octant = octant % 8
}

/** The bits of 4/π: 64 of them before the point. */
const FOUR_OVER_PI = BigInt(
  '0x' +
    '0000000000000001' +
    '45f306dc9c882a53f84eafa3ea69bb81b6c52b3278872083fca2c757bd778ac3' +
    '6e48dc74849ba5c00c925dd413a32439fc3bd63962534e7dd1046bea5d768909' +
    'd338e04d68befc827323ac7306a673e93908bf177bf250763ff12fffbc0b301f' +
    'de5e2316b414da3eda6cfd9e4f96136e9e8c7ecd3cbfd45aea4f758fd7cbe2f6' +
    '7a0e73ef14a525d4d7f6bf623f1aba10ac06608df8f6d757',
)
const FOUR_OVER_PI_BITS = 20 * 64
const scratch = new DataView(new ArrayBuffer(8))

/** Payne and Hanek: only those bits of 4/π matter that stay below 8 when multiplied. */
function reduceFar(x: number): void {
  scratch.setFloat64(0, x)
  const bits = scratch.getBigUint64(0)
  const exponent = Number(bits >> 52n) - 1023 - 52
  const mantissa = (bits & 0xf_ffff_ffff_ffffn) | (1n << 52n)
  const window = BigInt.asUintN(
    192,
    FOUR_OVER_PI >> BigInt(FOUR_OVER_PI_BITS - (exponent + 61) - 192),
  )
  const product = BigInt.asUintN(128, (mantissa * window) >> 64n)
  let octant = Number(product >> 125n)
  const low = BigInt.asUintN(64, product)
  const high = BigInt.asUintN(64, product >> 61n)
  const zeros = 64 - high.toString(2).length + 1
  // Go fills up with the low word as it is and not where it continues; below a 4096th of an octant that shows.
  const filled = BigInt.asUintN(64, high << BigInt(zeros)) | (low >> BigInt(64 - zeros))
  scratch.setBigUint64(0, (BigInt(1023 - zeros) << 52n) | (filled >> 12n))
  let rest = scratch.getFloat64(0)
  if (octant % 2 === 1) {
    octant = (octant + 1) % 8
    rest--
  }
  reduced.octant = octant
  reduced.rest = rest * (Math.PI / 4)
}

function sinePolynomial(z: number): number {
  const s = z * z
  const p =
    ((((1.5896230157654656806e-10 * s - 2.50507477628578072866e-8) * s +
      2.75573136213857245213e-6) *
      s -
      1.98412698295895385996e-4) *
      s +
      8.33333333332211858878e-3) *
      s -
    1.66666666666666307295e-1
  return z + z * s * p
}

function cosinePolynomial(z: number): number {
  const s = z * z
  const p =
    ((((-1.135853652138768173e-11 * s + 2.08757008419747316778e-9) * s -
      2.75573141792967388112e-7) *
      s +
      2.48015872888517045348e-5) *
      s -
      1.38888888888730564116e-3) *
      s +
    4.16666666666665929218e-2
  return 1 - 0.5 * s + s * s * p
}

export function sin(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x === 0 ? x : NaN
  reduce(Math.abs(x))
  const { octant, rest } = reduced
  const size = octant % 4 === 2 ? cosinePolynomial(rest) : sinePolynomial(rest)
  return x < 0 !== octant > 3 ? -size : size
}

export function cos(x: number): number {
  if (!Number.isFinite(x)) return NaN
  reduce(Math.abs(x))
  const { octant, rest } = reduced
  const size = octant % 4 === 2 ? sinePolynomial(rest) : cosinePolynomial(rest)
  return octant === 2 || octant === 4 ? -size : size
}

export function tan(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x === 0 ? x : NaN
  reduce(Math.abs(x))
  const { octant, rest: z } = reduced
  const s = z * z
  let size = z
  if (s > 1e-14) {
    const above =
      (-1.30936939181383777646e4 * s + 1.1535166483858741614e6) * s - 1.79565251976484877988e7
    const below =
      (((s + 1.36812963470692954678e4) * s - 1.32089234440210967447e6) * s +
        2.50083801823357915839e7) *
        s -
      5.38695755929454629881e7
    size = z + z * ((s * above) / below)
  }
  if (octant % 4 === 2) size = -1 / size
  return x < 0 ? -size : size
}

const HALF_PI = Math.PI / 2
/** What π/2 has beyond its float. */
const HALF_PI_MORE = 6.12323399573676588613e-17
const TAN_3_EIGHTHS = 2.4142135623730950488

/** For 0 to 0.66. */
function smallAtan(x: number): number {
  const z = x * x
  const above =
    (((-8.750608600031904122785e-1 * z - 1.615753718733365076637e1) * z -
      7.50085579231470466734e1) *
      z -
      1.22886668449013617341e2) *
      z -
    6.485021904942025371773e1
  const below =
    ((((z + 2.485846490142306297962e1) * z + 1.650270098316988542046e2) * z +
      4.328810604912902668951e2) *
      z +
      4.853903996359136964868e2) *
      z +
    1.945506571482613964425e2
  return x * ((z * above) / below) + x
}

function positiveAtan(x: number): number {
  if (x <= 0.66) return smallAtan(x)
  if (x > TAN_3_EIGHTHS) return HALF_PI - smallAtan(1 / x) + HALF_PI_MORE
  return Math.PI / 4 + smallAtan((x - 1) / (x + 1)) + 0.5 * HALF_PI_MORE
}

export function atan(x: number): number {
  if (x === 0) return x
  return x > 0 ? positiveAtan(x) : -positiveAtan(-x)
}

export function asin(value: number): number {
  if (value === 0) return value
  const x = Math.abs(value)
  if (!(x <= 1)) return NaN
  const leg = Math.sqrt(1 - x * x)
  const angle = x > 0.7 ? HALF_PI - positiveAtan(leg / x) : positiveAtan(x / leg)
  return value < 0 ? -angle : angle
}

export function acos(x: number): number {
  return HALF_PI - asin(x)
}

export function atan2(y: number, x: number): number {
  const special = y === 0 || x === 0 || !Number.isFinite(x) || !Number.isFinite(y)
  if (special) return Math.atan2(y, x)
  const angle = atan(y / x)
  if (x > 0) return angle
  return angle <= 0 ? angle + Math.PI : angle - Math.PI
}

/** Functions from float to float, and their parameters where they have some. */
import { log10, log2, maximum, minimum } from './float-math.ts'

export const MATH_FUNCTIONS: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  ceil: Math.ceil,
  cos: Math.cos,
  cosh: Math.cosh,
  deg: (value) => (value * 180) / Math.PI,
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log10,
  log2,
  rad: (value) => (value * Math.PI) / 180,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
}

/** With scalar parameters of the step; undefined gives nothing. */
export const PARAMETER_FUNCTIONS: Readonly<
  Record<string, (value: number, a: number, b: number) => number | undefined>
> = {
  clamp: (value, low, high) => (high < low ? undefined : maximum(low, minimum(high, value))),
  clamp_max: (value, high) => maximum(-Infinity, minimum(high, value)),
  clamp_min: (value, low) => maximum(low, minimum(Infinity, value)),
  // Through the inverse, as Prometheus does for fewer rounding errors.
  round: (value, nearest) => {
    const inverse = 1 / nearest
    return Math.floor(value * inverse + 0.5) / inverse
  },
}

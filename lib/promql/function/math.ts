/** Functions from float to float, and their parameters where they have some. */
import { acosh, asinh, atanh, cosh, exp, log, log10, sinh, tanh } from './exponential.ts'
import { log2, maximum, minimum } from './float-math.ts'
import { acos, asin, atan, cos, sin, tan } from './trigonometry.ts'

export const MATH_FUNCTIONS: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  ceil: Math.ceil,
  cos,
  cosh,
  deg: (value) => (value * 180) / Math.PI,
  exp,
  floor: Math.floor,
  ln: log,
  log10,
  log2,
  rad: (value) => (value * Math.PI) / 180,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin,
  sinh,
  sqrt: Math.sqrt,
  tan,
  tanh,
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

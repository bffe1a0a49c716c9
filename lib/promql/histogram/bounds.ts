/** Where the buckets of native histograms begin and end. */
import { CUSTOM_BUCKETS_SCHEMA } from '#lib/model/histogram.ts'

const HIGHEST_SCHEMA = 8

export function isExponentialSchema(schema: number): boolean {
  return schema >= -4 && schema <= HIGHEST_SCHEMA
}

let fractions: Float64Array | undefined

const BITS = 200n

/**
 * Prometheus's table of bounds is not correctly rounded: how many units of the last place entry i is off,
 * 'e' for none, letters before it for less.
 */
const ROUNDING =
  'eeeeeedeeedeeeeeeedceeddddddddddeedeeedeedddeeddeeddefddeeddeedd' +
  'eeeeeeddddccdecdeedeeedeeeedeeeeeeedefeedecceeddedddeededeccdddd' +
  'dededdccddcddeddddddddcdcdcccdcceeddeededdccdeccddccdeddcdccddcd' +
  'ddbcddcdccbcccbcccccccbbbbaabcabddcddccccdbbddcccdbcddccccabccbb'

/** 2^(i/256)/2 for i < 256, as Prometheus has it. */
function boundFractions(): Float64Array {
  if (fractions) return fractions
  const size = 2 ** HIGHEST_SCHEMA
  fractions = new Float64Array(size)
  let step = 2n << BITS
  for (let k = 0; k < HIGHEST_SCHEMA; k++) step = integerRoot(step << BITS)
  let bound = 1n << (BITS - 1n)
  for (let i = 0; i < size; i++) {
    // All are in [0.5, 1), where a unit of the last place is 2^-53.
    const units = ROUNDING.charCodeAt(i) - 101
    fractions[i] = Number(bound >> (BITS - 120n)) / 2 ** 120 + units / 2 ** 53
    bound = (bound * step) >> BITS
  }
  return fractions
}

function integerRoot(n: bigint): bigint {
  let x = 1n << BigInt((n.toString(16).length * 4 + 1) >> 1)
  for (;;) {
    const next = (x + n / x) >> 1n
    if (next >= x) return x
    x = next
  }
}

/** Upper bound of exponential bucket `index`. The last finite one ends at the largest double. */
export function exponentialBound(index: number, schema: number): number {
  if (schema < 0) {
    const exponent = index * 2 ** -schema
    return exponent === 1024 ? Number.MAX_VALUE : 2 ** exponent
  }
  const perPower = 2 ** schema
  const power = Math.floor(index / perPower)
  const within = index - power * perPower
  if (within === 0 && power === 1024) return Number.MAX_VALUE
  const fraction = boundFractions()[within * 2 ** (HIGHEST_SCHEMA - schema)]!
  return fraction * 2 * 2 ** power
}

/** Upper bound of positive bucket `index`; index −1 of custom buckets is the lower end. */
export function bucketBound(index: number, schema: number, customValues: Float64Array): number {
  if (schema !== CUSTOM_BUCKETS_SCHEMA) return exponentialBound(index, schema)
  if (index < 0) return -Infinity
  return index >= customValues.length ? Infinity : customValues[index]!
}

/** The bucket of a coarser schema that holds bucket `index`. */
export function coarserIndex(index: number, schema: number, target: number): number {
  return ((index - 1) >> (schema - target)) + 1
}

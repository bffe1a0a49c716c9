/** Numbers as people read them. Each takes a float, an integer, a duration, or text with a number. */
import { floatText } from '../print/float-text.ts'
import { DURATION, durationSeconds } from '../time/duration.ts'
import { parseFloat64 } from '../value/parse-number.ts'
import {
  ANY,
  FLOAT64,
  GoError,
  INT,
  INT64,
  STRING,
  UINT64,
  string,
  type Callable,
  type Value,
} from '../value/value.ts'
import { fn } from './callable.ts'

export function toFloat(value: Value | undefined): number {
  switch (value?.type) {
    case FLOAT64:
      return value.data as number
    case STRING: {
      const parsed = parseFloat64(value.data as string)
      if (typeof parsed !== 'number') throw new GoError(parsed.error)
      return parsed
    }
    case INT:
    case INT64:
    case UINT64:
      return Number(value.data)
    case DURATION:
      return durationSeconds(value)
    default:
      throw new GoError(`can't convert ${value?.type.name ?? '<nil>'} to float`)
  }
}

/** Go's `%.4g` */
export function fourDigits(value: number): string {
  return floatText(value, 'g', 4)
}

const LARGE = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const SMALL = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']
const LARGE_1024 = LARGE.map((prefix) => `${prefix}i`)

/** Divided until it is below `base`, as long as there are prefixes. */
function shrunk(value: number, base: number, prefixes: readonly string[]): string {
  let rest = value
  let used = ''
  for (const prefix of prefixes) {
    if (Math.abs(rest) < base) break
    used = prefix
    rest /= base
  }
  return fourDigits(rest) + used
}

function grown(value: number): string {
  let rest = value
  let used = ''
  for (const prefix of SMALL) {
    if (Math.abs(rest) >= 1) break
    used = prefix
    rest *= 1000
  }
  return fourDigits(rest) + used
}

function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return fourDigits(value)
  return Math.abs(value) >= 1 ? shrunk(value, 1000, LARGE) : grown(value)
}

function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return fourDigits(value)
  return shrunk(value, 1024, LARGE_1024)
}

function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return fourDigits(value)
  if (value === 0) return `${fourDigits(value)}s`
  if (Math.abs(value) < 1) return `${grown(value)}s`
  const sign = value < 0 ? '-' : ''
  const size = Math.abs(value)
  const whole = toInt64(size)
  const seconds = `${whole % 60n}s`
  const minutes = `${(whole / 60n) % 60n}m`
  const hours = `${(whole / 3600n) % 24n}h`
  const days = whole / 86_400n
  if (days !== 0n) return `${sign}${days}d ${hours} ${minutes} ${seconds}`
  if (hours !== '0h') return `${sign}${hours} ${minutes} ${seconds}`
  if (minutes !== '0m') return `${sign}${minutes} ${seconds}`
  return `${sign}${fourDigits(size)}s`
}

/** As the processors do that Prometheus mostly runs on: the least integer for all that is none. */
export function toInt64(value: number): bigint {
  const fits = value >= -(2 ** 63) && value < 2 ** 63
  return fits ? BigInt(Math.trunc(value)) : -(2n ** 63n)
}

function ofNumber(show: (value: number) => string): Callable {
  return fn([ANY], (value) => string(show(toFloat(value))))
}

export const HUMANIZE_FUNCTIONS: ReadonlyMap<string, Callable> = new Map([
  ['humanize', ofNumber(humanize)],
  ['humanize1024', ofNumber(humanize1024)],
  ['humanizeDuration', ofNumber(humanizeDuration)],
  ['humanizePercentage', ofNumber((value) => `${fourDigits(value * 100)}%`)],
])

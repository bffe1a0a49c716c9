/** toTime and humanizeTimestamp: seconds since 1970 as a time. */
import { floatText } from '../print/float-text.ts'
import { fn } from '../functions/callable.ts'
import { fourDigits, toFloat, toInt64 } from '../functions/humanize.ts'
import { ANY, GoError, string, type Callable } from '../value/value.ts'
import { TIME, timePointer } from './time.ts'
import type { Value } from '../value/value.ts'

/** To the millisecond, as all times of Prometheus. */
function toTime(seconds: number): Value {
  if (!Number.isFinite(seconds)) throw new GoError('value is NaN or Inf')
  const nanoseconds = seconds * 1e9
  if (Math.abs(nanoseconds) > 2 ** 63) {
    const shown = floatText(seconds, 'g', -1)
    throw new GoError(
      `${shown} cannot be represented as a nanoseconds timestamp since it overflows int64`,
    )
  }
  return timePointer((toInt64(nanoseconds) / 1_000_000n) * 1_000_000n)
}

function humanizeTimestamp(seconds: number): string {
  if (!Number.isFinite(seconds)) return fourDigits(seconds)
  return TIME.show!(toTime(seconds))
}

export const timeFunctions: ReadonlyMap<string, Callable> = new Map([
  ['toTime', fn([ANY], (value) => toTime(toFloat(value)))],
  ['humanizeTimestamp', fn([ANY], (value) => string(humanizeTimestamp(toFloat(value))))],
])

/** Go's time.Duration: nanoseconds in 64 bits. */
import {
  INT64,
  float,
  pointerTo,
  string,
  type Callable,
  type GoType,
  type Value,
} from '../value/value.ts'

const SECOND = 1_000_000_000n
const MINUTE = 60n * SECOND
const HOUR = 60n * MINUTE
const MAX = 2n ** 63n - 1n
const MIN = -(2n ** 63n)

const methods = new Map<string, Callable>()

export const DURATION: GoType = {
  kind: 'int64',
  name: 'time.Duration',
  methods,
  show: (value) => durationText(value.data as bigint),
}
const DURATION_POINTER = pointerTo(DURATION)

export function duration(nanoseconds: bigint): Value {
  return { type: DURATION, data: nanoseconds }
}

export function durationPointer(nanoseconds: bigint): Value {
  return { type: DURATION_POINTER, data: duration(nanoseconds) }
}

export function durationSeconds(value: Value): number {
  return inUnits(value, SECOND)
}

/** Whole units and the rest are divided apart, as Go does it. */
function inUnits({ data }: Value, unit: bigint): number {
  const all = data as bigint
  return Number(all / unit) + Number(all % unit) / Number(unit)
}

/** `1h2m3.5s`; below a second in the largest unit that fits. */
function durationText(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : ''
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  if (size === 0n) return '0s'
  if (size < 1_000n) return `${sign}${size}ns`
  if (size < 1_000_000n) return `${sign}${decimal(size, 3)}\xc2\xb5s`
  if (size < SECOND) return `${sign}${decimal(size, 6)}ms`
  const seconds = `${decimal(size % MINUTE, 9)}s`
  if (size < MINUTE) return sign + seconds
  const minutes = `${(size / MINUTE) % 60n}m${seconds}`
  return size < HOUR ? sign + minutes : `${sign}${size / HOUR}h${minutes}`
}

/** With the point before the last `places` digits, without zeros at the end. */
function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return digits.slice(0, -places) + (fraction === '' ? '' : `.${fraction}`)
}

export function saturated(nanoseconds: bigint): bigint {
  return nanoseconds > MAX ? MAX : nanoseconds < MIN ? MIN : nanoseconds
}

/** To a multiple of `by`, halves away from zero. */
function rounded(value: bigint, by: bigint): bigint {
  if (by <= 0n) return value
  const rest = value % by
  const size = rest < 0n ? -rest : rest
  if (size * 2n < by) return value - rest
  return saturated(value < 0n ? value - rest - by : value - rest + by)
}

function method(params: readonly GoType[], call: (self: bigint, arg: bigint) => Value): Callable {
  return {
    params,
    call: (self, arg) => call(numberOf(self!), arg === undefined ? 0n : numberOf(arg)),
  }
}

function numberOf(value: Value): bigint {
  return (value.type.kind === 'pointer' ? (value.data as Value).data : value.data) as bigint
}

for (const [name, callable] of Object.entries({
  String: method([], (self) => string(durationText(self))),
  Nanoseconds: method([], (self) => ({ type: INT64, data: self })),
  Microseconds: method([], (self) => ({ type: INT64, data: self / 1_000n })),
  Milliseconds: method([], (self) => ({ type: INT64, data: self / 1_000_000n })),
  Seconds: method([], (self) => float(inUnits(duration(self), SECOND))),
  Minutes: method([], (self) => float(inUnits(duration(self), MINUTE))),
  Hours: method([], (self) => float(inUnits(duration(self), HOUR))),
  Abs: method([], (self) => duration(self < 0n ? saturated(-self) : self)),
  Round: method([DURATION], (self, by) => duration(rounded(self, by))),
  Truncate: method([DURATION], (self, by) => duration(by <= 0n ? self : self - (self % by))),
})) {
  methods.set(name, callable)
}

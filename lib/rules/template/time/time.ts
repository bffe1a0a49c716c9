/** Go's time.Time as templates meet it: always in UTC, though it may call its place Local. */
import {
  BYTE_SLICE,
  INT,
  INT64,
  STRING,
  UINT64,
  UINT8,
  bool,
  int,
  pointerTo,
  sliceOf,
  string,
  ANY,
  type Callable,
  type GoType,
  type Value,
} from '../value/value.ts'
import { clockOf, DAY, daysTo, floorDivide, MONTHS, SECOND } from './calendar.ts'
import { LOCAL, LOCATION_POINTER, locationName, MONTH, UTC, WEEKDAY } from './names.ts'
import { DURATION, duration, saturated } from './duration.ts'
import { formatTime } from './layout.ts'

/** Since 1970; `local` is the name of the place only. */
interface Moment {
  readonly nanoseconds: bigint
  readonly local: boolean
}

/** Where Go counts from: the first of January of the year 1. */
const ZERO = -62_135_596_800n * SECOND

const STRING_LAYOUT = '2006-01-02 15:04:05.999999999 -0700 MST'
const RFC3339_NANO = '2006-01-02T15:04:05.999999999Z07:00'

const methods = new Map<string, Callable>()

export const TIME: GoType = {
  kind: 'struct',
  name: 'time.Time',
  comparable: true,
  methods,
  show: (self) => shownAs(self, STRING_LAYOUT),
  showGo: goText,
  fields: [
    {
      name: 'wall',
      type: UINT64,
      get: (self) => ({ type: UINT64, data: BigInt(clock(self).nanosecond) }),
    },
    {
      name: 'ext',
      type: INT64,
      get: (self) => ({ type: INT64, data: floorDivide(moment(self).nanoseconds - ZERO, SECOND) }),
    },
    {
      name: 'loc',
      type: LOCATION_POINTER,
      get: (self) => (moment(self).local ? LOCAL : { type: LOCATION_POINTER, data: undefined }),
    },
  ],
}
const TIME_POINTER = pointerTo(TIME)

export function timePointer(nanoseconds: bigint): Value {
  return { type: TIME_POINTER, data: time(nanoseconds) }
}

function time(nanoseconds: bigint, local = false): Value {
  return { type: TIME, data: { nanoseconds, local } satisfies Moment }
}

/** Methods may be called on a time or a pointer to one. */
function moment(self: Value): Moment {
  return (self.type === TIME ? self.data : (self.data as Value).data) as Moment
}

function clock(self: Value): ReturnType<typeof clockOf> {
  return clockOf(moment(self).nanoseconds)
}

function shownAs(self: Value, layout: string): string {
  return formatTime(moment(self).nanoseconds, layout)
}

function goText(self: Value): string {
  const { year, month, day, hour, minute, second, nanosecond } = clock(self)
  const place = moment(self).local ? 'time.Local' : 'time.UTC'
  const numbers = [day, hour, minute, second, nanosecond].join(', ')
  return `time.Date(${year}, time.${MONTHS[month - 1]}, ${numbers}, ${place})`
}

function bytes(text: string): Value {
  return sliceOf(
    BYTE_SLICE,
    Array.from(text, (char) => ({ type: UINT8, data: BigInt(char.charCodeAt(0)) })),
  )
}

/** The same place, another moment. */
function moved(self: Value, nanoseconds: bigint): Value {
  return time(nanoseconds, moment(self).local)
}

function addDate(self: Value, years: Value, months: Value, days: Value): Value {
  const { year, month, day } = clock(self)
  const inDay = moment(self).nanoseconds - floorDivide(moment(self).nanoseconds, DAY) * DAY
  const numbers = [years, months, days].map(({ data }) => Number(data))
  const to = daysTo(year + numbers[0]!, month + numbers[1]!, 1) + day + numbers[2]! - 1
  return moved(self, BigInt(to) * DAY + inDay)
}

function truncated(self: Value, by: Value, rounds: boolean): Value {
  const unit = by.data as bigint
  const at = moment(self).nanoseconds
  if (unit <= 0n) return moved(self, at)
  const rest = at - ZERO - floorDivide(at - ZERO, unit) * unit
  return moved(self, rounds && rest * 2n >= unit ? at + unit - rest : at - rest)
}

function compared(a: Value, b: Value): number {
  const difference = moment(a).nanoseconds - moment(b).nanoseconds
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function since1970(unit: bigint): Callable {
  return of([], (self) => ({
    type: INT64,
    data: BigInt.asIntN(64, floorDivide(moment(self).nanoseconds, unit)),
  }))
}

function part(get: (at: ReturnType<typeof clockOf>) => number, type = INT): Callable {
  return of([], (self) => ({ type, data: BigInt(get(clock(self))) }))
}

function of(params: readonly GoType[], call: (self: Value, ...args: Value[]) => Value): Callable {
  return { params, call: call as Callable['call'] }
}

function refused(why: string, params: readonly GoType[] = []): Callable {
  return { params, refused: why, call: () => undefined }
}

function secondResult(name: string, type: string): Callable {
  return refused(
    `invalid function signature for ${name}: second return value should be error; is ${type}`,
  )
}

function tooMany(name: string): Callable {
  return refused(`function ${name} has 3 return values; should be 1 or 2`)
}

function notSupported(name: string): [string, Callable] {
  const why = `method ${name} of times is not supported in templates`
  return [name, { params: [ANY], variadic: true, refused: why, call: () => undefined }]
}

const ALL: readonly (readonly [string, Callable])[] = [
  [
    'Add',
    of([DURATION], (self, by) => moved(self, moment(self).nanoseconds + (by.data as bigint))),
  ],
  [
    'AddDate',
    of([INT, INT, INT], (self, years, months, days) => addDate(self, years, months, days)),
  ],
  ['After', of([TIME], (self, other) => bool(compared(self, other) > 0))],
  ['Before', of([TIME], (self, other) => bool(compared(self, other) < 0))],
  ['Clock', tooMany('Clock')],
  ['Compare', of([TIME], (self, other) => int(compared(self, other)))],
  ['Date', tooMany('Date')],
  ['Day', part(({ day }) => day)],
  ['Equal', of([TIME], (self, other) => bool(compared(self, other) === 0))],
  ['Format', of([STRING], (self, layout) => string(shownAs(self, layout.data as string)))],
  ['GoString', of([], (self) => string(goText(self)))],
  ['Hour', part(({ hour }) => hour)],
  ['ISOWeek', secondResult('ISOWeek', 'int')],
  [
    'In',
    of([LOCATION_POINTER], (self, to) =>
      time(moment(self).nanoseconds, locationName(to) === 'Local'),
    ),
  ],
  ['IsDST', of([], () => bool(false))],
  ['IsZero', of([], (self) => bool(moment(self).nanoseconds === ZERO))],
  ['Local', of([], (self) => time(moment(self).nanoseconds, true))],
  ['Location', of([], (self) => (moment(self).local ? LOCAL : UTC))],
  ['MarshalJSON', of([], (self) => bytes(`"${shownAs(self, RFC3339_NANO)}"`))],
  ['MarshalText', of([], (self) => bytes(shownAs(self, RFC3339_NANO)))],
  ['Minute', part(({ minute }) => minute)],
  ['Month', part(({ month }) => month, MONTH)],
  ['Nanosecond', part(({ nanosecond }) => nanosecond)],
  ['Round', of([DURATION], (self, by) => truncated(self, by, true))],
  ['Second', part(({ second }) => second)],
  ['String', of([], (self) => string(shownAs(self, STRING_LAYOUT)))],
  [
    'Sub',
    of([TIME], (self, other) =>
      duration(saturated(moment(self).nanoseconds - moment(other).nanoseconds)),
    ),
  ],
  ['Truncate', of([DURATION], (self, by) => truncated(self, by, false))],
  ['UTC', of([], (self) => time(moment(self).nanoseconds))],
  ['Unix', since1970(SECOND)],
  ['UnixMicro', since1970(1_000n)],
  ['UnixMilli', since1970(1_000_000n)],
  ['UnixNano', since1970(1n)],
  ['Weekday', part(({ weekday }) => weekday, WEEKDAY)],
  ['Year', part(({ year }) => year)],
  ['YearDay', part(({ yearDay }) => yearDay)],
  ['Zone', secondResult('Zone', 'int')],
  ['ZoneBounds', secondResult('ZoneBounds', 'time.Time')],
  notSupported('AppendBinary'),
  notSupported('AppendFormat'),
  notSupported('AppendText'),
  notSupported('GobDecode'),
  notSupported('GobEncode'),
  notSupported('MarshalBinary'),
  notSupported('UnmarshalBinary'),
  notSupported('UnmarshalJSON'),
  notSupported('UnmarshalText'),
]
for (const [name, callable] of ALL) methods.set(name, callable)

/** Months, days of the week and places of times: what has a name. */
import {
  INT64,
  STRING,
  pointerTo,
  string,
  zeroOf,
  type GoType,
  type Value,
} from '../value/value.ts'
import { MONTHS, WEEKDAYS } from './calendar.ts'

function named(name: string, names: readonly string[], first: bigint): GoType {
  const show = ({ data }: Value) =>
    names[Number((data as bigint) - first)] ?? `%!${name.slice(5)}(${String(data)})`
  const methods = new Map([['String', { params: [], call: (self?: Value) => string(show(self!)) }]])
  return { kind: 'int', name, methods, show }
}

export const MONTH = named('time.Month', MONTHS, 1n)
export const WEEKDAY = named('time.Weekday', WEEKDAYS, 0n)

const ZONE_POINTER = pointerTo({ kind: 'struct', name: 'time.zone', fields: [] })
const LOCATION: GoType = {
  kind: 'struct',
  name: 'time.Location',
  fields: [
    { name: 'name', type: STRING, get: ({ data }) => string(data as string) },
    ...(['zone', 'tx'] as const).map((name) => {
      const type: GoType = { kind: 'slice', name: `[]time.${name === 'tx' ? 'zoneTrans' : name}` }
      return { name, type, get: () => ({ type, data: undefined }) }
    }),
    { name: 'extend', type: STRING, get: () => string('') },
    { name: 'cacheStart', type: INT64, get: () => zeroOf(INT64) },
    { name: 'cacheEnd', type: INT64, get: () => zeroOf(INT64) },
    { name: 'cacheZone', type: ZONE_POINTER, get: () => zeroOf(ZONE_POINTER) },
  ],
}
export const LOCATION_POINTER: GoType = pointerTo(LOCATION, {
  methods: new Map([
    ['String', { params: [], call: (self?: Value) => string(locationName(self!)) }],
  ]),
  show: locationName,
})
export const UTC: Value = { type: LOCATION_POINTER, data: { type: LOCATION, data: 'UTC' } }
export const LOCAL: Value = { type: LOCATION_POINTER, data: { type: LOCATION, data: 'Local' } }

export function locationName(pointer: Value): string {
  return pointer.data === undefined ? 'UTC' : ((pointer.data as Value).data as string)
}

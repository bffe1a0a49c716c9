/** `google.protobuf.Timestamp`, and the RFC 3339 text that Prometheus's HTTP API has for the same. */
import { DomainError } from '#lib/model/errors.ts'
import * as proto from './message.ts'

export interface Timestamp {
  /** Since 1970, whole; negative before. */
  readonly seconds: number
  readonly nanos: number
}

export const timestamp = proto.message<Timestamp>('Timestamp', {
  seconds: proto.int(1),
  nanos: proto.int(2),
})

/** Go's zero time, which says "never": 0001-01-01T00:00:00Z. */
export const NEVER: Timestamp = { seconds: -62_135_596_800, nanos: 0 }

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|([+-])(\d\d):(\d\d))$/

/** Throws `invalid`. */
export function parseTimestamp(text: string): Timestamp {
  const match = RFC3339.exec(text)
  if (match === null) throw new DomainError('invalid', `no RFC 3339 time: ${text}`)
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number)
  const zone = match[9] === undefined ? 0 : Number(match[10]) * 3600 + Number(match[11]) * 60
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; four hundred years are always as long.
  const ms = Date.UTC(year! + 400, month! - 1, day, hour, minute, second)
  const seconds = ms / 1000 - FOUR_CENTURIES - (match[9] === '-' ? -zone : zone)
  return { seconds, nanos: Number((match[7] ?? '').padEnd(9, '0')) }
}

const FOUR_CENTURIES = 146_097 * 86_400

/** Times, durations, numbers and booleans as Prometheus and Thanos read them from a request. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'

/** Past these a time is taken as this far: milliseconds stay whole numbers. */
const MAX_TIME_MS = Number.MAX_SAFE_INTEGER
const MAX_DURATION_NS = 2 ** 63

/** How clients of Prometheus spell "from the first" and "to the last". */
const MIN_TIME_TEXT = '-292273086-05-16T16:47:06Z'
const MAX_TIME_TEXT = '292277025-08-18T07:12:54.999999999Z'

export function invalidParam(name: string, reason: string): DomainError {
  return new DomainError('invalid', `invalid parameter ${quoteGo(name)}: ${reason}`)
}

/** Milliseconds, or undefined where the text is no time. */
export function parseTime(text: string): number | undefined {
  const seconds = parseGoFloat(text)
  if (seconds !== undefined) return timeFromSeconds(seconds)
  if (text === MIN_TIME_TEXT) return -MAX_TIME_MS
  if (text === MAX_TIME_TEXT) return MAX_TIME_MS
  return parseRfc3339(text)
}

export function badTime(text: string): string {
  return `cannot parse ${quoteGo(text)} to a valid timestamp`
}

function timeFromSeconds(seconds: number): number | undefined {
  if (seconds !== seconds) return undefined
  const whole = Math.trunc(seconds)
  // The fraction goes to milliseconds half away from zero, then through nanoseconds, which may lose one.
  const thousandths = roundHalfAway((seconds - whole) * 1000) / 1000
  const ms = whole * 1000 + Math.floor(Math.trunc(thousandths * 1e9) / 1e6)
  return Math.max(-MAX_TIME_MS, Math.min(MAX_TIME_MS, Number.isFinite(whole) ? ms : whole))
}

function roundHalfAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value)
}

/** Go takes an hour of one digit too. */
const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/

function parseRfc3339(text: string): number | undefined {
  const found = RFC3339.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const zoneHour = Number(found[9] ?? 0)
  const zoneMinute = Number(found[10] ?? 0)
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 24 || zoneMinute > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // The calendar of JavaScript rolls February 30 over to March; the one of Prometheus refuses it.
  if (month < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  const ms = Number((found[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const zone = (zoneHour * 60 + zoneMinute) * (found[8] === '-' ? -60_000 : 60_000)
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + ms - zone
}

/** Milliseconds, which may have a fraction down to a nanosecond. Throws with Prometheus's reason as the message. */
export function parseDuration(text: string): number {
  const seconds = parseGoFloat(text)
  if (seconds !== undefined) {
    const ns = seconds * 1e9
    if (!(ns <= MAX_DURATION_NS && ns >= -MAX_DURATION_NS)) {
      throw new DomainError('invalid', `${badDuration(text)}. It overflows int64`)
    }
    return Math.trunc(ns) / 1e6
  }
  const ms = parseDurationWords(text)
  if (ms === undefined) throw new DomainError('invalid', badDuration(text))
  return ms
}

function badDuration(text: string): string {
  return `cannot parse ${quoteGo(text)} to a valid duration`
}

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
const UNITS_MS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1]

function parseDurationWords(text: string): number | undefined {
  const found = text === '' ? null : DURATION.exec(text)
  if (found === null) return undefined
  let ms = 0
  for (let i = 0; i < UNITS_MS.length; i++) ms += Number(found[i + 1] ?? 0) * UNITS_MS[i]!
  return ms * 1e6 < MAX_DURATION_NS ? ms : undefined
}

/** A float as Go's ParseFloat reads it; out of range is no number. */
function parseGoFloat(text: string): number | undefined {
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return NaN
  // An underscore stands between digits, or behind `0x`.
  if (/(?<![0-9xX])_|_(?!\d)/.test(text) && !/^[+-]?0x/i.test(text)) return undefined
  const digits = text.replaceAll('_', '')
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(digits)) {
    const value = Number(digits)
    return Number.isFinite(value) ? value : undefined
  }
  return parseHexFloat(text)
}

/** `0x1.8p3`: the exponent, of two, must be there. */
function parseHexFloat(text: string): number | undefined {
  const found = /^([+-]?)0x_?([0-9a-f]*)\.?([0-9a-f]*)p([+-]?\d+)$/i.exec(text)
  if (found === null || (found[2] === '' && found[3] === '')) return undefined
  const [, sign, whole, fraction, exponent] = found as unknown as [
    string,
    string,
    string,
    string,
    string,
  ]
  const magnitude = parseInt(whole + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length)
  if (!Number.isFinite(magnitude)) return undefined
  return sign === '-' ? -magnitude : magnitude
}

/** A whole number. Throws with the reason Go's Atoi gives. */
export function parseInteger(text: string, func = 'strconv.Atoi'): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new DomainError('invalid', `${func}: parsing ${quoteGo(text)}: invalid syntax`)
  }
  const value = BigInt(text.replace('+', ''))
  if (BigInt.asIntN(64, value) !== value) {
    throw new DomainError('invalid', `${func}: parsing ${quoteGo(text)}: value out of range`)
  }
  return Number(value)
}

/** A boolean. Throws with the reason Go's ParseBool gives. */
export function parseBoolean(text: string): boolean {
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false
  throw new DomainError('invalid', `strconv.ParseBool: parsing ${quoteGo(text)}: invalid syntax`)
}

/** -1 when absent. */
export function optionalNumber(text: string, name: string): number {
  if (text === '') return -1
  try {
    return parseInteger(text)
  } catch {
    throw new DomainError('invalid', `${name} must be a number`)
  }
}

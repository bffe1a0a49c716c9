/** Durations as Prometheus's and Go's flags write them: `30s`, `1h30m`, `1.5h`, `2w`, `250ms`. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdwy])/g

/** Milliseconds, or undefined when the text is no duration. A bare `0` is one. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0
  if (!WHOLE.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(PART)) ms += Number(amount) * UNIT_MS[unit!]!
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined
}

/** A time in ms, or a number of ms to add to the present. */
export type TimeOrOffset = { readonly timeMs: number } | { readonly offsetMs: number }

/** RFC 3339, a date, or a duration such as `-30d`. Undefined when the text is neither. */
export function parseTimeOrOffset(text: string): TimeOrOffset | undefined {
  if (/^\d{4}-\d\d-\d\d(T|$)/.test(text)) {
    const timeMs = Date.parse(text)
    return Number.isNaN(timeMs) ? undefined : { timeMs }
  }
  const negative = text.startsWith('-')
  const ms = durationMs(negative ? text.slice(1) : text)
  return ms === undefined ? undefined : { offsetMs: negative ? -ms : ms }
}

export function resolveTime(time: TimeOrOffset, nowMs: number): number {
  return 'timeMs' in time ? time.timeMs : nowMs + time.offsetMs
}

/** Go's `time.Duration.String()`: `2h0m0s`, `30s`, `500ms`, `0s`. */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s'
  const sign = ms < 0 ? '-' : ''
  const rest = Math.abs(ms)
  if (rest < 1000) return `${sign}${rest}ms`
  const hours = Math.floor(rest / 3_600_000)
  const minutes = Math.floor(rest / 60_000) % 60
  const seconds = (rest % 60_000) / 1000
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`
}

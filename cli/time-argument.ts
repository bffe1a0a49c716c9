/** Times on the command line: RFC 3339, Unix seconds, `now`, or back from now as `-1h` or `now-1h`. */
import { InvalidArgumentError } from 'commander'
import { durationMs } from '#agent/duration.ts'

/** Milliseconds. */
export function parseTime(text: string, nowMs: number): number {
  const back = /^(?:now)?-(.+)$/.exec(text)
  const backMs = back === null ? undefined : durationMs(back[1]!)
  if (backMs !== undefined) return nowMs - backMs
  if (text === 'now') return nowMs
  if (/^-?\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000)
  if (/^\d{4}-\d\d-\d\d(T|$)/.test(text) && !Number.isNaN(Date.parse(text))) return Date.parse(text)
  throw new InvalidArgumentError(
    'write a time such as 2026-01-31T12:00:00Z, 1769860800, now or -1h.',
  )
}

/** Milliseconds of a duration, or of a number of seconds. */
export function parseStep(text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : durationMs(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('write a step such as 15s or 1m.')
  return Math.round(ms)
}

/** Times and sizes as the reasons of a plan say them. */

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** The largest two units, as Prometheus writes durations: `14d`, `2d12h`, `30m`; what is shorter than two days in hours, `40h`. */
export function spanText(ms: number): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.round(ms / 1000) * 1000)
  for (const [name, unit] of UNITS) {
    if (name === 'd' && rest < 2 * unit) continue
    const count = Math.floor(rest / unit)
    if (count > 0 && parts.length < 2) parts.push(`${count}${name}`)
    rest -= count * unit
  }
  return parts.join('') || '0s'
}

/** UTC to the minute: `2026-11-21 14:00`. */
export function timeText(ms: number): string {
  const isDate = Math.abs(ms) <= 8.64e15
  return isDate ? new Date(ms).toISOString().slice(0, 16).replace('T', ' ') : String(ms)
}

export function resolutionText(resolutionMs: number): string {
  return resolutionMs === 0 ? 'raw' : spanText(resolutionMs)
}

export function countText(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}

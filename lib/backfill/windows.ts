/** Into which block a sample goes: aligned windows of one length, as promtool has them. */

const TWO_HOURS_MS = 7_200_000

/** Two hours, or the longest of 6h, 18h, 54h… (each three times the one before, ten in all) that is not above `maxMs`. */
export function blockDurationMs(maxMs: number): number {
  let durationMs = TWO_HOURS_MS
  for (let i = 1; i < 10 && durationMs * 3 <= maxMs; i++) durationMs *= 3
  return durationMs
}

/** Where the window of a time begins. */
export function windowStart(timeMs: number, durationMs: number): number {
  return Math.floor(timeMs / durationMs) * durationMs
}

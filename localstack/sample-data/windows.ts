/** Which blocks a data directory of the sample Prometheus should have, and their ids. */
import { DAY_MS, HOUR_MS, type Span } from './events.ts'
import { hashPair, hashText } from './noise.ts'

export const SMALL_MS = 2 * HOUR_MS
export const LARGE_MS = 2 * DAY_MS

/**
 * Two-day windows for what is old, two-hour windows for at least the last day, the last of which contains `nowMs`.
 * Where `present` has part of a two-day window already, as two hours made when it was new, the rest is two hours too.
 */
export function missingWindows(nowMs: number, days: number, present: readonly Span[]): Span[] {
  const endMs = floorTo(nowMs, SMALL_MS) + SMALL_MS
  const startMs = nowMs - days * DAY_MS
  const smallFromMs = floorTo(endMs - DAY_MS, LARGE_MS)
  const windows: Span[] = []
  const addSmall = (fromMs: number, toMs: number) => {
    for (let t = fromMs; t < toMs; t += SMALL_MS) {
      const window = { startMs: t, endMs: t + SMALL_MS }
      if (!overlapsAny(window, present)) windows.push(window)
    }
  }
  for (let t = floorTo(startMs, LARGE_MS); t < smallFromMs; t += LARGE_MS) {
    const window = { startMs: t, endMs: t + LARGE_MS }
    if (overlapsAny(window, present)) addSmall(window.startMs, window.endMs)
    else windows.push(window)
  }
  addSmall(Math.max(smallFromMs, floorTo(startMs, SMALL_MS)), endMs)
  return windows
}

function overlapsAny(window: Span, present: readonly Span[]): boolean {
  return present.some(({ startMs, endMs }) => startMs < window.endMs && endMs > window.startMs)
}

function floorTo(ms: number, step: number): number {
  return Math.floor(ms / step) * step
}

/** The two-hour blocks a window is made of. */
export function sourcesOf(replica: string, { startMs, endMs }: Span): string[] {
  const sources: string[] = []
  for (let t = startMs; t < endMs; t += SMALL_MS) {
    sources.push(windowUlid(replica, { startMs: t, endMs: t + SMALL_MS }))
  }
  return sources
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Ten characters of the window's start, sixteen that say which replica and how long. */
export function windowUlid(replica: string, { startMs, endMs }: Span): string {
  let time = ''
  let rest = startMs
  for (let i = 0; i < 10; i++) {
    time = CROCKFORD[rest % 32]! + time
    rest = Math.floor(rest / 32)
  }
  const seed = hashText(`${replica} ${endMs - startMs} ${startMs}`)
  let chance = ''
  for (let i = 0; i < 16; i++) chance += CROCKFORD[hashPair(seed, i) % 32]!
  return time + chance
}

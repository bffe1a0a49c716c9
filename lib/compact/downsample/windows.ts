/** How time is cut into windows, and the samples of a series into chunks of windows: as Thanos does it. */

export const FIVE_MINUTES_MS = 300_000
export const ONE_HOUR_MS = 3_600_000

/** Blocks of this resolution become such of that. */
export const NEXT_RESOLUTION: ReadonlyMap<number, number> = new Map([
  [0, FIVE_MINUTES_MS],
  [FIVE_MINUTES_MS, ONE_HOUR_MS],
])

/** Raw samples are taken to be this far apart where the number of windows is guessed. */
export const RAW_STEP_MS = 60_000

/** The last millisecond of the window that `timeMs` falls into. */
export function windowEnd(timeMs: number, resolutionMs: number): number {
  return Math.floor(timeMs / resolutionMs) * resolutionMs + resolutionMs - 1
}

/** Windows of a chunk, on average, at most. */
const MAX_WINDOWS = 140

export interface Extent {
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Of samples; at least one. */
  readonly count: number
}

/** How many chunks the samples become, by a guess at the number of windows that have some of them. */
export function chunkCount(
  { minTimeMs, maxTimeMs, count }: Extent,
  stepMs: number,
  resolutionMs: number,
): number {
  const spanMs = maxTimeMs - minTimeMs
  const fullness = Math.min(1, count / (spanMs / stepMs))
  const windows = Math.trunc(Math.trunc(spanMs / resolutionMs) * fullness) + 1
  let chunks = 1
  while (Math.trunc(windows / chunks) > MAX_WINDOWS) chunks++
  return chunks
}

/** The ends, exclusive, of the batches of samples [from, to) that become a chunk each: of about equal numbers, and no window is cut. */
export function batchEnds(
  timestamps: Float64Array,
  from: number,
  to: number,
  resolutionMs: number,
): number[] {
  const extent = {
    minTimeMs: timestamps[from]!,
    maxTimeMs: timestamps[to - 1]!,
    count: to - from,
  }
  const size = Math.floor((to - from) / chunkCount(extent, RAW_STEP_MS, resolutionMs)) + 1
  const ends: number[] = []
  for (let end = from; end < to;) {
    end = Math.min(end + size, to)
    const last = windowEnd(timestamps[end - 1]!, resolutionMs)
    while (end < to && timestamps[end]! <= last) end++
    ends.push(end)
  }
  return ends
}

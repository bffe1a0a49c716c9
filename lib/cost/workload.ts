/** What an installation is asked to do, as people describe it. */

export interface Workload {
  /** Prometheus servers; each has an agent. */
  readonly agents: number
  /** Active series of all of them together. */
  readonly series: number
  readonly scrapeSeconds: number
  /** Of blocks, index and all. */
  readonly bytesPerSample: number
  /** How long the blocks are that a Prometheus makes. */
  readonly blockHours: number
  /** Between two fresh packs of an agent; 0: it makes none. */
  readonly freshSeconds: number
  /** How long it has been going: what is kept for ever grows with it. */
  readonly ageDays: number
  readonly retention: Retention
  readonly rules: number
  /** Queries in a day that nobody asked before. */
  readonly queriesPerDay: number
  /** Functions that share the work of one of them; 0: `query` does it alone. */
  readonly slices: number
  /** Panels of open dashboards that are refreshed, in a day. */
  readonly refreshesPerDay: number
}

/** Days; 0: none is made. Infinity: for ever. */
export interface Retention {
  readonly rawDays: number
  readonly fiveMinuteDays: number
  readonly oneHourDays: number
}

export const DAYS_PER_MONTH = 365.25 / 12
export const MINUTES_PER_MONTH = DAYS_PER_MONTH * 24 * 60

/** In GB. */
export function shippedPerDay({ series, scrapeSeconds, bytesPerSample }: Workload): number {
  return ((series / scrapeSeconds) * 86_400 * bytesPerSample) / 1e9
}

/** By agents, in a month. */
export function blocksShipped({ agents, blockHours }: Workload): number {
  return (agents * DAYS_PER_MONTH * 24) / blockHours
}

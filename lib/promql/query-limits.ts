/** What the queries of a tenant may take. 0 is no limit, everywhere. */
export interface QueryLimits {
  /** `--query-range.max-query-length`: from the first to the last step. */
  readonly maxLengthMs: number
  /** `--query.max-concurrent`: queries that run at one time in one process; the others wait. */
  readonly maxConcurrent: number
  /** `--query.max-bytes`: of chunks that a query will read, as the plan guesses. */
  readonly maxBytes: number
  /** `--query.max-series`: that all selectors of a query read together. */
  readonly maxSeries: number
  /** `--query.max-samples`: held at one time. */
  readonly maxSamples: number
}

export type LimitsOf = (tenant: string | undefined) => QueryLimits

/** What one request cost, for `stats`, headers and logs. Each number counts from zero for this request. */
export interface QueryCost {
  readonly slices: number
  /** Of other functions, tries that failed included. */
  readonly invokes: number
  /** Requests to the bucket by kind, and bytes it sent. */
  readonly gets: number
  readonly lists: number
  readonly puts: number
  readonly bytes: number
  /** Milliseconds of function time, summed over functions; their memory times seconds beside it. */
  readonly functionMs: number
  readonly functionGbSeconds: number
  /** Steps that were asked for, and how many of them the results cache had. */
  readonly steps: number
  readonly cachedSteps: number
  /** An identical request ran at this moment and did the work: this one waited. */
  readonly shared: boolean
  /** An estimate, by list prices. */
  readonly usd: number
}

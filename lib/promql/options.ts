/** Settings of the engine. Prometheus's and Thanos's flag names where they have one. */

export interface EngineOptions {
  /** `--query.lookback-delta`. */
  readonly lookbackMs: number
  /** `--query.max-samples`: samples held at one time. */
  readonly maxSamples: number
  /** Series that all selectors of a query may read together; 0 or undefined for no limit. */
  readonly maxSeries?: number | undefined
  /** Bytes of an answer's columns and labels; 0 or undefined for no limit. */
  readonly maxResultBytes?: number | undefined
  /** Steps of a query or of a subquery in it: how long a column may be. */
  readonly maxSteps?: number | undefined
  /** Step of a subquery that names none: the global evaluation interval. */
  readonly defaultSubqueryStepMs: number
  /** `--enable-feature` names: promql-experimental-functions, promql-delayed-name-removal, promql-extended-range-selectors, promql-binop-fill-modifiers, use-start-timestamps. */
  readonly features: ReadonlySet<Feature>
}

export const FEATURES = [
  'promql-experimental-functions',
  'promql-delayed-name-removal',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
  'use-start-timestamps',
] as const

export type Feature = (typeof FEATURES)[number]

export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  lookbackMs: 300_000,
  maxSamples: 50_000_000,
  maxSteps: 10_000_000,
  defaultSubqueryStepMs: 60_000,
  features: new Set(),
}

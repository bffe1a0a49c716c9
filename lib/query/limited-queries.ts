/** Refuses what a tenant's limits do not allow, before anything is read for it. */
import { DomainError } from '#lib/model/errors.ts'
import { goDuration } from '#lib/model/go-duration.ts'
import type { QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import type { LimitsOf, QueryLimits } from '#lib/promql/query-limits.ts'
import type { EngineOptions } from '#lib/promql/options.ts'
import type { LabelRequest } from '#lib/storage/storage.ts'

/** The limits on samples and series go on to the engine, which counts them. */
export function limitedQueries(inner: QueryBackend, limitsOf: LimitsOf): QueryBackend {
  return {
    ...inner,
    async query(request, signal) {
      const limits = limitsOf(request.scope.tenant)
      checkLength(lengthOf(request), limits)
      return inner.query({ ...request, options: limited(request.options, limits) }, signal)
    },
    async labelNames(request, scope, signal) {
      checkLength(spanOf(request), limitsOf(scope.tenant))
      return inner.labelNames(request, scope, signal)
    },
    async labelValues(name, request, scope, signal) {
      checkLength(spanOf(request), limitsOf(scope.tenant))
      return inner.labelValues(name, request, scope, signal)
    },
    async series(request, scope, signal) {
      checkLength(spanOf(request), limitsOf(scope.tenant))
      return inner.series(request, scope, signal)
    },
  }
}

function lengthOf({ grid }: QueryRequest): number {
  return (grid.endMs ?? grid.startMs + (grid.stepCount - 1) * grid.stepMs) - grid.startMs
}

/** 0 for a request that leaves one end open: it means all there is, whatever that may be. */
function spanOf({ startMs, endMs }: LabelRequest): number {
  return Number.isFinite(endMs - startMs) ? endMs - startMs : 0
}

/** The message is Thanos's, with what to do about it. */
function checkLength(lengthMs: number, { maxLengthMs }: QueryLimits): void {
  if (maxLengthMs === 0 || lengthMs <= maxLengthMs) return
  throw new DomainError(
    'invalid',
    `the query time range exceeds the limit (query length: ${goDuration(lengthMs)}, limit: ${goDuration(maxLengthMs)}): ` +
      'ask for a shorter range, or raise --query-range.max-query-length',
  )
}

/** A tenant may be allowed more than the others, so its limits stand in place of theirs. */
function limited(options: EngineOptions, { maxSamples, maxSeries }: QueryLimits): EngineOptions {
  return { ...options, maxSamples: maxSamples || options.maxSamples, maxSeries }
}

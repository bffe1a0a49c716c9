/** How many series an endpoint has: its status API. */
import { statusService } from '#lib/grpc/services.ts'
import {
  type Statistic,
  tsdbStatisticsRequest,
  tsdbStatisticsResponse,
  type TsdbStatisticsEntry,
} from '#lib/grpc/status-messages.ts'
import type { Cardinality, NameCount } from '#lib/storage/inventory.ts'
import { mergeCardinality } from '#lib/storage/merge-cardinality.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { SourceCardinalityRequest } from '#lib/store/series-source.ts'
import { type CallSettings, type Endpoint, isOwn, tenantMetadata } from './endpoint.ts'

/** Of an endpoint that others have series in, a tenant sees only what is counted under its own name. */
export async function askCardinality(
  endpoint: Endpoint,
  { matchers, limit, scope }: SourceCardinalityRequest,
  { responseTimeoutMs: timeoutMs }: CallSettings,
  signal: AbortSignal,
): Promise<Cardinality> {
  const { partialResponse, enforced = [], tenant } = scope
  const body = tsdbStatisticsRequest.encode({
    limit,
    matchers: [...matchers, ...enforced],
    partialResponseStrategy: partialResponse ? 'WARN' : 'ABORT',
  })
  const metadata = tenantMetadata(tenant)
  const parts: Cardinality[] = []
  const warnings: string[] = []
  const call = { body, timeoutMs, metadata, signal }
  for await (const frame of endpoint.client.stream(statusService.tsdbStatistics, call)) {
    const { statistics, warning } = tsdbStatisticsResponse.decode(frame)
    if (warning !== undefined) warnings.push(warning)
    for (const [name, entry] of statistics?.statistics ?? []) {
      if (isSeen(endpoint, scope, name)) parts.push(cardinalityOf(entry))
    }
  }
  return { ...mergeCardinality(parts, limit), warnings }
}

function isSeen(endpoint: Endpoint, scope: Scope, tenant: string): boolean {
  return isOwn(endpoint, scope) || tenant === scope.tenant
}

function cardinalityOf(entry: TsdbStatisticsEntry): Cardinality {
  const { headStatistics: head } = entry
  const isEmpty = head === undefined || head.numSeries === 0
  return {
    seriesCount: head?.numSeries ?? 0,
    chunkCount: head?.chunkCount ?? 0,
    labelPairCount: head?.numLabelPairs ?? 0,
    minTimeMs: isEmpty ? undefined : head.minTime,
    maxTimeMs: isEmpty ? undefined : head.maxTime,
    seriesByMetric: entry.seriesCountByMetricName.map(countOf),
    valuesByLabel: entry.labelValueCountByLabelName.map(countOf),
    bytesByLabel: entry.memoryInBytesByLabelName.map(countOf),
    seriesByPair: entry.seriesCountByLabelValuePair.map(countOf),
    warnings: [],
  }
}

function countOf({ name, value: count }: Statistic): NameCount {
  return { name, count }
}

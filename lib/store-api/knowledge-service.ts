/** `thanos.Exemplars` and `thanos.Metadata` over a source. A querier before it merges replicas. */
import { serverStream, type GrpcService } from '#lib/grpc/calls.ts'
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import type { InfoResponse } from '#lib/grpc/info-messages.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { exemplarsService, metadataService, SERVICE_NAMES } from '#lib/grpc/services.ts'
import type { PartialResponseStrategy } from '#lib/grpc/store-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { findSelectors } from '#lib/promql/parse/walk.ts'
import { askExemplars, askMetadata } from '#lib/storage/ask-sources.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source } from '#lib/storage/source.ts'
import type { ClosedInterval } from '#lib/storage/storage.ts'

/** For Info: from the first to the last time that Thanos can say. */
export const KNOWLEDGE_APIS: Partial<InfoResponse> = {
  exemplars: { minTime: Number.MIN_SAFE_INTEGER, maxTime: Number.MAX_SAFE_INTEGER },
  metricMetadata: {},
}

export interface KnowledgeParts {
  readonly source: Source
  /** What is served of exemplars. */
  readonly times: () => ClosedInterval
}

export function knowledgeServices({ source, times }: KnowledgeParts): GrpcService[] {
  const exemplars = serverStream(
    exemplarsService.exemplars,
    exemplarsRequest,
    async ({ query, start, end, partialResponseStrategy }, { signal }, sink) => {
      const served = times()
      const interval = {
        startMs: Math.max(start, served.startMs),
        endMs: Math.min(end, served.endMs),
      }
      const scope = scopeOf(partialResponseStrategy)
      const asked = { matcherSets: selectorsOf(query), ...interval }
      const { value, warnings } = await askExemplars([source], asked, scope, signal)
      for (const { labels, exemplars: all } of value) {
        const found = all.map(({ timestampMs, ...rest }) => ({ ...rest, ts: timestampMs }))
        const data = { seriesLabels: labels, exemplars: found }
        await sink.write(exemplarsResponse.encode({ data }))
      }
      for (const warning of warnings) await sink.write(exemplarsResponse.encode({ warning }))
    },
  )
  const metadata = serverStream(
    metadataService.metricMetadata,
    metricMetadataRequest,
    async ({ metric, limit, partialResponseStrategy }, { signal }, sink) => {
      const asked = { metric: metric || undefined, limit, limitPerMetric: -1 }
      const scope = scopeOf(partialResponseStrategy)
      const { value, warnings } = await askMetadata([source], asked, scope, signal)
      const all = new Map([...value].map(([name, metas]) => [name, { metas }]))
      await sink.write(metricMetadataResponse.encode({ metadata: { metadata: all } }))
      for (const warning of warnings) await sink.write(metricMetadataResponse.encode({ warning }))
    },
  )
  return [
    { name: SERVICE_NAMES.exemplars, methods: [exemplars] },
    { name: SERVICE_NAMES.metadata, methods: [metadata] },
  ]
}

function selectorsOf(query: string) {
  const { features } = DEFAULT_ENGINE_OPTIONS
  const selectors = findSelectors(parseExpr(query, { features }))
  if (selectors.length === 0) throw new DomainError('invalid', 'no matchers specified')
  return selectors.map(({ selector }) => selector.matchers)
}

function scopeOf(strategy: PartialResponseStrategy): Scope {
  return {
    dedup: false,
    replicaLabels: [],
    deduplication: 'nearest',
    partialResponse: strategy !== 'ABORT',
    maxSourceResolutionMs: 0,
  }
}

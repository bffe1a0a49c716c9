/** `thanos.Exemplars`, `thanos.Metadata` and `thanos.Rules` over sources. A querier before it merges replicas. */
import { serverStream, type GrpcService } from '#lib/grpc/calls.ts'
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import type { InfoResponse } from '#lib/grpc/info-messages.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { rulesRequest, rulesResponse, type RuleType } from '#lib/grpc/rules-messages.ts'
import {
  exemplarsService,
  metadataService,
  rulesService,
  SERVICE_NAMES,
} from '#lib/grpc/services.ts'
import type { PartialResponseStrategy } from '#lib/grpc/store-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr, parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { findSelectors } from '#lib/promql/parse/walk.ts'
import { askExemplars, askMetadata, askRules } from '#lib/storage/ask-sources.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source } from '#lib/storage/source.ts'
import type { ClosedInterval } from '#lib/storage/storage.ts'
import { wireGroup } from './wire-rules.ts'

/** For Info: from the first to the last time that Thanos can say. */
export const KNOWLEDGE_APIS: Partial<InfoResponse> = {
  exemplars: { minTime: Number.MIN_SAFE_INTEGER, maxTime: Number.MAX_SAFE_INTEGER },
  metricMetadata: {},
  rules: {},
}

export interface KnowledgeParts {
  readonly sources: readonly Source[]
  /** What is served of exemplars. */
  readonly times: () => ClosedInterval
}

export function knowledgeServices({ sources, times }: KnowledgeParts): GrpcService[] {
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
      const { value, warnings } = await askExemplars(sources, asked, scope, signal)
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
      const { value, warnings } = await askMetadata(sources, asked, scope, signal)
      const all = new Map([...value].map(([name, metas]) => [name, { metas }]))
      await sink.write(metricMetadataResponse.encode({ metadata: { metadata: all } }))
      for (const warning of warnings) await sink.write(metricMetadataResponse.encode({ warning }))
    },
  )
  const rules = serverStream(
    rulesService.rules,
    rulesRequest,
    async ({ type, matcherString, partialResponseStrategy, ...names }, { signal }, sink) => {
      const asked = {
        type: type.toLowerCase() as Lowercase<RuleType>,
        matcherSets: matcherString.map((text) => parseMetricSelector(text)),
        ruleNames: names.ruleName,
        groupNames: names.ruleGroup,
        files: names.file,
      }
      const scope = scopeOf(partialResponseStrategy)
      const { value, warnings } = await askRules(sources, asked, scope, signal)
      for (const group of value) await sink.write(rulesResponse.encode({ group: wireGroup(group) }))
      for (const warning of warnings) await sink.write(rulesResponse.encode({ warning }))
    },
  )
  return [
    { name: SERVICE_NAMES.exemplars, methods: [exemplars] },
    { name: SERVICE_NAMES.metadata, methods: [metadata] },
    { name: SERVICE_NAMES.rules, methods: [rules] },
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

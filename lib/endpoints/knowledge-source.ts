/** What an endpoint knows beside samples: exemplars, metadata, rules, targets. */
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import type { Message } from '#lib/grpc/message.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { rulesRequest, rulesResponse } from '#lib/grpc/rules-messages.ts'
import {
  type BytesMethod,
  exemplarsService,
  metadataService,
  rulesService,
  targetsService,
} from '#lib/grpc/services.ts'
import { targetsRequest, targetsResponse } from '#lib/grpc/targets-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { MetadataEntry } from '#lib/storage/metadata.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source, Told } from '#lib/storage/source.ts'
import { type CallSettings, type Endpoint, isOwn, labelSetsOf, tenantMetadata } from './endpoint.ts'
import { exemplarsOf, exemplarSelectors, groupOf, targetsOf } from './wire-knowledge.ts'

/** Of an endpoint that never answered nobody knows what it would know: it has none of them. */
export function knowledgeSource(endpoint: Endpoint, settings: CallSettings): Source {
  const { address, info } = endpoint
  const ask = asker(endpoint, settings)
  return {
    name: `endpoint ${address}`,
    address,
    ...(info?.exemplars && {
      async exemplars({ matcherSets, startMs, endMs }, scope, signal) {
        const query = exemplarSelectors(matcherSets, labelSetsOf(endpoint))
        if (query === undefined) return { value: [], warnings: [] }
        const start = Math.max(FIRST_MS, startMs)
        const end = Math.min(LAST_MS, endMs)
        const body = exemplarsRequest.encode({ query, start, end, ...strategyOf(scope) })
        const { value, warnings } = await ask(exemplarsService.exemplars, exemplarsResponse, {
          body,
          scope,
          signal,
        })
        return {
          value: exemplarsOf(
            value.flatMap(({ data }) => data ?? []),
            matcherSets,
          ),
          warnings,
        }
      },
    }),
    ...(info?.metricMetadata && {
      async metadata({ metric = '' }, scope, signal) {
        if (!isOwn(endpoint, scope))
          return { value: new Map<string, MetadataEntry[]>(), warnings: [] }
        // The limit is for all together: an endpoint would take any metrics.
        const body = metricMetadataRequest.encode({ metric, limit: -1, ...strategyOf(scope) })
        const { value, warnings } = await ask(
          metadataService.metricMetadata,
          metricMetadataResponse,
          { body, scope, signal },
        )
        const merged = new Map<string, MetadataEntry[]>()
        for (const { metadata } of value) {
          for (const [name, { metas }] of metadata?.metadata ?? []) {
            merged.set(name, [...(merged.get(name) ?? []), ...metas])
          }
        }
        return { value: merged, warnings }
      },
    }),
    ...(info?.rules && {
      async rules({ type }, scope, signal) {
        const wireType = RULE_TYPES[type]
        const body = rulesRequest.encode({ type: wireType, ...strategyOf(scope) })
        const told = await ask(rulesService.rules, rulesResponse, { body, scope, signal })
        const groups = told.value.flatMap(({ group }) => (group ? [groupOf(group)] : []))
        return { value: groups, warnings: told.warnings }
      },
    }),
    ...(info?.targets && {
      async targets({ active, dropped }, scope, signal) {
        const state = active && dropped ? 'ANY' : active ? 'ACTIVE' : 'DROPPED'
        const body = targetsRequest.encode({ state, ...strategyOf(scope) })
        const told = await ask(targetsService.targets, targetsResponse, { body, scope, signal })
        const all = told.value.flatMap(({ targets }) => targets ?? [])
        return { value: targetsOf(all), warnings: told.warnings }
      },
    }),
  }
}

const RULE_TYPES = { all: 'ALL', alert: 'ALERT', record: 'RECORD' } as const

/** What RFC 3339, in which a sidecar asks its Prometheus, can say. */
const FIRST_MS = Date.UTC(0, 0, 1)
const LAST_MS = Date.UTC(9999, 11, 31)

interface Asked {
  readonly body: Uint8Array
  readonly scope: Scope
  readonly signal: AbortSignal | undefined
}

function asker({ address, client, lastError, strict }: Endpoint, settings: CallSettings) {
  return async <T extends { readonly warning: string | undefined }>(
    method: BytesMethod,
    answer: Message<T>,
    { body, scope, signal }: Asked,
  ): Promise<Told<T[]>> => {
    if (lastError !== undefined && !strict) throw new DomainError('unavailable', lastError)
    const { responseTimeoutMs: timeoutMs } = settings
    const metadata = tenantMetadata(scope.tenant)
    const value: T[] = []
    const warnings: string[] = []
    for await (const frame of client.stream(method, { body, timeoutMs, metadata, signal })) {
      const message = answer.decode(frame)
      if (message.warning === undefined) value.push(message)
      else warnings.push(`endpoint ${address}: ${message.warning}`)
    }
    if (warnings.length > 0 && !scope.partialResponse) {
      throw new DomainError('unavailable', warnings[0]!)
    }
    return { value, warnings }
  }
}

function strategyOf({ partialResponse }: Scope) {
  return { partialResponseStrategy: partialResponse ? ('WARN' as const) : ('ABORT' as const) }
}

/** What is known of one endpoint at one moment, and how it is called. */
import type { GrpcClient } from '#lib/grpc/client.ts'
import type { InfoResponse } from '#lib/grpc/info-messages.ts'
import { compareUtf8, type Labels, labelsFromPairs, labelValue } from '#lib/model/labels.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { Scope } from '#lib/storage/scope.ts'

export interface Endpoint {
  readonly address: string
  readonly client: GrpcClient
  /** What it said of itself last; undefined where it never did. */
  readonly info: InfoResponse | undefined
  /** Why it can't be asked now. */
  readonly lastError: string | undefined
  /** Asked whatever is known of it. */
  readonly strict: boolean
}

export interface CallSettings {
  /** `--store.response-timeout`: how long the next message may take; 0 for any time. */
  readonly responseTimeoutMs: number
}

/** Tells a downstream querier who asks: Thanos's header as gRPC has it. */
export function tenantMetadata(tenant: string | undefined): Readonly<Record<string, string>> {
  return tenant === undefined ? {} : { 'thanos-tenant': tenant }
}

/** Labels that came over the wire, which need no order there. */
export function labelsFromWire(labels: Labels): Labels {
  for (let i = 0; i < labels.length; i += 2) {
    const inOrder = i === 0 || compareUtf8(labels[i - 2]!, labels[i]!) < 0
    if (inOrder && labels[i + 1] !== '') continue
    const pairs: [string, string][] = []
    for (let j = 0; j < labels.length; j += 2) pairs.push([labels[j]!, labels[j + 1]!])
    return labelsFromPairs(pairs)
  }
  return labels
}

/** External labels of its streams; none where it does not say. */
export function labelSetsOf({ info }: Endpoint): Labels[] {
  return (info?.labelSets ?? []).map(labelsFromWire).filter((labels) => labels.length > 0)
}

/** Whether all of the endpoint is what is enforced. */
export function isOwn(endpoint: Endpoint, { enforced = [] }: Scope): boolean {
  if (enforced.length === 0) return true
  const labelSets = labelSetsOf(endpoint)
  const matchers = enforced.map(compileMatcher)
  return (
    labelSets.length > 0 &&
    labelSets.every((labels) =>
      matchers.every(({ name, matches }) => matches(labelValue(labels, name))),
    )
  )
}

/** Numbers as protobuf and JavaScript both have them. */
export function wireTime(ms: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, ms))
}

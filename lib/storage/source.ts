/**
 * Who knows what is no sample: exemplars, metadata of metrics, rules, targets. The fresh blocks of the bucket are one source, each
 * StoreAPI endpoint another. A source answers what it can; `askSources` asks all, and a merge beside each kind joins the answers.
 */
import type { QueryCost } from './cost.ts'
import type { ExemplarRequest, ExemplarSeries } from './exemplars.ts'
import type { MetadataRequest, MetricMetadata } from './metadata.ts'
import type { RuleGroup, RuleRequest } from './rules.ts'
import type { Scope } from './scope.ts'
import type { TargetRequest, Targets } from './targets.ts'

/**
 * Every method rejects with a DomainError: that the source can't answer. Requests are hints: more may be answered than was asked
 * for, but for exemplars. What the scope enforces is among the matchers of exemplars already; of rules and targets the merge takes
 * only what has it; of metadata, which has no labels, the source must give only what belongs to who asks.
 */
export interface Source {
  /** For warnings. */
  readonly name: string
  /** What `storeMatch[]` sees of it; the bucket's where it is absent. */
  readonly address?: string | undefined
  exemplars?(
    request: ExemplarRequest,
    scope: Scope,
    signal?: AbortSignal,
  ): Promise<Told<readonly ExemplarSeries[]>>
  metadata?(
    request: MetadataRequest,
    scope: Scope,
    signal?: AbortSignal,
  ): Promise<Told<MetricMetadata>>
  rules?(
    request: RuleRequest,
    scope: Scope,
    signal?: AbortSignal,
  ): Promise<Told<readonly RuleGroup[]>>
  targets?(request: TargetRequest, scope: Scope, signal?: AbortSignal): Promise<Told<Targets>>
}

export interface Told<T> {
  readonly value: T
  /** Why it may be incomplete. */
  readonly warnings: readonly string[]
  readonly cost?: QueryCost | undefined
}

/** Asks several sources at the same time and merges what they tell, or half of it where half an answer is wanted. */
import { DomainError } from '#lib/model/errors.ts'
import { enforceSets } from './enforce.ts'
import type { QueryCost } from './cost.ts'
import { mergeExemplars, type ExemplarRequest, type ExemplarSeries } from './exemplars.ts'
import { mergeMetadata, type MetadataRequest, type MetricMetadata } from './metadata.ts'
import { mergeRules } from './merge-rules.ts'
import type { RuleGroup, RuleRequest } from './rules.ts'
import { BUCKET_ADDRESS, type Scope, seesStore } from './scope.ts'
import type { Source, Told } from './source.ts'
import { mergeTargets, type TargetRequest, type Targets } from './targets.ts'

export async function askExemplars(
  sources: readonly Source[],
  request: ExemplarRequest,
  scope: Scope,
  signal?: AbortSignal,
): Promise<Told<readonly ExemplarSeries[]>> {
  const matcherSets = enforceSets(request.matcherSets, scope.enforced)
  const told = await askAll(sources, scope, signal, (source) =>
    source.exemplars?.({ ...request, matcherSets }, scope, signal),
  )
  return joined(told, (values) => mergeExemplars(values, replicaLabels(scope)))
}

export async function askMetadata(
  sources: readonly Source[],
  request: MetadataRequest,
  scope: Scope,
  signal?: AbortSignal,
): Promise<Told<MetricMetadata>> {
  const told = await askAll(sources, scope, signal, (source) =>
    source.metadata?.(request, scope, signal),
  )
  return joined(told, (values) => mergeMetadata(values, request))
}

export async function askRules(
  sources: readonly Source[],
  request: RuleRequest,
  scope: Scope,
  signal?: AbortSignal,
): Promise<Told<readonly RuleGroup[]>> {
  const told = await askAll(sources, scope, signal, (source) =>
    source.rules?.(request, scope, signal),
  )
  return joined(told, (values) => mergeRules(values, request, mergeOf(scope)))
}

export async function askTargets(
  sources: readonly Source[],
  request: TargetRequest,
  scope: Scope,
  signal?: AbortSignal,
): Promise<Told<Targets>> {
  const told = await askAll(sources, scope, signal, (source) =>
    source.targets?.(request, scope, signal),
  )
  return joined(told, (values) => mergeTargets(values, request, mergeOf(scope)))
}

function mergeOf(scope: Scope): Parameters<typeof mergeRules>[2] {
  return { replicaLabels: replicaLabels(scope), enforced: scope.enforced ?? [] }
}

function replicaLabels({ dedup, replicaLabels: labels }: Scope): ReadonlySet<string> {
  return new Set(dedup ? labels : [])
}

/** In the order of the sources. One that fails is a warning, or the error of all. */
async function askAll<T>(
  sources: readonly Source[],
  scope: Scope,
  signal: AbortSignal | undefined,
  ask: (source: Source) => Promise<Told<T>> | undefined,
): Promise<(Told<T> | Told<undefined>)[]> {
  const seen = sources.filter(({ address = BUCKET_ADDRESS }) => seesStore(scope, address))
  const asked = seen.map(async (source): Promise<Told<T> | Told<undefined>> => {
    try {
      return (await ask(source)) ?? { value: undefined, warnings: [] }
    } catch (error) {
      if (!(error instanceof DomainError) || !scope.partialResponse || signal?.aborted) throw error
      return { value: undefined, warnings: [`${source.name} is left out: ${error.message}`] }
    }
  })
  return await Promise.all(asked)
}

function joined<T>(
  told: readonly (Told<T> | Told<undefined>)[],
  merge: (values: readonly T[]) => T,
): Told<T> {
  const values = told.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const costs = told.flatMap(({ cost }) => cost ?? [])
  return {
    value: merge(values),
    warnings: told.flatMap(({ warnings }) => warnings),
    cost: costs.length === 0 ? undefined : costs.reduce(addCosts),
  }
}

function addCosts(a: QueryCost, b: QueryCost): QueryCost {
  return {
    slices: a.slices + b.slices,
    invokes: a.invokes + b.invokes,
    gets: a.gets + b.gets,
    lists: a.lists + b.lists,
    puts: a.puts + b.puts,
    bytes: a.bytes + b.bytes,
    // Side by side: the time of this function is that of the longest.
    functionMs: Math.max(a.functionMs, b.functionMs),
    functionGbSeconds: Math.max(a.functionGbSeconds, b.functionGbSeconds),
    steps: a.steps + b.steps,
    cachedSteps: a.cachedSteps + b.cachedSteps,
    shared: a.shared && b.shared,
    usd: a.usd + b.usd,
  }
}

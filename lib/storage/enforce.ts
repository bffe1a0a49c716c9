/** A storage that shows only what some matchers allow, whatever it is asked for. */
import type { Matcher } from '#lib/model/matcher.ts'
import type { LabelRequest, Storage } from './storage.ts'

/**
 * What a selector says itself of the label of an enforced matcher is dropped, so that it cannot ask past it: the rule
 * of Thanos's tenancy.
 */
export function enforcedStorage(storage: Storage, enforced: readonly Matcher[]): Storage {
  if (enforced.length === 0) return storage
  const labels = new Set(enforced.map(({ name }) => name))
  const enforce = (matchers: readonly Matcher[]): Matcher[] => [
    ...matchers.filter(({ name }) => !labels.has(name)),
    ...enforced,
  ]
  const enforceSets = (request: LabelRequest): LabelRequest => ({
    ...request,
    matcherSets: request.matcherSets.length === 0 ? [enforced] : request.matcherSets.map(enforce),
  })
  return {
    select: (request, signal) =>
      storage.select({ ...request, matchers: enforce(request.matchers) }, signal),
    labelNames: (request, signal) => storage.labelNames(enforceSets(request), signal),
    labelValues: (name, request, signal) => storage.labelValues(name, enforceSets(request), signal),
  }
}

/** A storage that shows only what some matchers allow, whatever it is asked for. */
import type { Matcher } from '#lib/model/matcher.ts'
import type { LabelRequest, Storage } from './storage.ts'

/**
 * What a selector says itself of the label of an enforced matcher is dropped, so that it cannot ask past it: the rule
 * of Thanos's tenancy.
 */
export function enforcedStorage(storage: Storage, enforced: readonly Matcher[]): Storage {
  if (enforced.length === 0) return storage
  const allowed = (request: LabelRequest): LabelRequest => ({
    ...request,
    matcherSets:
      request.matcherSets.length === 0 ? [enforced] : enforceSets(request.matcherSets, enforced),
  })
  return {
    select: (request, signal) => {
      const [matchers] = enforceSets([request.matchers], enforced)
      return storage.select({ ...request, matchers: matchers! }, signal)
    },
    labelNames: (request, signal) => storage.labelNames(allowed(request), signal),
    labelValues: (name, request, signal) => storage.labelValues(name, allowed(request), signal),
  }
}

/** Each set with what is enforced in place of what it says itself of those labels. */
export function enforceSets(
  matcherSets: readonly (readonly Matcher[])[],
  enforced: readonly Matcher[] = [],
): readonly (readonly Matcher[])[] {
  if (enforced.length === 0) return matcherSets
  const labels = new Set(enforced.map(({ name }) => name))
  return matcherSets.map((matchers) => [
    ...matchers.filter(({ name }) => !labels.has(name)),
    ...enforced,
  ])
}

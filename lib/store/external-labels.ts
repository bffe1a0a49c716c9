/** Matchers against a block's external labels: they decide whether the block is read at all. */
import type { Labels } from '#lib/model/labels.ts'
import { labelValue } from '#lib/model/labels.ts'
import type { CompiledMatcher } from '#lib/regex/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { BUCKET_ADDRESS, type Scope, seesStore } from '#lib/storage/scope.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'

/**
 * The matchers left for the series of a block with these external labels, or undefined when the block can't match.
 * An external label overrides a series label of the same name, so its matcher is settled here.
 */
export function matchExternalLabels(
  matchers: readonly CompiledMatcher[],
  externalLabels: Labels,
): CompiledMatcher[] | undefined {
  const rest: CompiledMatcher[] = []
  for (const matcher of matchers) {
    const value = labelValue(externalLabels, matcher.name)
    if (value === '') rest.push(matcher)
    else if (!matcher.matches(value)) return undefined
  }
  return rest
}

/** The blocks that may hold what is enforced: the others don't even count for whoever asks. */
export function blocksInScope(
  blocks: readonly BlockRecord[],
  scope: Scope,
): readonly BlockRecord[] {
  const { enforced = [] } = scope
  if (!seesStore(scope, BUCKET_ADDRESS)) return []
  if (enforced.length === 0) return blocks
  const matchers = enforced.map(compileMatcher)
  return blocks.filter(({ labels }) => matchExternalLabels(matchers, labels) !== undefined)
}

/** Whether all of the block is what is enforced: a block that holds others' series too says so nowhere but in them. */
export function isOwn({ labels }: BlockRecord, { enforced = [] }: Scope): boolean {
  return enforced
    .map(compileMatcher)
    .every(({ name, matches }) => matches(labelValue(labels, name)))
}

/** Matchers on external labels, which Prometheus does not store: they are answered here. */
import { labelValue, type Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'

/** The matchers that are left for Prometheus; undefined when its external labels do not match. Throws `invalid` for a pattern that is none. */
export function withoutExternal(
  matchers: readonly Matcher[],
  external: Labels,
): readonly Matcher[] | undefined {
  const rest: Matcher[] = []
  let matches = true
  for (const matcher of matchers) {
    const compiled = compileMatcher(matcher)
    const value = labelValue(external, matcher.name)
    if (value === '') rest.push(matcher)
    else matches &&= compiled.matches(value)
  }
  return matches ? rest : undefined
}

/**
 * Where two right answers may differ. Everything else must be equal: status, errors, series, times, floats as
 * strings, every field of histograms, warnings and infos as sets.
 */
import type { ApiAnswer } from '#test/e2e/support/ask.ts'

/** How far apart floats may be where LAST_BITS holds. */
export const MAX_ULPS = 4

export const RULES = {
  RANDOM_ORDER: `Prometheus gathers the results of operations and aggregations from a hash map, and so sums, picks between
equals and reports errors in an order of its own each time. A query is excluded when Prometheus, asked again, disagrees with
itself; thaw has to give one of its answers, or is counted apart.`,
  LAST_BITS: `Go computes exp, and what is made of it, with other instructions on processors without FMA, and on arm64 its
compiler fuses multiplications and additions everywhere. Only there floats may be up to ${MAX_ULPS} apart in the last place.`,
  FORCED_COUNT: `How many samples "needed to be fixed for monotonicity" is counted by Prometheus once more each time that
annotations are merged, and so means nothing ("over 137438953472 samples"). The number is not compared.`,
  TEN_OF_MANY: `Of more than ten warnings, or infos, Prometheus shows any ten. Only the number of the others is compared.`,
  SEVERAL_ERRORS: `A query with several errors fails with the one that is met first. thaw evaluates the parts of a cut query on
their own and reports the error of the first part; whole, it has to report that of Prometheus.`,
  DELAYED_DUPLICATES: `With promql-delayed-name-removal Prometheus does not notice two series of equal labels inside of a query and
goes on with both; thaw says "vector cannot contain metrics with the same labelset".`,
  NEGATED_KINDS: `A minus before several metrics makes labels equal. Where one is a float and the other a histogram at the same time
Prometheus overlooks it and keeps both; thaw says "vector cannot contain metrics with the same labelset".`,
} as const

/** See NEGATED_KINDS. */
export function mayNegateKinds(query: string): boolean {
  return /-\(*\{__name__/.test(query)
}

/** See DELAYED_DUPLICATES. */
export function isDelayedDuplicate({ error }: ApiAnswer): boolean {
  return error === 'vector cannot contain metrics with the same labelset'
}

/** See LAST_BITS. */
export const SAME_BITS = process.arch === 'x64'

/** See FORCED_COUNT. */
export function comparableText(text: string): string {
  return text.replace(/, over \d+ samples from /, ', over some samples from ')
}

/** See TEN_OF_MANY. */
export function omitted(answer: ApiAnswer, kind: 'warnings' | 'infos'): string | undefined {
  return answer[kind]?.find((text) => /^\d+ more (warning|info) annotations omitted$/.test(text))
}

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
annotations are merged, and so means nothing ("over 137438953472 samples", or fewer than none). The number is not compared.`,
  TEN_OF_MANY: `Of more than ten warnings, or infos, Prometheus shows any ten. Only the number of the others is compared.`,
  SEVERAL_ERRORS: `A range query with several errors fails with the one that is met first. thaw evaluates the parts of a cut query
on their own and reports the error of the part that fails first; whole, it has to report that of Prometheus.`,
  EQUAL_INSIDE: `With promql-delayed-name-removal Prometheus looks for equal labels at the end of an instant query only
(rangeEval returns before its check), and goes on where inside of it histogram_quantiles() gives the same quantile twice or
overwrites a label that told its input apart, or where a filled join gives equal labels. thaw says "vector cannot contain metrics
with the same labelset". Prometheus, asked for that part alone, has to say so too, or to show both (KINDS_TOGETHER).`,
  KINDS_TOGETHER: `Where a minus, label_replace(), label_join() or the end of delayed name removal makes labels equal, Prometheus
looks for equal times among the floats and among the histograms (mergeSeriesWithSameLabelset) and goes on with a series that has a
float and a histogram at one time; thaw says "vector cannot contain metrics with the same labelset". Prometheus, asked for
that part of the query, has to show such a series, or to say "unexpected number of samples" where it evaluates one for all steps.`,
  BOTH_WAYS: `The comparison of sort_by_label() says of two values that each comes first when they are equal numbers written
differently, and that neither does when one is empty. Go's slices.SortFunc promises nothing then; the order is not compared.`,
} as const

/** See KINDS_TOGETHER and EQUAL_INSIDE. */
export function isEqualLabelset({ error }: ApiAnswer): boolean {
  return error === 'vector cannot contain metrics with the same labelset'
}

/** See RANDOM_ORDER: any group and any two of its series. */
export function anyDuplicates(error: string | undefined): string | undefined {
  return error?.replace(/(?<=^found duplicate series for the match group ).*\]/, '')
}

/** See BOTH_WAYS. */
export function comparesBothWays(
  names: readonly string[],
  series: readonly Readonly<Record<string, string>>[],
): boolean {
  return names.some((name) => {
    const values = new Set(series.map((labels) => labels[name] ?? ''))
    const plain = new Set([...values].map((value) => value.replace(/0+(?=\d)/g, dropLeading)))
    return plain.size < values.size || (values.has('') && values.size > 1)
  })
}

/** Zeros that a number begins with: not those inside of it. */
function dropLeading(zeros: string, at: number, text: string): string {
  return /\d/.test(text[at - 1] ?? '') ? zeros : ''
}

/** See LAST_BITS. */
export const SAME_BITS = process.arch === 'x64'

/** See FORCED_COUNT. */
export function comparableText(text: string): string {
  return text.replace(/, over -?\d+ samples from /, ', over some samples from ')
}

/** See TEN_OF_MANY. */
export function omitted(answer: ApiAnswer, kind: 'warnings' | 'infos'): string | undefined {
  return answer[kind]?.find((text) => /^\d+ more (warning|info) annotations omitted$/.test(text))
}

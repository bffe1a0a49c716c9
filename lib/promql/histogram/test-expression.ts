/** A histogram in the language of Prometheus's tests. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { formatGeneral } from '../function/float-math.ts'
import { bucketsOf, compactHistogram, isCustom } from './working-histogram.ts'

/** `{{count:3 sum:2.5 buckets:[1 0 2]}}`: what is 0 is left out, and gaps between buckets are empty buckets. */
export function testExpression(histogram: FloatHistogram): string {
  const compact = compactHistogram(histogram)
  const { schema, count, sum, zeroCount, zeroThreshold } = compact
  const parts: string[] = []
  const number = (name: string, value: number): void => {
    if (value !== 0) parts.push(`${name}:${formatGeneral(value)}`)
  }
  const list = (values: Iterable<number>): string =>
    `[${Array.from(values, formatGeneral).join(' ')}]`
  number('schema', schema)
  number('count', count)
  number('sum', sum)
  number('z_bucket', zeroCount)
  number('z_bucket_w', zeroThreshold)
  if (isCustom(compact)) parts.push(`custom_values:${list(compact.customValues)}`)
  const hint = HINTS[histogram.counterResetHint]
  if (hint !== '') parts.push(`counter_reset_hint:${hint}`)
  const buckets = (prefix: string, { indexes, counts }: ReturnType<typeof bucketsOf>): void => {
    const first = indexes[0]
    if (first === undefined) return
    number(`${prefix}offset`, first)
    const filled = Array.from({ length: indexes.at(-1)! - first + 1 }, () => 0)
    for (const [i, index] of indexes.entries()) filled[index - first] = counts[i]!
    parts.push(`${prefix}buckets:${list(filled)}`)
  }
  buckets('', bucketsOf(compact.positiveSpans, compact.positiveBuckets))
  buckets('n_', bucketsOf(compact.negativeSpans, compact.negativeBuckets))
  return `{{${parts.join(' ')}}}`
}

const HINTS: Readonly<Record<FloatHistogram['counterResetHint'], string>> = {
  unknown: '',
  reset: 'reset',
  'not-reset': 'not_reset',
  gauge: 'gauge',
}

/** What a rule takes of the answer to an instant query. */
import { DomainError } from '#lib/model/errors.ts'
import { EMPTY_LABELS } from '#lib/model/labels.ts'
import { ABSENT, HISTOGRAM, type QueryValue } from '#lib/promql/result.ts'
import type { VectorSample } from '../evaluate/contract.ts'

/** Throws a DomainError for strings and range vectors, in Prometheus's words. */
export function instantVector(value: QueryValue): VectorSample[] {
  if (value.type === 'scalar') return [{ labels: EMPTY_LABELS, value: value.values[0]! }]
  if (value.type !== 'vector') {
    throw new DomainError('invalid', 'rule result is not a vector or scalar')
  }
  return value.series.flatMap(({ labels, values, presence, histograms }): VectorSample[] => {
    if (presence[0] === ABSENT) return []
    if (presence[0] !== HISTOGRAM) return [{ labels, value: values[0]! }]
    return [{ labels, value: 0, histogram: histograms!.at(0) }]
  })
}

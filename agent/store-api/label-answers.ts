/** Label names and values of several Prometheuses: theirs, and their external labels. */
import type { LabelNamesRequest, LabelValuesRequest } from '#lib/grpc/store-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { compareUtf8, labelValue } from '#lib/model/labels.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { apiQuery } from './api-query.ts'
import { withoutExternal } from './external-matchers.ts'
import { list, strings } from './json-fields.ts'
import { askAll, externalLabelsOf } from './per-prometheus.ts'

export interface LabelAnswer {
  /** Ascending. */
  readonly texts: readonly string[]
  readonly warnings: readonly string[]
}

/** A Prometheus without any label has no external ones either. */
export async function labelNames(
  units: readonly PrometheusUnit[],
  request: LabelNamesRequest,
  signal: AbortSignal,
): Promise<LabelAnswer> {
  return union(units, request, async (unit) => {
    const external = externalLabelsOf(unit)
    const matchers = withoutExternal(request.matchers, external)
    if (matchers === undefined) return []
    const query = apiQuery({ ...request, matchers })
    const names = strings(await unit.prometheus.api('/api/v1/labels', query, signal))
    if (names.length === 0) return []
    const removed = new Set(request.withoutReplicaLabels)
    const added = external.filter((name, i) => i % 2 === 0 && !removed.has(name))
    return [...names, ...added]
  })
}

/** Values of an external label are known here; Prometheus only says whether it has such series. */
export async function labelValues(
  units: readonly PrometheusUnit[],
  request: LabelValuesRequest,
  signal: AbortSignal,
): Promise<LabelAnswer> {
  const { label } = request
  if (label === '') throw new DomainError('invalid', 'label name parameter cannot be empty')
  if (request.withoutReplicaLabels.includes(label)) return { texts: [], warnings: [] }
  return union(units, request, async (unit) => {
    const external = externalLabelsOf(unit)
    const matchers = withoutExternal(request.matchers, external)
    if (matchers === undefined) return []
    const value = labelValue(external, label)
    const query = apiQuery({ ...request, matchers })
    if (value === '') {
      const path = `/api/v1/label/${encodeURIComponent(label)}/values`
      return strings(await unit.prometheus.api(path, query, signal))
    }
    if (matchers.length === 0) return [value]
    query.set('limit', '1')
    const series = list(await unit.prometheus.api('/api/v1/series', query, signal))
    return series.length > 0 ? [value] : []
  })
}

async function union(
  units: readonly PrometheusUnit[],
  { partialResponseDisabled, partialResponseStrategy, limit }: LabelNamesRequest,
  ask: (unit: PrometheusUnit) => Promise<readonly string[]>,
): Promise<LabelAnswer> {
  const strategy = partialResponseDisabled ? 'ABORT' : partialResponseStrategy
  const { answers, warnings } = await askAll(units, strategy, ask)
  const texts = [...new Set(answers.flat())].sort(compareUtf8)
  // Prometheus knows no limits before 2.53, and nothing of what the others answer.
  return { texts: limit > 0 ? texts.slice(0, limit) : texts, warnings }
}

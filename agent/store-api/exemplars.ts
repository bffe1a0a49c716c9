/** Exemplars of a Prometheus as `thanos.Exemplars` has them. */
import type { ExemplarData, ExemplarsRequest } from '#lib/grpc/exemplars-messages.ts'
import { mergeLabels } from '#lib/model/labels.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { apiQuery } from './api-query.ts'
import { labelSet, list, number, object, text } from './json-fields.ts'
import { externalLabelsOf } from './per-prometheus.ts'

/** The query goes as it is: a client leaves out what is about external labels. */
export async function exemplarsOf(
  unit: PrometheusUnit,
  { query, start, end }: ExemplarsRequest,
  signal: AbortSignal,
): Promise<readonly ExemplarData[]> {
  const parameters = apiQuery({ start, end })
  parameters.set('query', query)
  const data = await unit.prometheus.api('/api/v1/query_exemplars', parameters, signal)
  const external = externalLabelsOf(unit)
  return list(data).map((one) => {
    const { seriesLabels, exemplars } = object(one)
    return {
      seriesLabels: mergeLabels(labelSet(seriesLabels), external),
      exemplars: list(exemplars).map((exemplar) => {
        const { labels, value, timestamp } = object(exemplar)
        const ts = Math.round(number(timestamp) * 1000)
        return { labels: labelSet(labels), value: floatOf(text(value)), ts }
      }),
    }
  })
}

function floatOf(value: string): number {
  if (value === '+Inf') return Infinity
  return value === '-Inf' ? -Infinity : Number(value)
}

/** Types, help and units of the metrics of a Prometheus as `thanos.Metadata` has them. */
import type { MetricMetadata, MetricMetadataRequest } from '#lib/grpc/metadata-messages.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { list, object, text } from './json-fields.ts'

export async function metadataOf(
  unit: PrometheusUnit,
  { metric, limit }: MetricMetadataRequest,
  signal: AbortSignal,
): Promise<MetricMetadata> {
  const query = new URLSearchParams()
  if (metric !== '') query.set('metric', metric)
  if (limit >= 0) query.set('limit', String(limit))
  const data = object(await unit.prometheus.api('/api/v1/metadata', query, signal))
  const entries = Object.entries(data).map(([name, metas]) => {
    const all = list(metas).map((meta) => {
      const { type, help, unit: ofMetric } = object(meta)
      return { type: text(type), help: text(help), unit: text(ofMetric) }
    })
    return [name, { metas: all }] as const
  })
  return { metadata: new Map(entries) }
}

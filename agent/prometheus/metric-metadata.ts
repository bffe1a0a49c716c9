/** What a Prometheus knows of its metrics. */
import { DomainError } from '#lib/model/errors.ts'
import type { PackedMetadata } from '#lib/fresh/side-pages.ts'
import type { PrometheusClient } from './prometheus-client.ts'

/** As its targets said it when they were scraped last. */
export async function metricMetadata(
  prometheus: Pick<PrometheusClient, 'api' | 'url'>,
  signal: AbortSignal,
): Promise<PackedMetadata[]> {
  const data = await prometheus.api('/api/v1/metadata', new URLSearchParams(), signal)
  const strange = new DomainError('invalid', `${prometheus.url} tells metadata of another form`)
  if (typeof data !== 'object' || data === null) throw strange
  return Object.entries(data).flatMap(([metric, entries]: [string, unknown]) => {
    if (!Array.isArray(entries)) throw strange
    return entries.map((entry: unknown) => {
      const { type, help, unit } = (entry ?? {}) as Readonly<Record<string, unknown>>
      if (typeof type !== 'string' || typeof help !== 'string') throw strange
      return { metric, type, help, unit: typeof unit === 'string' ? unit : '' }
    })
  })
}

/** What Thanos's querier counts of its endpoints. */
import { Gauge, type Registry } from 'prom-client'
import { formatLabels, labelsKey } from '#lib/model/labels.ts'
import type { EndpointSet } from './endpoint-set.ts'

/** Thanos's bound of a label that may have any length. */
const MAX_LABEL = 1000

export function registerEndpointMetrics(endpoints: EndpointSet, registry: Registry): void {
  const connections = new Gauge({
    name: 'thanos_store_nodes_grpc_connections',
    help: 'StoreAPIs that answer, by their external labels and what they are.',
    labelNames: ['external_labels', 'store_type'],
    registers: [],
    async collect() {
      this.reset()
      for (const { labelSets, componentType, lastError } of await endpoints.statuses()) {
        if (lastError !== undefined) continue
        const sorted = labelSets.toSorted((a, b) => (labelsKey(a) < labelsKey(b) ? -1 : 1))
        const text = sorted.map((labels) => formatLabels(labels)).join(',')
        const external = text === '' ? 'no_external_labels' : text.slice(0, MAX_LABEL)
        this.inc({ external_labels: external, store_type: componentType })
      }
    },
  })
  registry.registerMetric(connections)
}

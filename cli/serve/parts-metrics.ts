/** /metrics of a process with parts: its own, how each part is, and what the threads count. */
import { AggregatorRegistry, Counter, Gauge, type Registry } from 'prom-client'
import type { Part } from './part.ts'

export function registerParts(registry: Registry, parts: readonly Part[]): void {
  const labelNames = ['component'] as const
  const gauge = (name: string, help: string, value: (part: Part) => number): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames,
        registers: [],
        collect() {
          for (const part of parts) this.set({ component: part.name }, value(part))
        },
      }),
    )
  }
  gauge('thaw_part_ready', 'Whether the part could begin: 1 yes, 0 no', ({ ready }) =>
    Number(ready === true),
  )
  gauge('thaw_part_healthy', 'Whether its thread runs: 1 yes, 0 no', ({ healthy }) =>
    Number(healthy === true),
  )
  gauge(
    'thaw_part_last_success_timestamp_seconds',
    'When its last pass or tick ended well, 0 before the first',
    ({ workedMs }) => workedMs / 1000,
  )
  registry.registerMetric(
    new Counter({
      name: 'thaw_part_restarts_total',
      help: 'Times its thread ended by itself and was started again',
      labelNames,
      registers: [],
      collect() {
        this.reset()
        for (const { name, restarts } of parts) this.inc({ component: name }, restarts)
      },
    }),
  )
}

/** What the threads count has the label `component`, so nothing of theirs is added up. */
export async function metricsOfParts(parts: readonly Part[]): Promise<string> {
  if (parts.length === 0) return ''
  const all = await Promise.all(parts.map((part) => part.metrics()))
  return AggregatorRegistry.aggregate(all.map((metrics) => [...metrics])).metrics()
}

/** What the agent counts, under the names Thanos's sidecar has, so that its dashboards and alerts go on working. */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { VERSION } from './version.ts'

/** What all Prometheuses of an agent share. */
export interface AgentMetrics {
  readonly registry: Registry
}

export interface Health {
  readonly isReady: () => boolean
  readonly isHealthy: () => boolean
}

/** One registry for each agent, so that many can run in one process. `processMetrics` adds memory, CPU and event loop. */
export function createAgentMetrics(
  { isReady, isHealthy }: Health,
  { processMetrics = false, component = 'sidecar' } = {},
): AgentMetrics {
  const registry = new Registry()
  const registers = [registry]
  if (processMetrics) collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'thanos_build_info',
    help: 'Always 1, labelled by the version of the agent',
    labelNames: ['version', 'nodeversion', 'product'],
    registers,
  }).set({ version: VERSION, nodeversion: process.version, product: 'thaw' }, 1)
  const status = new Gauge({
    name: 'thanos_status',
    help: 'Whether the agent is ready and healthy: 1 yes, 0 no',
    labelNames: ['check', 'component'] as const,
    registers: [],
    collect() {
      this.set({ component, check: 'ready' }, isReady() ? 1 : 0)
      this.set({ component, check: 'healthy' }, isHealthy() ? 1 : 0)
    },
  })
  registry.registerMetric(status)
  return { registry }
}

type FixedLabels = Readonly<Record<string, string>>

/** Makes the metrics of one Prometheus: Thanos's names, and the label `prometheus` where Prometheuses have names. */
export interface Meter {
  /** `labels` are part of what is counted: one counter for each of their values. */
  counter(name: string, help: string, labels?: FixedLabels): { inc(by?: number): void }
  gauge(name: string, help: string, labels?: FixedLabels): { set(value: number): void }
  /** Takes what it made out of the registry, when the Prometheus is no longer served. */
  end(): void
}

export function meterOf(registry: Registry, prometheus: string): Meter {
  const own: FixedLabels = prometheus === '' ? {} : { prometheus }
  const made = new Map<string, () => void>()

  function of<M extends Counter | Gauge>(
    kind: new (about: {
      name: string
      help: string
      labelNames: string[]
      registers: Registry[]
    }) => M,
    name: string,
    help: string,
    labels: FixedLabels,
  ): M {
    const known = registry.getSingleMetric(name) as M | undefined
    const labelNames = Object.keys({ ...labels, ...own })
    return known ?? new kind({ name, help, labelNames, registers: [registry] })
  }

  return {
    counter(name, help, labels = {}) {
      const metric = of(Counter, name, help, labels)
      const all = { ...labels, ...own }
      metric.inc(all, 0)
      made.set(`${name} ${JSON.stringify(all)}`, () => metric.remove(all))
      return { inc: (by = 1) => metric.inc(all, by) }
    },
    gauge(name, help, labels = {}) {
      const metric = of(Gauge, name, help, labels)
      const all = { ...labels, ...own }
      metric.set(all, 0)
      made.set(`${name} ${JSON.stringify(all)}`, () => metric.remove(all))
      return { set: (value) => metric.set(all, value) }
    },
    end() {
      for (const remove of made.values()) remove()
      made.clear()
    },
  }
}

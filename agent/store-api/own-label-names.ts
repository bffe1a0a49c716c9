/** Names of labels that the series of a Prometheus have by themselves, as it said lately. */
import type { PrometheusUnit } from '../run-prometheus.ts'
import { strings } from './json-fields.ts'

const KEPT_MS = 30_000

interface Kept {
  readonly names: ReadonlySet<string>
  readonly untilMs: number
}

export class OwnLabelNames {
  readonly #kept = new WeakMap<PrometheusUnit, Kept>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  async of(unit: PrometheusUnit, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const kept = this.#kept.get(unit)
    if (kept !== undefined && this.#now() < kept.untilMs) return kept.names
    const data = await unit.prometheus.api('/api/v1/labels', new URLSearchParams(), signal)
    const names = new Set(strings(data))
    this.#kept.set(unit, { names, untilMs: this.#now() + KEPT_MS })
    return names
  }

  /** They turned out to be others. */
  forget(unit: PrometheusUnit): void {
    this.#kept.delete(unit)
  }
}

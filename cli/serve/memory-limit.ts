/** How much memory the process may have, and what that means for its parts. */
import { constrainedMemory, memoryUsage } from 'node:process'
import { totalmem } from 'node:os'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { QuerySettings } from '#lib/lambda/query-flags.ts'
import { garbageCollector, MemoryGate } from './memory-gate.ts'
import { type MemoryNeeds, type MemoryPlan, planMemory, tighter } from './memory-plan.ts'

/** Of the container or unit; undefined where there is none. */
export function limitOfSystem(
  bytes: number = constrainedMemory(),
  totalBytes: number = totalmem(),
): number | undefined {
  return bytes > 0 && bytes < totalBytes ? bytes : undefined
}

export interface BoundMemory {
  readonly limitBytes: number
  readonly plan: MemoryPlan
  readonly gate: MemoryGate
}

/** With fewer threads for slices where they don't fit and nobody asked for them. */
export function boundMemory(
  needs: MemoryNeeds,
  { mayHaveFewer, now }: { readonly mayHaveFewer: boolean; readonly now: () => number },
): BoundMemory & { readonly workers: number } {
  const { limitBytes } = needs
  const { plan, workers } = planWithFewer(needs, mayHaveFewer ? 0 : needs.workers)
  const gate = new MemoryGate({
    places: plan.concurrency,
    refuseBytes: plan.refuseBytes,
    residentBytes: () => memoryUsage.rss(),
    collect: garbageCollector(),
    now,
  })
  return { limitBytes, plan, gate, workers }
}

function planWithFewer(needs: MemoryNeeds, fewest: number): { plan: MemoryPlan; workers: number } {
  for (let workers = needs.workers; workers > fewest; workers--) {
    try {
      return { plan: planMemory({ ...needs, workers }), workers }
    } catch {
      // With one thread less, then.
    }
  }
  return { plan: planMemory({ ...needs, workers: fewest }), workers: fewest }
}

export function settingsUnder(settings: QuerySettings, plan: MemoryPlan): QuerySettings {
  return { ...settings, limitsOf: (tenant) => tighter(settings.limitsOf(tenant), plan) }
}

export function registerMemory(registry: Registry, { limitBytes, plan, gate }: BoundMemory): void {
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  gauge('thaw_memory_limit_bytes', 'What the process may have in all').set(limitBytes)
  gauge('thaw_query_places', 'Queries that run at one time, of all tenants').set(plan.concurrency)
  const refused = new Counter({
    name: 'thaw_memory_refused_requests_total',
    help: 'Requests that were refused as memory was short',
    registers: [],
    collect() {
      this.reset()
      this.inc(gate.refused)
    },
  })
  registry.registerMetric(refused)
}

/** What replication counts, under Thanos's names. */
import { Counter, Histogram, type Registry } from 'prom-client'
import type { Replicated } from './replicate.ts'

export interface ReplicateMetrics {
  /** Counts one run and what it copied. Rejects as `run` does. */
  run(run: () => Promise<readonly Replicated[]>): Promise<void>
}

export function replicateMetrics(registry: Registry, now: () => number): ReplicateMetrics {
  const registers = [registry]
  const counter = (name: string, help: string) =>
    new Counter({ name: `thanos_replicate_${name}`, help, registers })
  const same = counter('blocks_already_replicated_total', 'Blocks that the target had already')
  const blocks = counter('blocks_replicated_total', 'Blocks that were copied')
  const objects = counter('objects_replicated_total', 'Objects that were copied')
  const labelNames = ['result'] as const
  const runs = new Counter({
    name: 'thanos_replicate_replication_runs_total',
    help: 'Runs, by how they ended',
    labelNames,
    registers,
  })
  const seconds = new Histogram({
    name: 'thanos_replicate_replication_run_duration_seconds',
    help: 'How long runs took',
    labelNames,
    registers,
  })
  for (const result of ['success', 'error']) runs.inc({ result }, 0)
  return {
    async run(run) {
      const begunMs = now()
      let result = 'error'
      try {
        for (const block of await run()) {
          if (block.status === 'same') same.inc()
          if (block.status !== 'copied') continue
          blocks.inc()
          objects.inc(block.objects)
        }
        result = 'success'
      } finally {
        runs.inc({ result })
        seconds.observe({ result }, (now() - begunMs) / 1000)
      }
    },
  }
}

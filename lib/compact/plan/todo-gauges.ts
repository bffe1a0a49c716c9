/** What waits, for whoever serves metrics beside the functions: read from the backlog when somebody asks, once a minute at most. */
import { Gauge, type Registry } from 'prom-client'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type Backlog, readBacklog } from './backlog.ts'
import { todoMetrics, todoOf } from './todo.ts'

const KEPT_MS = 60_000

/** By name: what it tells. */
const HELP = {
  thanos_compact_todo_compactions: 'Merges that are planned',
  thanos_compact_todo_compaction_blocks: 'Blocks that are planned to be merged',
  thanos_compact_todo_downsample_blocks: 'Blocks that are planned to be downsampled',
  thanos_compact_todo_deletion_blocks: 'Blocks beyond their retention that are not marked yet',
  thaw_compact_todo_oldest_timestamp_seconds:
    'When the oldest job that waits was first planned, 0 where none waits',
  thaw_compact_todo_estimated_seconds: 'How long all jobs that wait take, one after the other',
  thaw_compact_last_plan_timestamp_seconds: 'When the last plan was made, 0 before the first',
} as const

export function registerTodoGauges(registry: Registry, bucket: Bucket, now: () => number): void {
  let kept: { readonly values: Promise<Readonly<Record<string, number>>>; readonly atMs: number }
  kept = { values: Promise.resolve({}), atMs: -Infinity }
  const values = (): Promise<Readonly<Record<string, number>>> => {
    if (now() - kept.atMs >= KEPT_MS) {
      // A bucket that does not answer must not take the other metrics away.
      const read = readBacklog(bucket).then(valuesOf, () => ({}))
      kept = { values: read, atMs: now() }
    }
    return kept.values
  }
  for (const [name, help] of Object.entries(HELP)) {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        async collect() {
          this.set((await values())[name] ?? NaN)
        },
      }),
    )
  }
}

function valuesOf(backlog: Backlog): Readonly<Record<string, number>> {
  const { oldestMs = 0, estimateSeconds } = todoOf(backlog)
  return {
    ...todoMetrics(backlog),
    thaw_compact_todo_oldest_timestamp_seconds: oldestMs / 1000,
    thaw_compact_todo_estimated_seconds: estimateSeconds,
    thaw_compact_last_plan_timestamp_seconds: backlog.updatedMs / 1000,
  }
}

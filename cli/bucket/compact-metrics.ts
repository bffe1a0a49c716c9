/** What compaction counts, under the names that Thanos's compactor has. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import {
  DELETION_MARK,
  isReplacement,
  NO_COMPACT_MARK,
  NO_DOWNSAMPLE_MARK,
} from '#lib/compact/jobs/marks.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import { todoMetrics } from '#lib/compact/plan/todo.ts'
import type { DoneJob, HereEvent } from '#lib/compact/run-here.ts'

export interface CompactMetrics {
  observe(event: HereEvent): void
  /** A pass ended well. */
  iterated(): void
}

export function compactMetrics(
  registry: Registry,
  { deleteDelayMs, consistencyDelayMs }: CompactSettings,
): CompactMetrics {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `thanos_compact_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  gauge('thanos_delete_delay_seconds', 'From deletion mark to deletion').set(deleteDelayMs / 1000)
  gauge('thanos_consistency_delay_seconds', 'How long fresh blocks are left alone').set(
    consistencyDelayMs / 1000,
  )
  gauge('thanos_compact_halted', 'Always 0: a broken block stops nothing else').set(0)
  const iterations = counter('iterations_total', 'Passes that ended well')
  const retries = counter('retries_total', 'Jobs that failed and are tried again')
  const started = counter('group_compaction_runs_started_total', 'Compactions begun', 'resolution')
  const completed = counter(
    'group_compaction_runs_completed_total',
    'Compactions that ended well',
    'resolution',
  )
  const compactions = counter(
    'group_compactions_total',
    'Compactions that made a block',
    'resolution',
  )
  const failures = counter(
    'group_compactions_failures_total',
    'Compactions that failed',
    'resolution',
  )
  const downsampled = counter('downsample_total', 'Blocks downsampled', 'resolution')
  const notDownsampled = counter(
    'downsample_failures_total',
    'Downsamplings that failed',
    'resolution',
  )
  const downsampleSeconds = new Histogram({
    name: 'thanos_compact_downsample_duration_seconds',
    help: 'How long downsampling a block took',
    labelNames: ['resolution'] as const,
    buckets: [1, 10, 60, 300, 900, 1800, 3600, 7200, 14_400],
    registers,
  })
  const cleaned = counter('blocks_cleaned_total', 'Blocks deleted')
  const notCleaned = counter('block_cleanup_failures_total', 'Deletions that failed')
  const marked = counter('blocks_marked_total', 'Blocks that got a mark', 'marker', 'reason')
  const garbage = counter(
    'garbage_collected_blocks_total',
    'Blocks marked because another has their samples',
  )
  const todo = new Map<string, Gauge>()

  function ended({ job: { job }, seconds, outcome }: DoneJob): void {
    const { status } = outcome
    const isFailed = status === 'failed'
    if (isFailed) retries.inc()
    if (status === 'set-aside') {
      const marker = job.type === 'downsample' ? NO_DOWNSAMPLE_MARK : NO_COMPACT_MARK
      marked.inc({ marker, reason: 'unreadable' })
    }
    const done = status === 'done' ? outcome : undefined
    marked.inc({ marker: DELETION_MARK, reason: '' }, done?.marked?.length ?? 0)
    switch (job.type) {
      case 'compact':
      case 'cut':
      case 'part':
      case 'finish':
      case 'merge-packs': {
        const resolution = String(done?.made?.thanos?.downsample.resolution ?? 0)
        started.inc({ resolution })
        if (isFailed || status === 'set-aside') failures.inc({ resolution })
        else completed.inc({ resolution })
        if (done?.made) compactions.inc({ resolution })
        return
      }
      case 'downsample': {
        // Of the block that it was made of, as Thanos has it.
        const resolution = job.resolutionMs === 300_000 ? '0' : '300000'
        if (isFailed || status === 'set-aside') notDownsampled.inc({ resolution })
        if (!done?.made) return
        downsampled.inc({ resolution })
        downsampleSeconds.observe({ resolution }, seconds)
        return
      }
      case 'mark':
        if (isReplacement(job.reason)) garbage.inc(done?.marked?.length ?? 0)
        return
      case 'delete':
        cleaned.inc(done?.deleted?.length ?? 0)
        if (isFailed) notCleaned.inc()
        return
      case 'delete-objects':
        return
      default:
        job satisfies never
    }
  }

  return {
    observe(event) {
      if (event.type === 'ended') ended(event)
      if (event.type !== 'planned') return
      const jobs = event.jobs.map((job) => ({ ...job, plannedMs: 0 }))
      for (const [name, value] of Object.entries(todoMetrics({ jobs }))) {
        const known = todo.get(name) ?? gauge(name, 'What the plan of now has of it')
        todo.set(name, known)
        known.set(value)
      }
    },
    iterated: () => iterations.inc(),
  }
}

/** Jobs of whoever works on and on: counted for /metrics, and a line in the log for each. */
import type { Registry } from 'prom-client'
import type { Logger } from '#agent/logger.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import type { HereEvent } from '#lib/compact/run-here.ts'
import { type CompactMetrics, compactMetrics } from './compact-metrics.ts'
import { jobLine } from './job-report.ts'

export interface ObserveParts {
  readonly registry: Registry
  readonly logger: Logger
  readonly settings: CompactSettings
}

export function observeJobs({ registry, logger, settings }: ObserveParts): CompactMetrics {
  const metrics = compactMetrics(registry, settings)
  return {
    ...metrics,
    observe(event: HereEvent) {
      metrics.observe(event)
      if (event.type !== 'ended') return
      const { status } = event.outcome
      const isBad = status === 'failed' || status === 'set-aside'
      logger[isBad ? 'error' : 'info'](
        { status, job: event.job.job.type },
        jobLine(event).trimEnd(),
      )
    },
  }
}

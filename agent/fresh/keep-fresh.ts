/** Puts what is new in a Prometheus into the bucket, every interval, until the agent is stopped. */
import { DomainError, isKind } from '#lib/model/errors.ts'
import { killAfterGrace } from '../kill-after-grace.ts'
import type { PrometheusState } from '../prometheus/heartbeat.ts'
import { sleep } from '../sleep.ts'
import { freshMetrics } from './fresh-metrics.ts'
import type { FreshOptions, FreshParts } from './fresh-options.ts'
import { FreshWriter } from './fresh-writer.ts'

/** Each is a few requests to the bucket. */
const MIN_INTERVAL_MS = 100

/**
 * Follows the log in the data directory. After `stopping` comes a last pack, for which there are `stopGraceMs`. Two of them on one directory
 * do no harm: both write, and samples in two packs are read once.
 */
export async function keepFresh(
  options: FreshOptions,
  parts: FreshParts,
  state: PrometheusState,
  stopping: AbortSignal,
): Promise<void> {
  const { logger, now } = parts
  const metrics = freshMetrics(parts.meter)
  const kill = killAfterGrace(options.stopGraceMs, stopping, parts.killSignal)
  const writer = new FreshWriter(options, parts, metrics, kill.signal)
  const intervalMs = Math.max(options.freshIntervalMs, MIN_INTERVAL_MS)
  let failures = 0
  try {
    for (;;) {
      const isLast = stopping.aborted
      const begunMs = now()
      try {
        await writer.round(state.externalLabels)
        failures = 0
        parts.onRound?.()
      } catch (error) {
        if (kill.signal.aborted) {
          logger.warn(
            {},
            'no time for a last fresh block, what it had is read again after the restart',
          )
          break
        }
        if (!(error instanceof DomainError)) throw error
        failures++
        metrics.failures.inc()
        logger.error({ kind: error.kind, err: error, failures }, failureText(error))
      }
      writer.countBehind()
      if (isLast) break
      if (failures === 0) await writer.upkeep(stopping)
      parts.giveBack?.()
      const pauseMs = Math.min(intervalMs, 1000 * 2 ** Math.min(failures - 1, 20))
      // A clock that was set back meanwhile must not make the pause longer.
      const tookMs = Math.max(0, now() - begunMs)
      const nextMs = failures > 0 ? pauseMs : intervalMs - tookMs
      await (parts.sleep ?? sleep)(Math.max(0, nextMs), stopping)
    }
  } finally {
    kill.dispose()
  }
}

function failureText(error: DomainError): string {
  if (isKind(error, 'unauthorized')) return 'no fresh block, permissions are missing'
  return 'no fresh block in this round, it is tried again'
}

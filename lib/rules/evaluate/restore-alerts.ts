/** Alerts of a new group go on where ALERTS_FOR_STATE says they were: of another ruler before us, or under another name of the file. */
import { labelsFrom, labelsKey, METRIC_NAME, withoutLabels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { isStale } from '#lib/model/samples.ts'
import { NO_HINTS, type Storage } from '#lib/storage/storage.ts'
import type { AlertingRuleConfig } from '../file/rule-file.ts'
import { forStateLabels } from './alert-series.ts'
import type { EvaluateDeps, LastSample, RestoreRead } from './contract.ts'
import type { AlertState } from './group-state.ts'

/** As Prometheus restores; when nothing can be read, the alerts stay as they are. */
export async function restoreAlerts(
  rule: AlertingRuleConfig,
  alerts: readonly AlertState[],
  timeMs: number,
  deps: EvaluateDeps,
): Promise<readonly AlertState[]> {
  const { restore, forGracePeriodMs, forOutageToleranceMs, signal } = deps
  const { externalLabels, restoreIgnoredLabels = [] } = deps
  if (!restore || alerts.length === 0 || rule.forMs < forGracePeriodMs) return alerts
  const external = new Set([...Object.keys(externalLabels), ...restoreIgnoredLabels])
  const ignored = new Set([METRIC_NAME, ...external])
  const wanted = withoutLabels(forStateLabels(rule), external)
  const found = await restore(wanted, timeMs - forOutageToleranceMs, timeMs, signal).catch(
    (error: unknown): LastSample[] => {
      if (signal?.aborted) throw error
      return []
    },
  )
  const byLabels = new Map<string, LastSample>()
  for (const sample of found) {
    const key = labelsKey(withoutLabels(sample.labels, ignored))
    const other = byLabels.get(key)
    // Several rulers may have had it.
    if (!other || other.timeMs < sample.timeMs) byLabels.set(key, sample)
  }
  return alerts.map((alert) => {
    const last = byLabels.get(labelsKey(withoutLabels(labelsFrom(alert.labels), ignored)))
    if (!last || last.stale) return alert
    return { ...alert, activeAtMs: restoredActiveAt(rule.forMs, last, timeMs, forGracePeriodMs) }
  })
}

/** Whole seconds, as ALERTS_FOR_STATE has no others. */
function restoredActiveAt(
  forMs: number,
  last: LastSample,
  timeMs: number,
  graceMs: number,
): number {
  const downAtMs = Math.floor(last.timeMs / 1000) * 1000
  const activeAtMs = Math.trunc(last.value) * 1000
  const remainingMs = forMs - (downAtMs - activeAtMs)
  if (remainingMs <= 0) return activeAtMs
  if (remainingMs < graceMs) return timeMs + graceMs - forMs
  return activeAtMs + (timeMs - downAtMs)
}

/** What `restore` asks for, of a storage. */
export function lastSamples(storage: Pick<Storage, 'select'>): RestoreRead {
  return async (labels, startMs, endMs, signal) => {
    const matchers: Matcher[] = []
    for (let i = 0; i < labels.length; i += 2) {
      matchers.push({ type: '=', name: labels[i]!, value: labels[i + 1]! })
    }
    const set = await storage.select({ matchers, startMs, endMs, hints: NO_HINTS }, signal)
    return set.labels.flatMap((found, series): LastSample[] => {
      const { length, timestamps, values, histograms } = set.samples(series)
      if (length === 0 || histograms) return []
      const last = length - 1
      const stale = isStale(values, last)
      return [{ labels: found, timeMs: timestamps[last]!, value: values[last]!, stale }]
    })
  }
}

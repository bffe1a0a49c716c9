/** Targets of a Prometheus as `thanos.Targets` has them. */
import {
  type ActiveTarget,
  TARGET_HEALTHS,
  type TargetDiscovery,
  type TargetState,
} from '#lib/grpc/targets-messages.ts'
import { type Labels, mergeLabels } from '#lib/model/labels.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { type Json, labelSet, list, number, object, text, time } from './json-fields.ts'
import { externalLabelsOf } from './per-prometheus.ts'

/** External labels are added to what was discovered too, as Thanos does. */
export async function targetsOf(
  unit: PrometheusUnit,
  state: TargetState,
  signal: AbortSignal,
): Promise<TargetDiscovery> {
  const query = new URLSearchParams(state === 'ANY' ? {} : { state: state.toLowerCase() })
  const data = object(await unit.prometheus.api('/api/v1/targets', query, signal))
  const external = externalLabelsOf(unit)
  return {
    activeTargets: list(data['activeTargets']).map((one) => readActive(object(one), external)),
    droppedTargets: list(data['droppedTargets']).map((one) => ({
      discoveredLabels: mergeLabels(labelSet(object(one)['discoveredLabels']), external),
    })),
  }
}

function readActive(target: Json, external: Labels): ActiveTarget {
  const health = text(target['health']).toUpperCase()
  return {
    discoveredLabels: mergeLabels(labelSet(target['discoveredLabels']), external),
    labels: mergeLabels(labelSet(target['labels']), external),
    scrapePool: text(target['scrapePool']),
    scrapeUrl: text(target['scrapeUrl']),
    globalUrl: text(target['globalUrl']),
    lastError: text(target['lastError']),
    lastScrape: time(target['lastScrape']),
    lastScrapeDuration: number(target['lastScrapeDuration']),
    health: TARGET_HEALTHS.find((one) => one === health) ?? 'UNKNOWN',
  }
}

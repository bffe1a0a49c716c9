/** `thanos.info.Info`: what the Prometheuses of an agent have. */
import type { InfoResponse, TsdbInfo } from '#lib/grpc/info-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { externalLabelsOf } from './per-prometheus.ts'

/** Those that answer; samples come at any time. Throws `unavailable` when none does, so that nobody asks for more. */
export function infoOf(units: readonly PrometheusUnit[]): InfoResponse {
  const ready = units.filter(({ state }) => state.ready)
  if (ready.length === 0) throw new DomainError('unavailable', 'not ready')
  const tsdbInfos: readonly TsdbInfo[] = ready.map((unit) => ({
    labels: externalLabelsOf(unit),
    minTime: unit.state.minTimeMs,
    maxTime: Infinity,
  }))
  return {
    labelSets: tsdbInfos.map(({ labels }) => labels),
    componentType: 'sidecar',
    store: {
      minTime: Math.min(...tsdbInfos.map(({ minTime }) => minTime)),
      maxTime: Infinity,
      supportsSharding: true,
      supportsWithoutReplicaLabels: true,
      tsdbInfos,
      supportsProjections: false,
    },
    rules: {},
    metricMetadata: {},
    targets: {},
    exemplars: { minTime: -Infinity, maxTime: Infinity },
    query: undefined,
    status: {},
  }
}

/** Keeps asking Prometheus whether it lives and which external labels it has now. */
import { DomainError } from '#lib/model/errors.ts'
import { type TimeOrOffset, resolveTime } from '../duration.ts'
import type { Logger } from '../logger.ts'
import type { Meter } from '../metrics.ts'
import type { PrometheusClient } from './prometheus-client.ts'
import { noExternalLabels } from '../ship/shipper.ts'
import { sleep } from '../sleep.ts'
import { type FlagRules, checkPrometheusFlags } from './validate.ts'

export interface PrometheusState {
  ready: boolean
  externalLabels: Readonly<Record<string, string>>
  /** Oldest time that is served from it, ms: of its oldest sample where that is known, but not before `minTime`. */
  minTimeMs: number
}

export interface HeartbeatOptions {
  readonly prometheus: PrometheusClient
  readonly metrics: HeartbeatMetrics
  readonly logger: Logger
  readonly now: () => number
  readonly intervalMs: number
  readonly minTime: TimeOrOffset
  /** Throws `invalid` when these labels can't be this Prometheus's. */
  readonly claimLabels: (externalLabels: Readonly<Record<string, string>>) => void
}

export type HeartbeatMetrics = ReturnType<typeof heartbeatMetrics>

export function heartbeatMetrics(meter: Meter) {
  return {
    prometheusUp: meter.gauge(
      'thanos_sidecar_prometheus_up',
      'Whether the agent reaches its Prometheus: 1 yes, 0 no',
    ),
    lastHeartbeat: meter.gauge(
      'thanos_sidecar_last_heartbeat_success_time_seconds',
      'Unix time of the last heartbeat that Prometheus answered',
    ),
  }
}

const RETRY_MS = 2000

/**
 * Waits until Prometheus answers, has flags to ship by (when `rules` are given) and external labels.
 * Rejects with kind `invalid` when somebody must change its configuration, and `timeout` when it does not come.
 */
export async function awaitPrometheus(
  options: HeartbeatOptions,
  rules: FlagRules | undefined,
  readyTimeoutMs: number,
  signal: AbortSignal,
): Promise<PrometheusState> {
  const { prometheus, logger, now, metrics } = options
  const deadline = now() + readyTimeoutMs
  for (;;) {
    try {
      if (!(await prometheus.ready(signal))) {
        throw new DomainError('unavailable', `${prometheus.url} says that it is not ready yet`)
      }
      if (rules !== undefined) {
        const warnings = checkPrometheusFlags(await prometheus.flags(signal), rules)
        for (const warning of warnings) logger.warn({ url: prometheus.url }, warning)
      }
      const version = await prometheus.version(signal)
      const beat = await listen(options, signal)
      const { externalLabels, minTimeMs } = beat
      const oldest = new Date(minTimeMs).toISOString()
      logger.info({ url: prometheus.url, version, externalLabels, oldest }, 'prometheus found')
      heard(metrics, now())
      return { ready: true, ...beat }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.kind === 'invalid' || error.kind === 'canceled') throw error
      if (now() + RETRY_MS > deadline) {
        throw new DomainError(
          'timeout',
          `${prometheus.url} was not ready in ${readyTimeoutMs / 1000} s (--prometheus.ready_timeout), check --prometheus.url`,
          { cause: error },
        )
      }
      logger.warn({ err: error, retryMs: RETRY_MS }, 'waiting for prometheus')
      await sleep(RETRY_MS, signal)
    }
  }
}

async function listen(
  { prometheus, claimLabels, minTime, now }: HeartbeatOptions,
  signal: AbortSignal,
): Promise<Omit<PrometheusState, 'ready'>> {
  const externalLabels = await prometheus.externalLabels(signal)
  if (Object.keys(externalLabels).length === 0) throw noExternalLabels(prometheus.url)
  claimLabels(externalLabels)
  const lowestMs = (await lowestTimestamp(prometheus, signal)) ?? -Infinity
  return { externalLabels, minTimeMs: Math.max(lowestMs, resolveTime(minTime, now())) }
}

/** Not everybody lets /metrics be read. */
async function lowestTimestamp(
  prometheus: PrometheusClient,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    return await prometheus.lowestTimestampMs(signal)
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === 'canceled') throw error
    return undefined
  }
}

/** Runs until the signal; writes into `state`, which the shipper reads before each pass. */
export async function keepHeartbeat(
  options: HeartbeatOptions,
  state: PrometheusState,
  signal: AbortSignal,
): Promise<void> {
  const { prometheus, metrics, logger, now } = options
  while (!signal.aborted) {
    await sleep(options.intervalMs, signal)
    if (signal.aborted) return
    try {
      Object.assign(state, await listen(options, signal))
      if (!state.ready) logger.info({ url: prometheus.url }, 'prometheus answers again')
      state.ready = true
      heard(metrics, now())
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof DomainError)) throw error
      state.ready = false
      metrics.prometheusUp.set(0)
      logger.warn({ err: error }, 'no heartbeat from prometheus')
    }
  }
}

function heard(metrics: HeartbeatMetrics, nowMs: number): void {
  metrics.prometheusUp.set(1)
  metrics.lastHeartbeat.set(nowMs / 1000)
}

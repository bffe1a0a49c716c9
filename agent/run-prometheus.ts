/** What the agent does for one Prometheus: waits for it, then runs the loops that serve it, all until the first of them ends. */
import { join } from 'node:path'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { PrometheusOptions } from './agent-options.ts'
import { keepFresh } from './fresh/keep-fresh.ts'
import type { Logger } from './logger.ts'
import type { Meter } from './metrics.ts'
import {
  type HeartbeatOptions,
  type PrometheusState,
  awaitPrometheus,
  heartbeatMetrics,
  keepHeartbeat,
} from './prometheus/heartbeat.ts'
import { type RemoteQuery, remoteRead } from './prometheus/remote-read.ts'
import { metricMetadata } from './prometheus/metric-metadata.ts'
import type { PrometheusClient } from './prometheus/prometheus-client.ts'
import type { Env } from './objstore.ts'
import { hasReloader, keepReloading } from './reload/keep-reloading.ts'
import { keepShipping } from './ship/keep-shipping.ts'
import type { ShipOutcome } from './ship/shipper.ts'
import { cleanShipperState } from './ship/shipper-state.ts'
import { cleanStaging } from './ship/staging.ts'
import type { UploadProgress } from './ship/upload.ts'
import { watchRivals } from './watch-rivals.ts'

/** A Prometheus that is served, as the other parts of the agent see it. */
export interface PrometheusUnit {
  readonly options: PrometheusOptions
  readonly prometheus: PrometheusClient
  /** Kept up to date by its heartbeat. */
  readonly state: PrometheusState
}

export interface PrometheusParts {
  /** Undefined: nothing is uploaded, only the heartbeat runs. */
  readonly bucket: Bucket | undefined
  /** The same for what must not wait for blocks, where uploads share a bandwidth. */
  readonly urgentBucket: Bucket | undefined
  readonly logger: Logger
  readonly now: () => number
  readonly meter: Meter
  /** For proxies, and `$(VAR)` in configurations. */
  readonly env?: Env | undefined
  /** Gives up running uploads at once. */
  readonly killSignal?: AbortSignal | undefined
  /** Called when there is nothing to do for a while. */
  readonly giveBack?: (() => void) | undefined
  readonly onPass?: ((outcome: ShipOutcome) => void) | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /** Throws `invalid` when another Prometheus of this agent has these external labels. */
  readonly claimLabels: (externalLabels: Readonly<Record<string, string>>) => void
}

type Loop = (stopping: AbortSignal) => Promise<void>

/** Resolves after `stopping`. Rejects when somebody must change something first, and when Prometheus does not come. */
export async function runPrometheus(
  unit: PrometheusUnit,
  parts: PrometheusParts,
  stopping: AbortSignal,
): Promise<void> {
  const { options, prometheus } = unit
  const loops: Loop[] = [(signal) => serve(unit, parts, signal)]
  if (hasReloader(options.reloader)) {
    // From the very start: Prometheus may be waiting for the configuration that it writes.
    const { env = {} } = parts
    loops.push((signal) => keepReloading(options.reloader, { ...parts, prometheus, env }, signal))
  }
  try {
    await untilFirstEnds(loops, stopping)
  } finally {
    unit.state.ready = false
  }
}

async function serve(
  { options, prometheus, state }: PrometheusUnit,
  parts: PrometheusParts,
  stopping: AbortSignal,
): Promise<void> {
  const { bucket, logger, meter, now, claimLabels } = parts
  const heartbeat: HeartbeatOptions = {
    prometheus,
    metrics: heartbeatMetrics(meter),
    logger,
    now,
    intervalMs: options.getConfigIntervalMs,
    minTime: options.minTime,
    claimLabels,
  }
  if (bucket !== undefined) await cleanUp(options, logger)
  const rules = bucket === undefined ? undefined : options
  const readyMs = options.prometheusReadyTimeoutMs
  Object.assign(state, await awaitPrometheus(heartbeat, rules, readyMs, stopping))
  const loops: Loop[] = [(signal) => keepHeartbeat(heartbeat, state, signal)]
  if (bucket !== undefined) {
    loops.push(
      (signal) => keepShipping(options, { ...parts, bucket }, state, signal),
      (signal) => watchRivals(options.tsdbPath, parts, signal),
    )
    if (options.fresh) {
      const fresh = {
        ...parts,
        bucket: parts.urgentBucket ?? bucket,
        metadata: (signal: AbortSignal) => metricMetadata(prometheus, signal),
        ask: (query: RemoteQuery, signal: AbortSignal) => remoteRead(prometheus, query, signal),
      }
      loops.push((signal) => keepFresh(options, fresh, state, signal))
    }
  }
  await untilFirstEnds(loops, stopping)
}

/** What killed agents left behind. */
async function cleanUp({ tsdbPath, metaFileName }: PrometheusOptions, logger: Logger) {
  await cleanShipperState(join(tsdbPath, metaFileName))
  const removed = await cleanStaging(tsdbPath)
  if (removed.length > 0) logger.info({ blocks: removed }, 'left-over staging removed')
}

/** Whatever ends one of the loops ends the others, and they are waited for. */
async function untilFirstEnds(loops: readonly Loop[], stopping: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([stopping, stop.signal])
  const running = loops.map((loop) => loop(either))
  try {
    await Promise.race(running)
  } finally {
    stop.abort()
    await Promise.allSettled(running)
  }
  await Promise.all(running)
}

/** The agent as a function: waits for Prometheus, then ships its blocks until the signal. */
import { join } from 'node:path'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import type { AgentOptions } from './agent-options.ts'
import { awaitPrometheus, keepHeartbeat, type PrometheusState } from './prometheus/heartbeat.ts'
import { type AgentHttpServer, startAgentHttp } from './http-server.ts'
import type { Logger } from './logger.ts'
import { meteredBucket } from './ship/metered-bucket.ts'
import { type AgentMetrics, createAgentMetrics, setStatus } from './metrics.ts'
import { prometheusClient } from './prometheus/prometheus-client.ts'
import { type ShipOutcome, type ShipperOptions, shipBlocks } from './ship/shipper.ts'
import { sleep } from './sleep.ts'
import { cleanShipperState } from './ship/shipper-state.ts'
import { cleanStaging } from './ship/staging.ts'
import type { UploadProgress } from './ship/upload.ts'

export interface AgentParts {
  /** Undefined: nothing is uploaded, only the heartbeat runs. */
  readonly bucket: Bucket | undefined
  readonly logger: Logger
  readonly now: () => number
  /** Begins the end: no further block, and the running upload has `stopGraceMs`. */
  readonly signal: AbortSignal
  /** Ends at once. */
  readonly killSignal?: AbortSignal | undefined
  readonly metrics?: AgentMetrics | undefined
  readonly onListening?: ((url: string) => void) | undefined
  readonly onPass?: ((outcome: ShipOutcome) => void) | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
}

/** Resolves after the signal, when nothing runs any more. Rejects when somebody must change something first. */
export async function runAgent(options: AgentOptions, parts: AgentParts): Promise<void> {
  const { logger, now, signal } = parts
  const metrics = parts.metrics ?? createAgentMetrics()
  const bucket = parts.bucket && meteredBucket(parts.bucket, metrics)
  const prometheus = prometheusClient({
    url: options.prometheusUrl,
    timeoutMs: options.getConfigTimeoutMs,
  })
  const state: PrometheusState = { ready: false, externalLabels: {} }
  let http: AgentHttpServer | undefined
  if (options.httpAddress !== '') {
    http = await startAgentHttp({
      address: options.httpAddress,
      metrics,
      isReady: () => state.ready,
    })
    logger.info({ url: http.url }, 'listening')
    parts.onListening?.(http.url)
  }
  setStatus(metrics, 'healthy', true)
  // Whatever ends one of the loops ends the other.
  const stop = new AbortController()
  const stopping = AbortSignal.any([signal, stop.signal])
  try {
    if (bucket === undefined) {
      logger.warn({}, 'no bucket is configured (--objstore.config), nothing is uploaded')
    } else {
      await cleanShipperState(join(options.tsdbPath, options.metaFileName))
      const removed = await cleanStaging(options.tsdbPath)
      if (removed.length > 0) logger.info({ blocks: removed }, 'left-over staging removed')
    }
    const heartbeat = { prometheus, metrics, logger, now, intervalMs: options.getConfigIntervalMs }
    const rules = bucket === undefined ? undefined : options
    const readyMs = options.prometheusReadyTimeoutMs
    Object.assign(state, await awaitPrometheus(heartbeat, rules, readyMs, stopping))
    const loops = [keepHeartbeat(heartbeat, state, stopping)]
    if (bucket !== undefined) {
      loops.push(keepShipping(options, { ...parts, bucket, metrics }, state, stopping))
    }
    try {
      await Promise.all(loops)
    } finally {
      stop.abort()
      await Promise.allSettled(loops)
    }
  } catch (error) {
    if (!(signal.aborted && isKind(error, 'canceled'))) throw error
  } finally {
    state.ready = false
    setStatus(metrics, 'ready', false)
    setStatus(metrics, 'healthy', false)
    await http?.close()
  }
  logger.info({}, 'agent stopped')
}

interface ShippingParts extends AgentParts {
  readonly bucket: Bucket
  readonly metrics: AgentMetrics
}

async function keepShipping(
  options: AgentOptions,
  parts: ShippingParts,
  state: PrometheusState,
  stopping: AbortSignal,
): Promise<void> {
  const { logger, metrics } = parts
  const shipper: ShipperOptions = { ...options, ...parts, source: 'sidecar' }
  const kill = killAfterGrace(options.stopGraceMs, stopping, parts.killSignal)
  let failures = 0
  while (!stopping.aborted) {
    let outcome: ShipOutcome | undefined
    let failure: unknown
    if (Object.keys(state.externalLabels).length > 0) {
      try {
        outcome = await shipBlocks(shipper, {
          externalLabels: state.externalLabels,
          onProgress: parts.onProgress,
          stopping,
          signal: kill.signal,
        })
        countOutcome(metrics, outcome, options)
        parts.onPass?.(outcome)
        failure = outcome.failed[0]?.error
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        metrics.dirSyncFailures.inc()
        if (error.kind === 'canceled' && stopping.aborted) break
        logger.error({ kind: error.kind, err: error }, 'pass over the data directory ended early')
        failure = error
      }
    }
    failures = failure === undefined ? 0 : failures + 1
    await sleep(pauseMs(failure, failures, options.shipIntervalMs), stopping)
  }
  kill.dispose()
}

/** What passes by itself is tried again sooner, after 1, 2, 4 … seconds; the rest waits for the next pass. */
export function pauseMs(failure: unknown, failures: number, intervalMs: number): number {
  const passing =
    isKind(failure, 'unavailable') || isKind(failure, 'timeout') || isKind(failure, 'conflict')
  return passing ? Math.min(intervalMs, 1000 * 2 ** Math.min(failures - 1, 20)) : intervalMs
}

function countOutcome(metrics: AgentMetrics, outcome: ShipOutcome, options: AgentOptions): void {
  const { uploaded, failed, notReached } = outcome
  if (notReached.length === 0) metrics.dirSyncs.inc()
  else metrics.dirSyncFailures.inc()
  metrics.uploads.inc(uploaded.length)
  metrics.uploadedBytes.inc(uploaded.reduce((sum, { byteLength }) => sum + byteLength, 0))
  const corrupted = failed.filter(({ error }) => error.kind === 'corrupt').length
  metrics.corruptedBlocks.inc(corrupted)
  metrics.uploadFailures.inc(failed.length - corrupted)
  const done = options.uploadCompacted && failed.length === 0 && notReached.length === 0
  metrics.uploadCompactedDone.set(done ? 1 : 0)
}

/** A signal that comes `graceMs` after `stopping`, or with `now`. */
function killAfterGrace(graceMs: number, stopping: AbortSignal, now: AbortSignal | undefined) {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(() => late.abort(new Error('the grace period is over')), graceMs)
    timer.unref()
  }
  if (stopping.aborted) begin()
  else stopping.addEventListener('abort', begin, { once: true })
  return {
    signal: now === undefined ? late.signal : AbortSignal.any([late.signal, now]),
    dispose() {
      stopping.removeEventListener('abort', begin)
      clearTimeout(timer)
    },
  }
}

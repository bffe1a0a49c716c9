/** The agent as a function: what its Prometheuses share, and each of them served until the signal. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { AgentOptions, PrometheusOptions } from './agent-options.ts'
import { type AgentHttpOptions, type AgentHttpServer, startAgentHttp } from './http-server.ts'
import type { Logger } from './logger.ts'
import { type AgentMetrics, createAgentMetrics } from './metrics.ts'
import { meteredBucket } from './metered-bucket.ts'
import type { ShipOutcome } from './ship/shipper.ts'
import { aborted } from './sleep.ts'
import type { UploadProgress } from './ship/upload.ts'
import type { Env } from './objstore.ts'
import { serveStoreApi, type StoreApiServer } from './store-api/serve-store-api.ts'
import { throttledBuckets } from './throttled-bucket.ts'
import { prometheusUnits } from './units.ts'
import { whenFree } from './when-free.ts'

export interface AgentParts {
  /** Undefined: nothing is uploaded, only the heartbeat runs. */
  readonly bucket: Bucket | undefined
  readonly logger: Logger
  readonly now: () => number
  /** Begins the end: no further block, and the running upload has `stopGraceMs`. */
  readonly signal: AbortSignal
  /** Ends at once. */
  readonly killSignal?: AbortSignal | undefined
  /** For proxies, and `$(VAR)` in configurations. */
  readonly env?: Env | undefined
  /** Adds memory, CPU and event loop of the process to the metrics. */
  readonly processMetrics?: boolean | undefined
  /** Called when there is nothing to do for a while. */
  readonly giveBack?: (() => void) | undefined
  /** Lists of Prometheuses that replace the one before. */
  readonly changes?: AsyncIterable<readonly PrometheusOptions[]> | undefined
  readonly onListening?: ((url: string) => void) | undefined
  /** `host:port` of the gRPC server. */
  readonly onStoreApi?: ((address: string) => void) | undefined
  readonly onPass?: ((outcome: ShipOutcome) => void) | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
}

/** Resolves after the signal, when nothing runs any more. Rejects when somebody must change something first. */
export async function runAgent(options: AgentOptions, parts: AgentParts): Promise<void> {
  const { logger, signal } = parts
  let healthy = true
  const isReady = (): boolean => units.list().some(({ state }) => state.ready)
  const metrics = createAgentMetrics({ isReady, isHealthy: () => healthy }, parts)
  const { bucket, urgentBucket } = sharedBuckets(options, parts, metrics)
  const units = prometheusUnits({ ...parts, bucket, urgentBucket, metrics })
  if (bucket === undefined) {
    logger.warn({}, 'no bucket is configured (--objstore.config), nothing is uploaded')
  }
  let http: AgentHttpServer | undefined
  let storeApi: StoreApiServer | undefined
  try {
    if (options.httpAddress !== '') {
      const settings: AgentHttpOptions = {
        address: options.httpAddress,
        gracePeriodMs: options.httpGracePeriodMs,
        webConfigFile: options.webConfigFile,
        logger,
        metrics,
        isReady,
      }
      http = await whenFree(async () => startAgentHttp(settings), parts)
      logger.info({ url: http.url }, 'listening')
      parts.onListening?.(http.url)
    }
    if (options.storeApi.address !== '') {
      storeApi = await serveStoreApi(options.storeApi, {
        ...parts,
        units: () => units.list(),
        metrics,
      })
      parts.onStoreApi?.(storeApi.address)
    }
    await units.apply(options.prometheuses)
    await Promise.race([
      aborted(signal),
      units.failure,
      ...(parts.changes === undefined ? [] : [follow(parts.changes)]),
    ])
  } catch (error) {
    if (!(signal.aborted && isKind(error, 'canceled'))) throw error
  } finally {
    healthy = false
    // The ports at once, for whoever takes over. Calls that run go on to their end beside the last upload.
    await Promise.all([http?.close(), storeApi?.stop(), units.stop()])
  }
  logger.info({}, 'agent stopped')

  async function follow(changes: AsyncIterable<readonly PrometheusOptions[]>): Promise<void> {
    for await (const prometheuses of changes) {
      if (!signal.aborted) await units.apply(prometheuses)
    }
    await aborted(signal)
  }
}

function sharedBuckets(
  { uploadBandwidth }: AgentOptions,
  { bucket: given, now }: AgentParts,
  metrics: AgentMetrics,
) {
  const bucket = given && meteredBucket(given, metrics.registry, now)
  if (bucket === undefined || uploadBandwidth === 0) return { bucket, urgentBucket: bucket }
  const throttled = throttledBuckets(bucket, { bytesPerSecond: uploadBandwidth, now })
  return { bucket: throttled.bucket, urgentBucket: throttled.urgent }
}

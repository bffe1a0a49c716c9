/** The store as a function: its HTTP and gRPC servers over a bucket, until the signal. */
import { type TimeOrOffset, resolveTime } from '#agent/duration.ts'
import { grpcSettings } from '#agent/flags/grpc-flags.ts'
import { startAgentHttp } from '#agent/http-server.ts'
import type { Logger } from '#agent/logger.ts'
import { createAgentMetrics } from '#agent/metrics.ts'
import { meteredBucket } from '#agent/metered-bucket.ts'
import { aborted } from '#agent/sleep.ts'
import { grpcObserver } from '#agent/store-api/grpc-metrics.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { Gate } from '#lib/grpc/gate.ts'
import { startGrpcServer } from '#lib/grpc/server.ts'
import { DomainError } from '#lib/model/errors.ts'
import { freshSource } from '#lib/query/fresh-source.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { rulesSource } from '#lib/rules/rules-source.ts'
import type { ClosedInterval } from '#lib/storage/storage.ts'
import { blockSeriesStore } from '#lib/store-api/block-series-store.ts'
import { KNOWLEDGE_APIS, knowledgeServices } from '#lib/store-api/knowledge-service.ts'
import { parseSelector } from '#lib/store-api/selector-relabel.ts'
import { infoApiService, storeApiService } from '#lib/store-api/store-service.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import type { StoreFlagValues } from './store-flags.ts'
import { storeMetrics } from './store-metrics.ts'

export interface StoreOptions {
  readonly flags: StoreFlagValues
  readonly selectorYaml: string
}

export interface StoreParts {
  readonly bucket: Bucket
  readonly logger: Logger
  readonly now: () => number
  readonly signal: AbortSignal
  /** Ends at once. */
  readonly killSignal?: AbortSignal
  readonly processMetrics?: boolean
  readonly onListening?: (addresses: { readonly http: string; readonly grpc: string }) => void
}

/** As for queries: how old the view of the bucket may be. */
const INDEX_AGE_MS = 5000
/** How often it is looked whether the bucket can be read, where it could not. */
const READY_AGAIN_MS = 5000

/** Resolves after the signal, when nothing runs any more. Rejects with `invalid` or `unavailable` where it can't begin. */
export async function runStore(
  { flags, selectorYaml }: StoreOptions,
  parts: StoreParts,
): Promise<void> {
  const { logger, now, signal, killSignal } = parts
  const selector = parseSelector(selectorYaml)
  const grpc = grpcSettings(flags)
  if (grpc.address === '') throw new DomainError('invalid', '--grpc-address is needed')
  let ready = false
  const metrics = createAgentMetrics(
    { isReady: () => ready, isHealthy: () => true },
    { component: 'store', processMetrics: parts.processMetrics ?? false },
  )
  const bucket = meteredBucket(parts.bucket, metrics.registry, now)
  const gate = new Gate(flags['store.grpc.series-max-concurrency'])
  const reading = {
    bucket,
    index: new BucketIndexReader(bucket, { now, maxAgeMs: INDEX_AGE_MS }),
    cache: new StoreCache(flags['index-cache-size']),
    shows: ({ labels, id }: BlockRecord) => selector(labels, id),
  }
  const times = (): ClosedInterval => timesOf(flags, now())
  const store = blockSeriesStore({
    ...reading,
    limits: { ...grpc.limits, bytes: flags['store.grpc.downloaded-bytes-limit'] },
    times,
  })
  const sources = [freshSource({ ...reading, now }), rulesSource(new RulerReader({ bucket, now }))]
  const services = [
    infoApiService(store, 'store', KNOWLEDGE_APIS),
    ...knowledgeServices({ sources, times }),
  ]
  const observer = storeMetrics(metrics.registry, gate, flags['store.grpc.series-max-concurrency'])
  const http =
    flags['http-address'] === ''
      ? undefined
      : await startAgentHttp({
          address: flags['http-address'],
          gracePeriodMs: flags['http-grace-period'],
          webConfigFile: '',
          logger,
          metrics,
          isReady: () => ready,
          component: 'store',
          notReady: 'the bucket can not be read',
        })
  try {
    const server = await startGrpcServer(
      {
        address: grpc.address,
        maxConnectionAgeMs: grpc.maxConnectionAgeMs,
        ...(grpc.tls && { tls: grpc.tls }),
        observer: grpcObserver(metrics.registry, logger, now),
      },
      [storeApiService({ store, gate, now, observer }), ...services],
    )
    try {
      const listening = grpc.address.replace(/:\d*$/, `:${server.port}`)
      logger.info({ grpc: listening, http: http?.url, bucket: bucket.name }, 'listening')
      parts.onListening?.({ http: http?.url ?? '', grpc: listening })
      await untilReadable(() => store.streams(signal), logger, signal)
      ready = !signal.aborted
      server.isServing = ready
      await aborted(signal)
    } finally {
      ready = false
      killSignal?.addEventListener('abort', () => void server.stop(0))
      await server.stop(killSignal?.aborted ? 0 : grpc.gracePeriodMs)
    }
  } finally {
    await http?.close()
  }
  logger.info({}, 'store stopped')
}

function timesOf(flags: StoreFlagValues, nowMs: number): ClosedInterval {
  const at = (time: TimeOrOffset): number => resolveTime(time, nowMs)
  return { startMs: at(flags['min-time']), endMs: at(flags['max-time']) }
}

/** Ready is who can read the bucket; one that can't be read yet may be later. */
async function untilReadable(
  read: () => Promise<unknown>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await read()
      return
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (signal.aborted) return
      logger.error({ err: error }, 'the bucket can not be read')
      await Promise.race([aborted(signal), later(READY_AGAIN_MS)])
    }
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

/** The agent's gRPC server: Thanos's StoreAPI over its Prometheuses. */
import { Counter } from 'prom-client'
import { startGrpcServer } from '#lib/grpc/server.ts'
import type { GrpcSettings } from '../flags/grpc-flags.ts'
import type { Logger } from '../logger.ts'
import type { AgentMetrics } from '../metrics.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { grpcObserver } from './grpc-metrics.ts'
import { OwnLabelNames } from './own-label-names.ts'
import { storeApiServices } from './services.ts'
import { whenFree } from '../when-free.ts'
import { SortBudget } from './sort-budget.ts'

export const NO_STORE_API: GrpcSettings = {
  address: '',
  tls: undefined,
  gracePeriodMs: 120_000,
  maxConnectionAgeMs: 0,
  limits: { series: 0, samples: 0 },
}

export interface StoreApiParts {
  readonly units: () => readonly PrometheusUnit[]
  readonly metrics: AgentMetrics
  readonly logger: Logger
  readonly now: () => number
  /** Ends waiting for the port. */
  readonly signal: AbortSignal
}

export interface StoreApiServer {
  /** With the port that was given by the system when port 0 was asked for. */
  readonly address: string
  /** Resolves when no call runs any more. */
  stop(): Promise<void>
}

/** Of all requests together. */
const SORT_BYTES = 128 * 1024 * 1024
const HEALTH_MS = 500

/** Answers as long as any Prometheus does, and says so in health checks. Throws as `startGrpcServer`. */
export async function serveStoreApi(
  { address, tls, gracePeriodMs, maxConnectionAgeMs, limits }: GrpcSettings,
  { units, metrics, logger, now, signal }: StoreApiParts,
): Promise<StoreApiServer> {
  const { registry } = metrics
  const dropped = new Counter({
    name: 'thanos_store_selects_dropped_total',
    help: 'Requests for series that ended at a limit',
    labelNames: ['reason'] as const,
    registers: [registry],
  })
  for (const reason of ['series', 'chunks']) dropped.inc({ reason }, 0)
  const services = storeApiServices({
    units,
    limits,
    ownLabelNames: new OwnLabelNames(now),
    budget: new SortBudget(SORT_BYTES),
    onDropped: (reason) => dropped.inc({ reason }),
  })
  const observer = grpcObserver(registry, logger, now)
  const options = { address, maxConnectionAgeMs, observer, ...(tls && { tls }) }
  const free = { logger, now, signal }
  const server = await whenFree(async () => startGrpcServer(options, services), free)
  const follow = (): void => {
    server.isServing = units().some(({ state }) => state.ready)
  }
  follow()
  const following = setInterval(follow, HEALTH_MS).unref()
  const listening = address.replace(/:\d*$/, `:${server.port}`)
  logger.info({ address: listening, tls: tls !== undefined }, 'gRPC listening')
  return {
    address: listening,
    async stop() {
      clearInterval(following)
      await server.stop(gracePeriodMs)
    },
  }
}

/** What a command does over and over until it is told to stop: its passes, their pauses, and /metrics of them. */
import type { Registry } from 'prom-client'
import { address, choice, duration, type FlagValues, path } from '#agent/flags/flag.ts'
import { startAgentHttp } from '#agent/http-server.ts'
import { createLogger, type Logger } from '#agent/logger.ts'
import { createAgentMetrics } from '#agent/metrics.ts'
import { sleep } from '#agent/sleep.ts'
import { DomainError } from '#lib/model/errors.ts'

export const RUNNING_FLAGS = {
  'http-address': address(
    '0.0.0.0:10902',
    "/metrics, /-/healthy and /-/ready while it keeps running; '' for none",
  ),
  'http-grace-period': duration('2m', 'how long running HTTP requests may go on after SIGTERM'),
  'http.config': path('', 'file with TLS, users and headers of the HTTP server'),
  'log.level': choice(['debug', 'info', 'warn', 'error'], 'info', 'least level that is logged'),
  'log.format': choice(
    ['logfmt', 'json', 'journald'],
    'logfmt',
    'form of the log lines; journald is logfmt with the priority that systemd reads',
  ),
} as const

export interface RunningOptions {
  /** What /-/ready and the metrics call it. */
  readonly component: string
  readonly flags: FlagValues<typeof RUNNING_FLAGS>
  readonly intervalMs: number
  readonly signal: AbortSignal
  readonly onListening?: ((url: string) => void) | undefined
}

export interface RunningParts {
  readonly registry: Registry
  readonly logger: Logger
}

/** `begin` makes the metrics and gives what one pass does. A pass that fails is logged and tried again after the interval. */
export async function keepRunning(
  { component, flags, intervalMs, signal, onListening }: RunningOptions,
  begin: (parts: RunningParts) => () => Promise<void>,
): Promise<void> {
  const logger = createLogger({ level: flags['log.level'], format: flags['log.format'] })
  let ready = false
  const metrics = createAgentMetrics(
    { isReady: () => ready, isHealthy: () => true },
    { component, processMetrics: true },
  )
  const pass = begin({ registry: metrics.registry, logger })
  const http =
    flags['http-address'] === ''
      ? undefined
      : await startAgentHttp({
          address: flags['http-address'],
          gracePeriodMs: flags['http-grace-period'],
          webConfigFile: flags['http.config'],
          logger,
          metrics,
          isReady: () => ready,
          component,
          notReady: 'no pass has ended well yet',
        })
  onListening?.(http?.url ?? '')
  if (http) logger.info({ http: http.url }, 'listening')
  try {
    while (!signal.aborted) {
      try {
        await pass()
        ready = true
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        if (!signal.aborted) logger.error({ err: error }, 'the pass broke off')
      }
      await sleep(intervalMs, signal)
    }
  } finally {
    await http?.close()
  }
  logger.info({}, `${component} stopped`)
}

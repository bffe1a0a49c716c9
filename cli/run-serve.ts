/** The process of `thaw serve`: parts, server, and the end of both. */
import { Registry, collectDefaultMetrics } from 'prom-client'
import { parseAddress } from '#agent/http-server.ts'
import { createLogger, type LogFormat, type Logger, type LogLevel } from '#agent/logger.ts'
import { listen } from '#lib/api/node-server.ts'
import { QueryQueue } from '#lib/api/query-queue.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import type { QuerySettings } from '#lib/lambda/query-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import { bucketApp } from './bucket-app.ts'
import { openCliEndpoints } from './cli-endpoints.ts'
import type { CliContext } from './context.ts'
import { defaultWorkers } from './default-workers.ts'
import { openTokenDoor } from './token-door.ts'

export interface ServeFlags {
  readonly httpAddress: string
  readonly httpGracePeriod: number
  readonly 'auth.tokens'?: boolean | undefined
  readonly 'query.workers'?: number | undefined
  readonly 'log.level': LogLevel
  readonly 'log.format': LogFormat
}

/** Where another thread is worth it: its caches are warm after a while. */
const SLICE_BYTES = 4 * 1024 * 1024

const KEPT_BYTES = 64 * 1024 * 1024

export interface Served {
  readonly settings: QuerySettings
  readonly yaml: string | undefined
}

export async function runServe(
  { env, now, signal, killSignal }: CliContext,
  flags: ServeFlags,
  { settings, yaml }: Served,
): Promise<void> {
  const address = parseAddress(flags.httpAddress)
  if (yaml === undefined && settings.endpoints === undefined) {
    throw new DomainError(
      'invalid',
      'there is nothing to serve, name a bucket with --objstore.config-file or a StoreAPI with --endpoint',
    )
  }
  if (flags['auth.tokens'] === true && yaml === undefined) {
    throw new DomainError(
      'invalid',
      '--auth.tokens: tokens are in a bucket, name it with --objstore.config-file',
    )
  }
  const logger = createLogger({ level: flags['log.level'], format: flags['log.format'] })
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const log = (message: string): void => logger.warn({}, message)
  const endpoints = await openCliEndpoints(settings.endpoints, { now, log, registry })
  // A wrong list of endpoints is told now, not with the first query.
  await endpoints?.update()
  const config = yaml === undefined ? undefined : parseObjstoreConfig(yaml, env)
  const { app, stop } = await bucketApp({
    config,
    endpoints,
    settings,
    workers: flags['query.workers'] ?? defaultWorkers(),
    sliceBytes: SLICE_BYTES,
    keptBytes: KEPT_BYTES,
    now,
    registry,
    server: {
      ...(config &&
        flags['auth.tokens'] === true && { door: await openTokenDoor(config, now, logger) }),
      queue: new QueryQueue(settings.limitsOf),
      queryLog: queryLog(settings, logger),
      metrics: () => registry.metrics(),
      log: ({ message, error, ...entry }) => logger.error({ ...entry, err: error }, message),
    },
  })
  const server = await listen(app, { host: address.host, port: address.port }).catch(
    (cause: Error) => {
      throw new DomainError('invalid', `--http-address ${flags.httpAddress}: ${cause.message}`, {
        cause,
      })
    },
  )
  logger.info(
    {
      url: server.url,
      tokens: flags['auth.tokens'] === true,
      endpoints: endpoints !== undefined,
      bucket: yaml !== undefined,
    },
    'serving',
  )
  try {
    await untilStopped(endpoints, signal)
    logger.info({}, 'stopping: no more requests are taken')
    await server.close(flags.httpGracePeriod, killSignal)
  } finally {
    endpoints?.close()
    await stop()
  }
}

async function untilStopped(
  endpoints: EndpointSet | undefined,
  signal: AbortSignal,
): Promise<void> {
  const running = endpoints?.run(signal)
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  }
  await running
}

function queryLog({ slowMs }: QuerySettings, logger: Logger) {
  return {
    slowMs,
    write: ({ slow, ...entry }: { readonly slow: boolean }) =>
      slow ? logger.warn(entry, 'slow query detected') : logger.debug(entry, 'query'),
  }
}

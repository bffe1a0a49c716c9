/** The process of `thaw rule`: ticks, and the HTTP API over the same bucket. */
import { Registry, collectDefaultMetrics } from 'prom-client'
import { ulid } from 'ulid'
import { parseAddress } from '#agent/http-server.ts'
import { createLogger, type LogFormat, type Logger, type LogLevel } from '#agent/logger.ts'
import { listen } from '#lib/api/node-server.ts'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import type { RuleSettings } from '#lib/lambda/rule-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { tickText } from '#lib/rules/tick/tick-report.ts'
import { bucketApp } from '../bucket-app.ts'
import { openCliEndpoints } from '../cli-endpoints.ts'
import type { CliContext } from '../context.ts'
import { KeepTicking } from './keep-ticking.ts'
import { localRuleFiles } from './local-files.ts'
import { rulerMetrics } from './metrics-text.ts'
import { Ruler } from './ruler.ts'

export interface RuleProcessFlags {
  readonly once?: boolean | undefined
  readonly ruleFile: readonly string[]
  readonly httpAddress: string
  readonly 'log.level': LogLevel
  readonly 'log.format': LogFormat
}

export interface RuleProcess {
  readonly settings: RuleSettings
  readonly yaml: string
  /** Flags that have no effect. */
  readonly idle: readonly string[]
}

const CACHE_BYTES = 256 * 1024 * 1024
/** Time for answers that are under way when it ends. */
const GRACE_MS = 2000

export async function runRule(
  context: CliContext,
  flags: RuleProcessFlags,
  { settings, yaml, idle }: RuleProcess,
): Promise<void> {
  const { env, now, write } = context
  const logger = createLogger({ level: flags['log.level'], format: flags['log.format'] })
  if (idle.length > 0) logger.warn({ flags: idle.join(' ') }, 'flags without effect here')
  const bucket = await openBucket(parseObjstoreConfig(yaml, env))
  await checkConditionalWrites(bucket, { id: ulid() })
  const log = (message: string): void => logger.warn({}, message)
  const endpoints = await openCliEndpoints(settings.endpoints, { now, log })
  await endpoints?.update()
  const ruler = new Ruler({
    settings,
    bucket,
    files: flags.ruleFile.length > 0 ? localRuleFiles(flags.ruleFile) : undefined,
    cacheBytes: CACHE_BYTES,
    sources: endpoints && (() => endpoints.sources()),
    env,
    now,
    killSignal: context.killSignal,
  })
  await ruler.open()
  try {
    if (flags.once === true) {
      const report = await ruler.tick()
      write(`${[tickText(report), ...report.problems].join('\n')}\n`)
    } else {
      await serve(context, { flags, settings, yaml, bucket, endpoints, logger, ruler })
    }
  } finally {
    ruler.close()
    endpoints?.close()
  }
}

interface Served {
  readonly flags: RuleProcessFlags
  readonly settings: RuleSettings
  readonly yaml: string
  readonly bucket: Bucket
  readonly endpoints: EndpointSet | undefined
  readonly logger: Logger
  readonly ruler: Ruler
}

async function serve(context: CliContext, served: Served): Promise<void> {
  const { env, now, signal, killSignal, onHangup } = context
  const { flags, settings, yaml, bucket, endpoints, logger, ruler } = served
  const ticking = new KeepTicking()
  const reload = async (): Promise<void> => {
    await ruler.open()
    logger.info({}, 'files are read again')
    ticking.wake()
  }
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const reader = new RulerReader({ bucket, now })
  const replicas = settings.replicaLabels.map((label) => `--query.replica-label=${label}`)
  const { app, stop } = await bucketApp({
    config: parseObjstoreConfig(yaml, env),
    endpoints,
    settings: querySettings(replicas),
    workers: 0,
    sliceBytes: 4 * 1024 * 1024,
    keptBytes: 0,
    now,
    server: {
      flags: settings.flags,
      async metrics() {
        const state = await reader.state()
        return `${await registry.metrics()}${state ? rulerMetrics(state) : ''}`
      },
      log: ({ message, error, ...entry }) => logger.error({ ...entry, err: error }, message),
    },
  })
  const fetch = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname !== '/-/reload') return app.fetch(request)
    if (!['POST', 'PUT'].includes(request.method)) return new Response('', { status: 405 })
    return reload().then(
      () => new Response(''),
      (error: Error) => new Response(`failed to reload: ${error.message}\n`, { status: 500 }),
    )
  }
  const address = parseAddress(flags.httpAddress)
  const server = await listen({ fetch }, { host: address.host, port: address.port }).catch(
    (cause: Error) => {
      throw new DomainError('invalid', `--http-address ${flags.httpAddress}: ${cause.message}`, {
        cause,
      })
    },
  )
  onHangup(() => {
    reload().catch((error: Error) => logger.error({ err: error }, 'nothing was reloaded'))
  })
  logger.info({ url: server.url, bucket: bucket.name }, 'evaluating rules')
  const watching = endpoints?.run(signal)
  try {
    const { evalIntervalMs: periodMs } = settings.tick
    const tick = async (): Promise<void> => void (await ruler.loggedTick(logger))
    await ticking.run({ periodMs, now, signal, tick })
    await watching
    await server.close(GRACE_MS, killSignal)
  } finally {
    await stop()
  }
}

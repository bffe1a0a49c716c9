/** Thanos's configuration reloader: whenever the configuration or a rule file changes, Prometheus is made to read them. */
import { dirname } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import type { Logger } from '../logger.ts'
import type { Meter } from '../metrics.ts'
import type { Env } from '../objstore.ts'
import { type WatchedFiles, digestFiles, writeExpanded } from './config-files.ts'
import { aborted } from '../sleep.ts'
import { type ReloadTarget, type Trigger, reloadByHttp, reloadBySignal } from './trigger.ts'
import { watchDirectories } from './watch-paths.ts'

export interface ReloaderOptions extends WatchedFiles {
  /** How often to look without having been told of a change; 0 to write the configuration once and leave it at that. */
  readonly watchIntervalMs: number
  /** How soon a reload that failed is tried again. */
  readonly retryIntervalMs: number
  readonly method: 'http' | 'signal'
  readonly processName: string
}

export interface ReloaderParts {
  readonly prometheus: ReloadTarget
  readonly logger: Logger
  readonly now: () => number
  readonly meter: Meter
  readonly env: Env
}

export function hasReloader({ configFile, ruleDirs }: ReloaderOptions): boolean {
  return configFile !== '' || ruleDirs.length > 0
}

/** Until the signal. Rejects with `invalid` when the files can't be used at the start; later that is logged and counted. */
export async function keepReloading(
  options: ReloaderOptions,
  parts: ReloaderParts,
  stopping: AbortSignal,
): Promise<void> {
  const { logger, now } = parts
  const metrics = reloaderMetrics(parts.meter, options.method)
  const trigger: Trigger =
    options.method === 'http'
      ? reloadByHttp(parts.prometheus)
      : reloadBySignal(parts.prometheus, options.processName, now)
  if (options.watchIntervalMs === 0) {
    await writeConfig()
    await aborted(stopping)
    return
  }
  const { configFile, ruleDirs } = options
  const watch = watchDirectories(
    configFile === '' ? ruleDirs : [dirname(configFile), ...ruleDirs],
    {
      onEvent: () => metrics.watchEvents.inc(),
      onError(error) {
        metrics.watchErrors.inc()
        logger.warn({ err: error }, 'changes are only seen at the watch interval')
      },
    },
  )
  metrics.watches.set(watch.count)
  logger.info({ configFile, ruleDirs, method: options.method }, 'reloader watches')
  try {
    /** Of the files as Prometheus has them, and as they are; undefined while they can't be used. */
    let applied: string | undefined
    let found: string | undefined = await prepare()
    while (!stopping.aborted) {
      if (found !== undefined && found !== applied && (await reload())) applied = found
      const done = found !== undefined && found === applied
      await watch.changed(done ? options.watchIntervalMs : options.retryIntervalMs, stopping)
      if (!stopping.aborted) found = await look()
    }
  } finally {
    watch.close()
  }

  async function look(): Promise<string | undefined> {
    metrics.applies.inc()
    try {
      return await prepare()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      metrics.failedApplies.inc()
      logger.error({ err: error }, 'configuration not applied')
      return undefined
    }
  }

  /** The digest first: what changes in between is then seen as a change. */
  async function prepare(): Promise<string> {
    const digest = await digestFiles(options)
    await writeConfig()
    return digest
  }

  async function writeConfig(): Promise<void> {
    if (options.configFile === '' || options.envsubstFile === '') return
    const { unset } = await writeExpanded(options, parts.env)
    metrics.unsetVariables.set(unset.length)
    if (unset.length === 0) return
    throw new DomainError(
      'invalid',
      `${options.configFile} names environment variables that are not set: ${unset.join(', ')}`,
    )
  }

  async function reload(): Promise<boolean> {
    metrics.reloads.inc()
    try {
      await trigger(stopping)
      logger.info({ configFile, ruleDirs }, 'prometheus reloaded')
      metrics.lastSuccessful.set(1)
      metrics.lastSuccessTime.set(now() / 1000)
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (stopping.aborted) return false
      metrics.failedReloads.inc()
      metrics.lastSuccessful.set(0)
      logger.error({ err: error, retryMs: options.retryIntervalMs }, 'prometheus not reloaded')
      return false
    }
  }
}

function reloaderMetrics(meter: Meter, method: string) {
  const counter = (name: string, help: string) =>
    meter.counter(`thanos_sidecar_reloader_${name}`, help)
  const gauge = (name: string, help: string) => meter.gauge(`thanos_sidecar_reloader_${name}`, help)
  meter.gauge('thanos_sidecar_reloader_info', 'Always 1, labelled by how', { method }).set(1)
  return {
    reloads: counter('reloads_total', 'Reloads asked of Prometheus'),
    failedReloads: counter('reloads_failed_total', 'Reloads that failed'),
    lastSuccessful: gauge('last_reload_successful', 'Whether the last reload was taken'),
    lastSuccessTime: gauge(
      'last_reload_success_timestamp_seconds',
      'Unix time of the last reload that was taken',
    ),
    applies: counter('config_apply_operations_total', 'Times the files were looked at'),
    failedApplies: counter(
      'config_apply_operations_failed_total',
      'Times the files could not be used',
    ),
    unsetVariables: gauge(
      'config_environment_variable_expansion_errors',
      'Variables of the configuration without a value, when it was last looked at',
    ),
    watches: gauge('watches', 'Directories that are watched'),
    watchEvents: counter('watch_events_total', 'Changes that were told'),
    watchErrors: counter('watch_errors_total', 'Errors of watching'),
  }
}

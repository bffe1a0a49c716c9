/** What the flags, and the file that lists several Prometheuses, ask of the agent. */
import { readFile } from 'node:fs/promises'
import { DomainError } from '#lib/model/errors.ts'
import type { AgentOptions, PrometheusOptions } from '../agent-options.ts'
import type { LogFormat, LogLevel } from '../logger.ts'
import type { Env } from '../objstore.ts'
import { configuredPrometheus } from '../prometheus/prometheus-client.ts'
import {
  PROCESS_FLAGS,
  PROMETHEUS_FLAGS,
  type PrometheusFlagValues,
  type ProcessFlagValues,
} from './agent-flags.ts'
import { flagValues } from './command-flags.ts'
import { grpcSettings } from './grpc-flags.ts'
import { parsePrometheusList } from './prometheus-list.ts'

export interface AgentSettings extends AgentOptions {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly debugName: string
  readonly once: boolean
  /** The Prometheuses as the files say now; undefined when no file lists them. */
  readonly readAgain: (() => Promise<readonly PrometheusOptions[]>) | undefined
}

/** `parsed` as commander gives it; `env` is for what stands as `$(VAR)` in configurations. */
export async function agentSettings(
  parsed: Readonly<Record<string, unknown>>,
  env: Env = {},
): Promise<AgentSettings> {
  const own: ProcessFlagValues = flagValues(PROCESS_FLAGS, parsed)
  const values: PrometheusFlagValues = flagValues(PROMETHEUS_FLAGS, parsed)
  const file = own['config.file']
  const read = async () => readPrometheusList(file, values, env)
  return {
    prometheuses: file === '' ? [await prometheusOf('', values, env)] : await read(),
    httpAddress: own['http-address'],
    webConfigFile: own['http.config'],
    httpGracePeriodMs: own['http-grace-period'],
    storeApi: grpcSettings(own),
    uploadBandwidth: own['upload.bandwidth'],
    logLevel: own['log.level'],
    logFormat: own['log.format'],
    debugName: own['debug.name'],
    once: parsed['once'] === true,
    readAgain: file === '' ? undefined : read,
  }
}

async function readPrometheusList(
  file: string,
  standard: PrometheusFlagValues,
  env: Env,
): Promise<readonly PrometheusOptions[]> {
  const listed = parsePrometheusList(await readText(file, '--config.file'), file, standard)
  return Promise.all(listed.map(async ({ name, values }) => prometheusOf(name, values, env)))
}

async function prometheusOf(
  name: string,
  values: PrometheusFlagValues,
  env: Env,
): Promise<PrometheusOptions> {
  const options: PrometheusOptions = {
    name,
    prometheusUrl: values['prometheus.url'],
    prometheusReadyTimeoutMs: values['prometheus.ready_timeout'],
    getConfigIntervalMs: values['prometheus.get_config_interval'],
    getConfigTimeoutMs: values['prometheus.get_config_timeout'],
    httpClientYaml: await httpClientYaml(values),
    tsdbPath: values['tsdb.path'],
    minTime: values['min-time'],
    metaFileName: values['shipper.meta-file-name'],
    uploadCompacted: values['shipper.upload-compacted'],
    allowOutOfOrderUploads: values['shipper.allow-out-of-order-uploads'],
    skipCorruptedBlocks: values['shipper.skip-corrupted-blocks'],
    ignoreUnequalBlockSize: values['shipper.ignore-unequal-block-size'],
    uploadConcurrency: values['shipper.upload-concurrency'],
    shipIntervalMs: values['shipper.interval'],
    stopGraceMs: values['shipper.stop-grace'],
    hashFunc: values['hash-func'],
    reloader: {
      configFile: values['reloader.config-file'],
      envsubstFile: values['reloader.config-envsubst-file'],
      ruleDirs: values['reloader.rule-dir'],
      watchIntervalMs: values['reloader.watch-interval'],
      retryIntervalMs: values['reloader.retry-interval'],
      method: values['reloader.method'],
      processName: values['reloader.process-name'],
    },
    fresh: values.fresh,
    freshSource: values['fresh.source'],
    freshIntervalMs: values['fresh.interval'],
    freshMaxMemory: values['fresh.max-memory'],
  }
  // A URL or a client that can't be is said now, before anything is started or stopped for it.
  configuredPrometheus(options, env).close()
  return options
}

async function httpClientYaml(values: PrometheusFlagValues): Promise<string> {
  const yaml = values['prometheus.http-client']
  const file = values['prometheus.http-client-file']
  if (file === '') return yaml
  if (yaml === '') return readText(file, '--prometheus.http-client-file')
  throw new DomainError(
    'invalid',
    'give --prometheus.http-client or --prometheus.http-client-file, not both',
  )
}

async function readText(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DomainError('invalid', `${flag}: ${(cause as Error).message}`, { cause })
  }
}

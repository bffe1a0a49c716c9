/** One pass and its outcome: for `thaw agent --once`, `npm start` and tests. */
import { join } from 'node:path'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type PrometheusOptions, prometheusOptions } from '../agent-options.ts'
import { type Logger, SILENT } from '../logger.ts'
import type { Env } from '../objstore.ts'
import { configuredPrometheus } from '../prometheus/prometheus-client.ts'
import { type ShipOutcome, type ShipperOptions, noExternalLabels, shipBlocks } from './shipper.ts'
import { cleanShipperState } from './shipper-state.ts'
import { cleanStaging } from './staging.ts'
import type { UploadProgress } from './upload.ts'
import { checkPrometheusFlags } from '../prometheus/validate.ts'

export interface ShipOnceOptions extends Partial<PrometheusOptions> {
  readonly tsdbPath: string
  readonly bucket: Bucket
  /** Without them Prometheus is asked for its labels, and its flags are checked. */
  readonly externalLabels?: Readonly<Record<string, string>> | undefined
  readonly source?: string | undefined
  readonly logger?: Logger | undefined
  readonly now: () => number
  readonly env?: Env | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  readonly check?: ShipperOptions['check']
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export async function shipOnce(given: ShipOnceOptions): Promise<ShipOutcome> {
  const {
    bucket,
    externalLabels,
    source,
    logger = SILENT,
    now,
    onProgress,
    check,
    dryRun,
    signal,
    env,
    ...rest
  } = given
  const options = prometheusOptions(rest)
  if (!dryRun) {
    await cleanShipperState(join(options.tsdbPath, options.metaFileName))
    await cleanStaging(options.tsdbPath)
  }
  const labels = externalLabels ?? (await askPrometheus(options, logger, env, signal))
  return shipBlocks(
    { ...options, bucket, source: source ?? 'sidecar', logger, now, check, dryRun },
    { externalLabels: labels, onProgress, signal },
  )
}

async function askPrometheus(
  options: PrometheusOptions,
  logger: Logger,
  env: Env | undefined,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, string>>> {
  const prometheus = configuredPrometheus(options, env)
  const warnings = checkPrometheusFlags(await prometheus.flags(signal), options)
  for (const warning of warnings) logger.warn({ url: prometheus.url }, warning)
  const labels = await prometheus.externalLabels(signal)
  if (Object.keys(labels).length === 0) throw noExternalLabels(prometheus.url)
  return labels
}

/** What an agent can be told, and what it does untold. */
import { DomainError } from '#lib/model/errors.ts'
import type { TimeOrOffset } from './duration.ts'
import type { ReloaderOptions } from './reload/keep-reloading.ts'
import type { FreshSource } from './fresh/fresh-options.ts'
import { DEFAULT_SHIPPER_FILE } from './ship/shipper-state.ts'
import type { HashFunc } from './ship/upload-file.ts'
import type { GrpcSettings } from './flags/grpc-flags.ts'
import { NO_STORE_API } from './store-api/serve-store-api.ts'

/** Of one Prometheus. */
export interface PrometheusOptions {
  /** Tells several apart, in logs and as the label `prometheus` of metrics; '' for the only one, which the flags name. */
  readonly name: string
  readonly prometheusUrl: string
  readonly httpClientYaml: string
  readonly prometheusReadyTimeoutMs: number
  readonly getConfigIntervalMs: number
  readonly getConfigTimeoutMs: number
  /** Thanos's configuration of HTTP clients; '' for none. */
  readonly tsdbPath: string
  /** Nothing older is served from this Prometheus. */
  readonly minTime: TimeOrOffset
  readonly metaFileName: string
  readonly uploadCompacted: boolean
  readonly allowOutOfOrderUploads: boolean
  readonly skipCorruptedBlocks: boolean
  readonly ignoreUnequalBlockSize: boolean
  readonly uploadConcurrency: number
  readonly shipIntervalMs: number
  /** How long a running upload may go on after the signal. */
  readonly stopGraceMs: number
  readonly hashFunc: HashFunc
  readonly reloader: ReloaderOptions
  /** Fresh blocks: what is new goes into the bucket each interval. */
  readonly fresh: boolean
  readonly freshSource: FreshSource
  readonly freshIntervalMs: number
  /** Bytes of samples that are held; what comes beyond goes into the bucket early. */
  readonly freshMaxMemory: number
}

export interface AgentOptions {
  /** With unlike names. */
  readonly prometheuses: readonly PrometheusOptions[]
  /** '' for no HTTP server. */
  readonly httpAddress: string
  /** TLS and passwords of the HTTP server; '' for none. */
  readonly webConfigFile: string
  /** How long running HTTP requests may go on after the signal. */
  readonly httpGracePeriodMs: number
  readonly storeApi: GrpcSettings
  /** Bytes a second of all uploads together; 0 for any. */
  readonly uploadBandwidth: number
}

/** 0000-01-01. */
const YEAR_0: TimeOrOffset = { timeMs: -62_167_219_200_000 }

const NO_RELOADER: ReloaderOptions = {
  configFile: '',
  envsubstFile: '',
  ruleDirs: [],
  watchIntervalMs: 180_000,
  retryIntervalMs: 5000,
  method: 'http',
  processName: 'prometheus',
}

/** For callers in the same process, which name only what they want otherwise. */
export function agentOptions(
  given: Partial<AgentOptions> & Pick<AgentOptions, 'prometheuses'>,
): AgentOptions {
  return {
    httpAddress: '',
    webConfigFile: '',
    httpGracePeriodMs: 120_000,
    storeApi: NO_STORE_API,
    uploadBandwidth: 0,
    ...given,
  }
}

/** As `agentOptions`, of one Prometheus. */
export function prometheusOptions(
  given: Partial<PrometheusOptions> & { readonly tsdbPath: string },
): PrometheusOptions {
  if (given.tsdbPath === '') throw new DomainError('invalid', 'tsdbPath is empty')
  return {
    name: '',
    prometheusUrl: 'http://localhost:9090',
    httpClientYaml: '',
    prometheusReadyTimeoutMs: 600_000,
    getConfigIntervalMs: 30_000,
    getConfigTimeoutMs: 30_000,
    minTime: YEAR_0,
    metaFileName: DEFAULT_SHIPPER_FILE,
    uploadCompacted: false,
    allowOutOfOrderUploads: false,
    skipCorruptedBlocks: false,
    ignoreUnequalBlockSize: false,
    uploadConcurrency: 0,
    shipIntervalMs: 30_000,
    stopGraceMs: 20_000,
    hashFunc: '',
    reloader: NO_RELOADER,
    fresh: true,
    freshSource: 'auto',
    freshIntervalMs: 30_000,
    freshMaxMemory: 32 * 1024 * 1024,
    ...given,
  }
}

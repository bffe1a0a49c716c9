/** The agent's flags, with the names and defaults of Thanos's sidecar. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { durationMs } from './duration.ts'
import type { LogFormat, LogLevel } from './logger.ts'
import { OBJSTORE_HELP, addObjstoreFlags } from './objstore.ts'
import type { AgentOptions, PrometheusOptions } from './agent-options.ts'
import { DEFAULT_SHIPPER_FILE } from './ship/shipper-state.ts'
import type { HashFunc } from './ship/upload.ts'

export function addAgentFlags(command: Command): Command {
  command
    .optionsGroup('Prometheus:')
    .option('--prometheus.url <url>', 'where Prometheus answers', 'http://localhost:9090')
    .addOption(
      durationOption(
        '--prometheus.ready_timeout <duration>',
        'how long to wait for Prometheus at the start',
        '10m',
      ),
    )
    .addOption(
      durationOption(
        '--prometheus.get_config_interval <duration>',
        'how often to ask Prometheus for its external labels',
        '30s',
      ),
    )
    .addOption(
      durationOption(
        '--prometheus.get_config_timeout <duration>',
        'how long one answer of Prometheus may take',
        '30s',
      ),
    )
    .option('--tsdb.path <dir>', 'data directory of Prometheus (its --storage.tsdb.path)', './data')
    .optionsGroup('Bucket:')
  addObjstoreFlags(command)
  command
    .optionsGroup('Shipping:')
    .addOption(durationOption('--shipper.interval <duration>', 'pause between passes', '30s'))
    .option(
      '--shipper.upload-compacted',
      'ship blocks that Prometheus compacted too, when none in the bucket overlaps (for a first import)',
      false,
    )
    .addOption(new Option('--no-shipper.upload-compacted').hideHelp())
    .option(
      '--shipper.meta-file-name <name>',
      'state file in the data directory',
      fileName,
      DEFAULT_SHIPPER_FILE,
    )
    .option('--shipper.upload-concurrency <n>', 'files of a block at a time, 0 is one', count, 0)
    .option(
      '--shipper.allow-out-of-order-uploads',
      'go on with younger blocks when one fails; a compactor may then see them before the older one',
      false,
    )
    .option('--shipper.skip-corrupted-blocks', 'go on when a local block is corrupted', false)
    .option(
      '--shipper.ignore-unequal-block-size',
      'ship although Prometheus compacts its own blocks',
      false,
    )
    .addOption(
      durationOption(
        '--shipper.stop-grace <duration>',
        'how long a running upload may go on after SIGTERM',
        '20s',
      ),
    )
    .addOption(
      new Option('--hash-func <name>', 'write hashes of the files into meta.json').choices([
        '',
        'SHA256',
      ]),
    )
    .option(
      '--min-time <time>',
      'accepted for Thanos; blocks are shipped whatever their time',
      time,
    )
    .optionsGroup('This process:')
    .option('--http-address <host:port>', '/metrics, /-/healthy and /-/ready', '0.0.0.0:10902')
    .addOption(
      new Option('--log.level <level>', 'least level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log.format <format>', 'form of the log lines')
        .choices(['logfmt', 'json'])
        .default('logfmt'),
    )
    .option('--once', 'make one pass, print what was done and end')
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', AGENT_HELP)
  return command
}

const AGENT_HELP = `
Prometheus needs three things:
  - external labels that are its own, in prometheus.yml:  global: {external_labels: {cluster: eu, replica: a}}
  - --storage.tsdb.min-block-duration=2h --storage.tsdb.max-block-duration=2h, so that it leaves its blocks alone
    (or, from 3.8 on, --storage.tsdb.delay-compact-file.path=<data>/${DEFAULT_SHIPPER_FILE})
  - a data directory that this process can read and write
${OBJSTORE_HELP}
Examples:
  $ thaw agent --tsdb.path=/var/lib/prometheus/metrics2 --objstore.config-file=bucket.yml
  $ thaw agent --once --tsdb.path=./data --objstore.config='{type: FILESYSTEM, config: {directory: ./bucket}}'
`

export interface AgentSettings extends AgentOptions {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly once: boolean
}

/** What commander parsed, under commander's names for it. */
interface AgentFlags {
  readonly 'prometheus.url': string
  readonly 'prometheus.ready_timeout': number
  readonly 'prometheus.get_config_interval': number
  readonly 'prometheus.get_config_timeout': number
  readonly 'tsdb.path': string
  readonly 'shipper.interval': number
  readonly 'shipper.uploadCompacted': boolean
  readonly 'shipper.metaFileName': string
  readonly 'shipper.uploadConcurrency': number
  readonly 'shipper.allowOutOfOrderUploads': boolean
  readonly 'shipper.skipCorruptedBlocks': boolean
  readonly 'shipper.ignoreUnequalBlockSize': boolean
  readonly 'shipper.stopGrace': number
  readonly hashFunc?: HashFunc | undefined
  readonly httpAddress: string
  readonly 'log.level': LogLevel
  readonly 'log.format': LogFormat
  readonly once?: boolean | undefined
}

export function agentSettings(parsed: Readonly<Record<string, unknown>>): AgentSettings {
  const flags = parsed as unknown as AgentFlags
  const prometheus: PrometheusOptions = {
    name: '',
    prometheusUrl: flags['prometheus.url'],
    prometheusReadyTimeoutMs: flags['prometheus.ready_timeout'],
    getConfigIntervalMs: flags['prometheus.get_config_interval'],
    getConfigTimeoutMs: flags['prometheus.get_config_timeout'],
    tsdbPath: flags['tsdb.path'],
    metaFileName: flags['shipper.metaFileName'],
    uploadCompacted: flags['shipper.uploadCompacted'],
    allowOutOfOrderUploads: flags['shipper.allowOutOfOrderUploads'],
    skipCorruptedBlocks: flags['shipper.skipCorruptedBlocks'],
    ignoreUnequalBlockSize: flags['shipper.ignoreUnequalBlockSize'],
    uploadConcurrency: flags['shipper.uploadConcurrency'],
    shipIntervalMs: flags['shipper.interval'],
    stopGraceMs: flags['shipper.stopGrace'],
    hashFunc: flags.hashFunc ?? '',
  }
  return {
    prometheuses: [prometheus],
    httpAddress: flags.httpAddress,
    logLevel: flags['log.level'],
    logFormat: flags['log.format'],
    once: flags.once ?? false,
  }
}

function durationOption(flags: string, description: string, standard: string): Option {
  return new Option(flags, description).argParser(duration).default(durationMs(standard), standard)
}

function duration(text: string): number {
  const ms = durationMs(text)
  if (ms === undefined) throw new InvalidArgumentError('write a duration such as 30s, 5m or 2h.')
  return ms
}

function count(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('write a number from 0 to 9999.')
  return Number(text)
}

function fileName(text: string): string {
  if (text === '' || text.includes('/') || text === '.' || text === '..') {
    throw new InvalidArgumentError('write a file name, without directories.')
  }
  return text
}

/** RFC 3339, or a duration relative to now such as `-30d`. */
function time(text: string): string {
  const isTime = /^-?\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text))
  if (!isTime && durationMs(text.replace(/^-/, '')) === undefined) {
    throw new InvalidArgumentError('write a time such as 2026-01-31T00:00:00Z, or -30d.')
  }
  return text
}

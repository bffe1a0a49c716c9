/** Every flag of the agent, with the names and defaults of Thanos's sidecar. */
import { DEFAULT_SHIPPER_FILE } from '../ship/shipper-state.ts'
import {
  type FlagValues,
  address,
  bytes,
  choice,
  count,
  duration,
  fileName,
  list,
  path,
  text,
  time,
  toggle,
} from './flag.ts'
import { GRPC_FLAGS } from './grpc-flags.ts'

/** Of one Prometheus: on the command line, or for each of those in the file of --config.file. */
export const PROMETHEUS_FLAGS = {
  'prometheus.url': text('http://localhost:9090', 'where Prometheus answers', 'url'),
  'prometheus.ready_timeout': duration('10m', 'how long to wait for Prometheus at the start'),
  'prometheus.get_config_interval': duration(
    '30s',
    'how often to ask Prometheus for its external labels',
  ),
  'prometheus.get_config_timeout': duration('30s', 'how long one answer of Prometheus may take'),
  'prometheus.http-client': text(
    '',
    'YAML of the HTTP client: basic_auth, bearer_token, tls_config, proxy_url …',
    'yaml',
  ),
  'prometheus.http-client-file': path('', 'file with that YAML'),
  'tsdb.path': path('./data', 'data directory of Prometheus (its --storage.tsdb.path)'),
  'min-time': time(
    '0000-01-01T00:00:00Z',
    'oldest time that is served from Prometheus, or -2h; blocks are shipped whatever their time',
  ),
  'shipper.interval': duration('30s', 'pause between passes over the data directory'),
  'shipper.upload-compacted': toggle(
    'ship blocks that Prometheus compacted too, when none in the bucket overlaps (for a first import)',
  ),
  'shipper.meta-file-name': fileName(DEFAULT_SHIPPER_FILE, 'state file in the data directory'),
  'shipper.upload-concurrency': count('0', 'files of a block at a time, 0 is one'),
  'shipper.allow-out-of-order-uploads': toggle(
    'go on with younger blocks when one fails; a compactor may then see them before the older one',
  ),
  'shipper.skip-corrupted-blocks': toggle('go on when a local block is corrupted'),
  'shipper.ignore-unequal-block-size': toggle('ship although Prometheus compacts its own blocks'),
  'shipper.stop-grace': duration('20s', 'how long a running upload may go on after SIGTERM'),
  fresh: toggle('put what is new into the bucket each interval', 'true'),
  'fresh.source': choice(
    ['auto', 'wal', 'remote-read'],
    'auto',
    'the write-ahead log in the data directory, or remote read; auto is the log where there is a data directory',
  ),
  'fresh.interval': duration('30s', 'from one fresh block to the next'),
  'fresh.max-memory': bytes(
    '32MiB',
    'samples that are held; what comes beyond goes into the bucket early',
  ),
  'hash-func': choice(['', 'SHA256'], '', 'write hashes of the files into meta.json'),
  'reloader.config-file': path(
    '',
    'configuration of Prometheus; when it changes, Prometheus is made to reload',
  ),
  'reloader.config-envsubst-file': path(
    '',
    'where that configuration is written with `$(VAR)` replaced, and decompressed if it is gzip',
  ),
  'reloader.rule-dir': list(
    'path',
    'directory of rules that is watched in the same way; may be given several times',
  ),
  'reloader.watch-interval': duration(
    '3m',
    'how often to look without having been told of a change; 0 to write the configuration once',
  ),
  'reloader.retry-interval': duration('5s', 'how soon a reload that failed is tried again'),
  'reloader.method': choice(
    ['http', 'signal'],
    'http',
    'POST to /-/reload, or SIGHUP to a process of this machine',
  ),
  'reloader.process-name': text('prometheus', 'name of that process', 'name'),
} as const

/** Of the agent. */
export const PROCESS_FLAGS = {
  'config.file': path(
    '',
    'YAML that lists several Prometheuses, instead of the flags for one; SIGHUP reads it again',
  ),
  'upload.bandwidth': bytes(
    '0',
    'bytes a second that all uploads together may take, fresh samples first; 0 for any',
  ),
  'http-address': address('0.0.0.0:10902', '/metrics, /-/healthy and /-/ready'),
  'http-grace-period': duration('2m', 'how long running HTTP requests may go on after SIGTERM'),
  'http.config': path(
    '',
    "Prometheus's web configuration: tls_server_config, basic_auth_users, headers; read again when it changes",
  ),
  ...GRPC_FLAGS,
  'log.level': choice(['debug', 'info', 'warn', 'error'], 'info', 'least level that is logged'),
  'log.format': choice(
    ['logfmt', 'json', 'journald'],
    'logfmt',
    'form of the log lines; journald is logfmt with the priority that systemd reads',
  ),
  'debug.name': text('', 'name of this agent in its log lines', 'name'),
} as const

export type PrometheusFlagValues = FlagValues<typeof PROMETHEUS_FLAGS>
export type ProcessFlagValues = FlagValues<typeof PROCESS_FLAGS>

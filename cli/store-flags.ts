/** Flags of `thaw store`: those of Thanos's store, as far as they mean something here. */
import type { Command } from 'commander'
import {
  address,
  bytes,
  choice,
  count,
  duration,
  time,
  type FlagValues,
} from '#agent/flags/flag.ts'
import { addFlags } from '#agent/flags/command-flags.ts'
import { GRPC_FLAGS } from '#agent/flags/grpc-flags.ts'
import { addObjstoreFlags, OBJSTORE_HELP } from '#agent/objstore.ts'
import { addIdleFlags, givenIdleFlags, type IdleFlags } from './idle-flags.ts'
import { RELABEL_FLAGS } from './relabel-flags.ts'

export const STORE_FLAGS = {
  ...GRPC_FLAGS,
  'store.grpc.series-max-concurrency': count('20', 'Series calls at one time, 0 for any'),
  'store.grpc.downloaded-bytes-limit': bytes(
    '0',
    'bytes that one call may read from the bucket, 0 for any',
  ),
  'index-cache-size': bytes('250MB', 'memory for what is kept of blocks, chunks included'),
  'min-time': time('0000-01-01T00:00:00Z', 'oldest time that is served, or -30d'),
  'max-time': time('9999-12-31T23:59:59Z', 'newest time that is served, or -2h'),
  ...RELABEL_FLAGS,
  'http-address': address('0.0.0.0:10902', '/metrics, /-/healthy and /-/ready'),
  'http-grace-period': duration('2m', 'how long running HTTP requests may go on after SIGTERM'),
  'log.level': choice(['debug', 'info', 'warn', 'error'], 'info', 'least level that is logged'),
  'log.format': choice(
    ['logfmt', 'json', 'journald'],
    'logfmt',
    'form of the log lines; journald is logfmt with the priority that systemd reads',
  ),
} as const

export type StoreFlagValues = FlagValues<typeof STORE_FLAGS>

const IDLE: IdleFlags = {
  values: [
    'data-dir',
    'index-cache.config',
    'index-cache.config-file',
    'chunk-pool-size',
    'sync-block-duration',
    'block-discovery-strategy',
    'block-sync-concurrency',
    'block-meta-fetch-concurrency',
    'consistency-delay',
    'store.posting-group-max-key-series-ratio',
    'store.index-header-lazy-download-strategy',
    'store.caching-bucket.config',
    'store.caching-bucket.config-file',
    'matcher-cache-size',
    'auto-gomemlimit.ratio',
    'request.logging-config',
    'request.logging-config-file',
    'tracing.config',
    'tracing.config-file',
    'web.external-prefix',
    'web.prefix-header',
    'bucket-web-label',
  ],
  toggles: [
    'cache-index-header',
    'store.enable-index-header-lazy-reader',
    'store.enable-lazy-expanded-postings',
    'enable-auto-gomemlimit',
    'web.disable',
    'web.disable-cors',
    'disable-admin-operations',
  ],
}

export function addStoreFlags(command: Command): Command {
  command.optionsGroup('Bucket:')
  addObjstoreFlags(command)
  addFlags(command, 'Store:', STORE_FLAGS)
  addIdleFlags(command, IDLE)
  return command.option('--debug', 'show stack traces of errors').addHelpText('after', STORE_HELP)
}

/** Those of the flags without effect that were given. */
export function idleFlags(command: Command): string[] {
  return givenIdleFlags(command, IDLE)
}

const STORE_HELP = `
A Thanos querier asks it as any store gateway:  thanos query --endpoint=<this machine>:10901
It shows the blocks of the bucket and the fresh samples that agents put there, within a second or two of their upload, and the rules and alerts of its ruler. Nothing is kept on disk.
Flags of Thanos's store that have no meaning here (--data-dir, --sync-block-duration …) are taken and have no effect.
${OBJSTORE_HELP}
Examples:
  $ thaw store --objstore.config-file=bucket.yml
  $ thaw store --objstore.config-file=bucket.yml --max-time=-2w --store.limits.request-series=1000000
  $ thaw store --objstore.config-file=bucket.yml --grpc-server-tls-cert=cert.pem --grpc-server-tls-key=key.pem
`

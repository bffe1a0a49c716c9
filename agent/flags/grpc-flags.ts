/** Flags of a gRPC server with a StoreAPI, with the names and defaults of Thanos. */
import { DomainError } from '#lib/model/errors.ts'
import { TLS_VERSIONS, type TlsFiles } from '#lib/grpc/tls.ts'
import { address, choice, count, duration, type FlagValues, path } from './flag.ts'

export const GRPC_FLAGS = {
  'grpc-address': address('0.0.0.0:10901', "Thanos's StoreAPI; '' for none"),
  'grpc-grace-period': duration('2m', 'how long running gRPC calls may go on after SIGTERM'),
  'grpc-server-max-connection-age': duration(
    '60m',
    'after that a client must connect again, its running calls end first; 0 for never',
  ),
  'grpc-server-tls-cert': path('', 'certificate of the gRPC server, read again when it changes'),
  'grpc-server-tls-key': path('', 'its key'),
  'grpc-server-tls-client-ca': path(
    '',
    'authority of clients, which must have a certificate of it then',
  ),
  'grpc-server-tls-min-version': choice(TLS_VERSIONS, '1.3', 'least version of TLS'),
  'store.limits.request-series': count('0', 'series that one Series call may give, 0 for any'),
  'store.limits.request-samples': count(
    '0',
    'samples that one Series call may give, counted as 120 for each chunk, 0 for any',
  ),
} as const

export interface GrpcSettings {
  /** `host:port`; '' for no server. */
  readonly address: string
  readonly tls: TlsFiles | undefined
  /** How long running calls may go on after the signal. */
  readonly gracePeriodMs: number
  /** 0 for no bound. */
  readonly maxConnectionAgeMs: number
  /** 0 for no limit. */
  readonly limits: { readonly series: number; readonly samples: number }
}

/** Throws `invalid` for files of which one is nothing without the other. */
export function grpcSettings(values: FlagValues<typeof GRPC_FLAGS>): GrpcSettings {
  const cert = values['grpc-server-tls-cert']
  const key = values['grpc-server-tls-key']
  const clientCa = values['grpc-server-tls-client-ca']
  if ((cert === '') !== (key === '')) {
    throw new DomainError(
      'invalid',
      'give --grpc-server-tls-cert and --grpc-server-tls-key, or neither',
    )
  }
  if (clientCa !== '' && cert === '') {
    throw new DomainError('invalid', '--grpc-server-tls-client-ca needs --grpc-server-tls-cert')
  }
  const minVersion = values['grpc-server-tls-min-version']
  return {
    address: values['grpc-address'],
    tls: cert === '' ? undefined : { cert, key, minVersion, ...(clientCa && { clientCa }) },
    gracePeriodMs: values['grpc-grace-period'],
    maxConnectionAgeMs: values['grpc-server-max-connection-age'],
    limits: {
      series: values['store.limits.request-series'],
      samples: values['store.limits.request-samples'],
    },
  }
}

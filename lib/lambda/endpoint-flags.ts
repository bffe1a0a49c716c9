/** The flags that name StoreAPI endpoints, which are asked beside the bucket: Thanos's. */
import type { EndpointSettings } from '#lib/endpoints/open-endpoints.ts'
import { DomainError } from '#lib/model/errors.ts'
import {
  bad,
  durationOrZero,
  type Flag,
  listOf,
  positiveDuration,
  text,
  toggle,
} from './flag-values.ts'

export const ENDPOINT_FLAGS = {
  endpoint: text(
    '',
    'StoreAPI that is asked too: host:port, or `dns+`, `dnssrv+`, `dnssrvnoa+`, `dnsdualstack+` and a name; may be repeated',
  ),
  'endpoint-group': text('', 'name whose addresses all have the same: one of them is asked'),
  'endpoint-group-strict': text('', 'the same, asked also while it does not answer Info'),
  'endpoint-strict': text('', 'host:port that is asked also while it does not answer Info'),
  'endpoint.info-timeout': text(
    '5s',
    'how often endpoints are asked what they have, and how long that may take',
  ),
  'endpoint.sd-config': text('', "YAML that lists endpoints, with TLS of each: Thanos's schema"),
  'endpoint.sd-config-file': text('', 'file with that YAML'),
  'grpc-client-server-name': text('', 'name that certificates of endpoints must have'),
  'grpc-client-tls-ca': text('', 'file with the authorities of endpoints'),
  'grpc-client-tls-cert': text('', 'file with the certificate that is shown to endpoints'),
  'grpc-client-tls-key': text('', 'file with its key'),
  'grpc-client-tls-min-version': text('1.3', 'lowest version of TLS: 1.0, 1.1, 1.2 or 1.3'),
  'grpc-client-tls-secure': toggle(false, 'endpoints speak TLS'),
  'grpc-client-tls-skip-verify': toggle(false, 'any certificate of an endpoint will do'),
  'store.response-timeout': text(
    '0ms',
    'how long an endpoint may be silent in an answer; 0 for any time',
  ),
  'store.sd-dns-interval': text(
    '30s',
    'how often DNS, files and certificates of endpoints are read again',
  ),
  'store.sd-files': text('', 'files that list endpoints as targets, also with wildcards'),
  'store.unhealthy-timeout': text('5m', 'an endpoint that is silent for so long is asked no more'),
} as const satisfies Record<string, Flag>

export type EndpointFlag = keyof typeof ENDPOINT_FLAGS

export const ENDPOINT_LISTS = [
  'endpoint',
  'endpoint-group',
  'endpoint-group-strict',
  'endpoint-strict',
  'store.sd-files',
] as const satisfies readonly EndpointFlag[]

const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const

/** Undefined where no endpoint is named. */
export function readEndpointFlags(
  values: Readonly<Record<EndpointFlag, string>>,
): EndpointSettings | undefined {
  const kinds = [
    ['endpoint', false, false],
    ['endpoint-strict', true, false],
    ['endpoint-group', false, true],
    ['endpoint-group-strict', true, true],
  ] as const
  const endpoints = kinds.flatMap(([name, strict, group]) =>
    listOf(values[name]).map((address) => ({ address, strict, group })),
  )
  const files = listOf(values['store.sd-files'])
  const configYaml = values['endpoint.sd-config'] || undefined
  const configFile = values['endpoint.sd-config-file'] || undefined
  if (configYaml !== undefined && configFile !== undefined) {
    throw new DomainError(
      'invalid',
      'give --endpoint.sd-config or --endpoint.sd-config-file, not both',
    )
  }
  const lowest = values['grpc-client-tls-min-version']
  const minVersion = TLS_VERSIONS.find((known) => known === lowest)
  if (minVersion === undefined) {
    throw bad('grpc-client-tls-min-version', lowest, TLS_VERSIONS.join(', '))
  }
  const settings: EndpointSettings = {
    endpoints,
    files,
    configYaml,
    configFile,
    tls: {
      enabled: values['grpc-client-tls-secure'] === 'true',
      skipVerify: values['grpc-client-tls-skip-verify'] === 'true',
      cert: values['grpc-client-tls-cert'],
      key: values['grpc-client-tls-key'],
      ca: values['grpc-client-tls-ca'],
      serverName: values['grpc-client-server-name'],
      minVersion,
    },
    responseTimeoutMs: durationOrZero('store.response-timeout', values['store.response-timeout']),
    listEveryMs: positiveDuration('store.sd-dns-interval', values['store.sd-dns-interval']),
    infoEveryMs: positiveDuration('endpoint.info-timeout', values['endpoint.info-timeout']),
    unhealthyMs: positiveDuration('store.unhealthy-timeout', values['store.unhealthy-timeout']),
  }
  const isNamed = endpoints.length + files.length > 0 || (configYaml ?? configFile) !== undefined
  return isNamed ? settings : undefined
}

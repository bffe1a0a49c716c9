/**
 * Thanos's gRPC services as @grpc/grpc-js wants them, for servers and clients. Messages stay bytes here: who calls encodes and decodes them with the
 * codecs beside this file, since a frame of series is written where the series are.
 */
import type { MethodDefinition } from '@grpc/grpc-js'

export type BytesMethod = MethodDefinition<Uint8Array, Uint8Array>

export function method(
  service: string,
  name: string,
  responseStream: boolean,
  requestStream = false,
): BytesMethod {
  return {
    path: `/${service}/${name}`,
    originalName: name,
    requestStream,
    responseStream,
    requestSerialize: asBuffer,
    requestDeserialize: asIs,
    responseSerialize: asBuffer,
    responseDeserialize: asIs,
  }
}

const asIs = (bytes: Buffer): Uint8Array => bytes

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Names of services as health checks and reflection say them. */
export const SERVICE_NAMES = {
  store: 'thanos.Store',
  info: 'thanos.info.Info',
  rules: 'thanos.Rules',
  targets: 'thanos.Targets',
  metadata: 'thanos.Metadata',
  exemplars: 'thanos.Exemplars',
  status: 'thanos.Status',
} as const

export const storeService = {
  series: method(SERVICE_NAMES.store, 'Series', true),
  labelNames: method(SERVICE_NAMES.store, 'LabelNames', false),
  labelValues: method(SERVICE_NAMES.store, 'LabelValues', false),
}

export const infoService = { info: method(SERVICE_NAMES.info, 'Info', false) }

export const rulesService = { rules: method(SERVICE_NAMES.rules, 'Rules', true) }

export const targetsService = { targets: method(SERVICE_NAMES.targets, 'Targets', true) }

export const metadataService = {
  metricMetadata: method(SERVICE_NAMES.metadata, 'MetricMetadata', true),
}

export const exemplarsService = { exemplars: method(SERVICE_NAMES.exemplars, 'Exemplars', true) }

export const statusService = {
  tsdbStatistics: method(SERVICE_NAMES.status, 'TSDBStatistics', true),
}

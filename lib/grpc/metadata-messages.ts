/** `thanos.Metadata`: types, help and units of metrics. proto/metadata.proto. */
import * as proto from './message.ts'
import { STRATEGIES, type PartialResponseStrategy } from './store-messages.ts'

export interface MetricMetadataRequest {
  /** '' for all. */
  readonly metric: string
  /** Metrics; negative for all. */
  readonly limit: number
  readonly partialResponseStrategy: PartialResponseStrategy
}

/** One of the two. */
export interface MetricMetadataResponse {
  readonly metadata: MetricMetadata | undefined
  readonly warning: string | undefined
}

export interface MetricMetadata {
  /** By name of the metric. */
  readonly metadata: ReadonlyMap<string, MetricMetadataEntry>
}

export interface MetricMetadataEntry {
  /** Different ones, when targets do not agree. */
  readonly metas: readonly Meta[]
}

export interface Meta {
  readonly type: string
  readonly help: string
  readonly unit: string
}

const meta = proto.message<Meta>('Meta', {
  type: proto.string(1),
  help: proto.string(2),
  unit: proto.string(3),
})

const metricMetadataEntry = proto.message<MetricMetadataEntry>('MetricMetadataEntry', {
  metas: proto.repeated(2, meta),
})

const metricMetadata = proto.message<MetricMetadata>('MetricMetadata', {
  metadata: proto.mapOf(1, metricMetadataEntry),
})

export const metricMetadataRequest = proto.message<MetricMetadataRequest>('MetricMetadataRequest', {
  metric: proto.string(1),
  limit: proto.int(2),
  partialResponseStrategy: proto.enumeration(3, STRATEGIES),
})

export const metricMetadataResponse = proto.message<MetricMetadataResponse>(
  'MetricMetadataResponse',
  { metadata: proto.optional(1, metricMetadata), warning: proto.oneofString(2) },
)

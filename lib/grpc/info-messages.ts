/** `thanos.info.Info`: what an endpoint has. proto/info.proto. */
import type { Labels } from '#lib/model/labels.ts'
import { labelSet, labelSets } from './label-fields.ts'
import * as proto from './message.ts'

/** An absent part means that the endpoint does not serve that API. */
export interface InfoResponse {
  readonly labelSets: readonly Labels[]
  /** query, sidecar, store, receive, rule or debug. */
  readonly componentType: string
  readonly store: StoreInfo | undefined
  readonly rules: Nothing | undefined
  readonly metricMetadata: Nothing | undefined
  readonly targets: Nothing | undefined
  readonly exemplars: ExemplarsInfo | undefined
  readonly query: Nothing | undefined
  readonly status: Nothing | undefined
}

export type Nothing = Readonly<Record<string, never>>

/** Times are ms, both inclusive. */
export interface StoreInfo {
  readonly minTime: number
  readonly maxTime: number
  readonly supportsSharding: boolean
  readonly supportsWithoutReplicaLabels: boolean
  readonly tsdbInfos: readonly TsdbInfo[]
  readonly supportsProjections: boolean
}

/** Samples of one set of external labels. */
export interface TsdbInfo {
  readonly labels: Labels
  readonly minTime: number
  readonly maxTime: number
}

export interface ExemplarsInfo {
  readonly minTime: number
  readonly maxTime: number
}

const tsdbInfo = proto.message<TsdbInfo>('TSDBInfo', {
  labels: labelSet(1),
  minTime: proto.int(2),
  maxTime: proto.int(3),
})

const storeInfo = proto.message<StoreInfo>('StoreInfo', {
  minTime: proto.int(1),
  maxTime: proto.int(2),
  supportsSharding: proto.bool(3),
  supportsWithoutReplicaLabels: proto.bool(5),
  tsdbInfos: proto.repeated(6, tsdbInfo),
  supportsProjections: proto.bool(7),
})

const exemplarsInfo = proto.message<ExemplarsInfo>('ExemplarsInfo', {
  minTime: proto.int(1),
  maxTime: proto.int(2),
})

export const infoRequest = proto.message<Nothing>('InfoRequest', {})

export const infoResponse = proto.message<InfoResponse>('InfoResponse', {
  labelSets: labelSets(1),
  componentType: proto.string(2),
  store: proto.optional(3, storeInfo),
  rules: proto.optional(4, proto.message<Nothing>('RulesInfo', {})),
  metricMetadata: proto.optional(5, proto.message<Nothing>('MetricMetadataInfo', {})),
  targets: proto.optional(6, proto.message<Nothing>('TargetsInfo', {})),
  exemplars: proto.optional(7, exemplarsInfo),
  query: proto.optional(8, proto.message<Nothing>('QueryAPIInfo', {})),
  status: proto.optional(9, proto.message<Nothing>('StatusInfo', {})),
})

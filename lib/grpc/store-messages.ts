/** Requests of `thanos.Store`, and its answers about labels; proto/store.proto says what the fields mean. */
import type { Matcher } from '#lib/model/matcher.ts'
import { matchers } from './label-fields.ts'
import * as proto from './message.ts'

export const STRATEGIES = ['WARN', 'ABORT'] as const
/** WARN: what can't be read is a warning. ABORT: it is an error. */
export type PartialResponseStrategy = (typeof STRATEGIES)[number]

export const AGGREGATES = ['RAW', 'COUNT', 'SUM', 'MIN', 'MAX', 'COUNTER'] as const
export type Aggr = (typeof AGGREGATES)[number]

/** A message of a type that its URL names. */
export interface Any {
  readonly typeUrl: string
  readonly value: Uint8Array
}

export interface SeriesRequest {
  /** Milliseconds, closed interval; ±2^63 for no bound. */
  readonly minTime: number
  readonly maxTime: number
  readonly matchers: readonly Matcher[]
  /** The coarsest samples that will do, ms between them. */
  readonly maxResolutionWindow: number
  readonly aggregates: readonly Aggr[]
  /** The old way of saying ABORT. */
  readonly partialResponseDisabled: boolean
  readonly partialResponseStrategy: PartialResponseStrategy
  readonly skipChunks: boolean
  readonly hints: Any | undefined
  /** Old, ms; in `queryHints` since. */
  readonly step: number
  readonly range: number
  readonly queryHints: QueryHints | undefined
  readonly shardInfo: ShardInfo | undefined
  /** Labels that the answer shall not have; it is in the order of what is left. */
  readonly withoutReplicaLabels: readonly string[]
  /** Series, 0 for all. */
  readonly limit: number
  /** Series in a frame; 0 and 1 for one. */
  readonly responseBatchSize: number
}

export interface QueryHints {
  readonly stepMillis: number
  readonly func: Func | undefined
  readonly grouping: Grouping | undefined
  readonly range: Range | undefined
  readonly projectionLabels: readonly string[]
  readonly projectionInclude: boolean
  readonly seriesHashLabelName: string
}

export interface Func {
  readonly name: string
}

export interface Grouping {
  readonly by: boolean
  readonly labels: readonly string[]
}

export interface Range {
  readonly millis: number
}

/** Series whose hash of labels (those of `labels`, or all but those) is `shardIndex` modulo `totalShards`. */
export interface ShardInfo {
  readonly shardIndex: number
  readonly totalShards: number
  readonly by: boolean
  readonly labels: readonly string[]
}

export interface LabelNamesRequest {
  readonly partialResponseDisabled: boolean
  readonly partialResponseStrategy: PartialResponseStrategy
  /** Milliseconds, closed interval. */
  readonly start: number
  readonly end: number
  readonly hints: Any | undefined
  readonly matchers: readonly Matcher[]
  readonly withoutReplicaLabels: readonly string[]
  /** Names, 0 for all. */
  readonly limit: number
}

export interface LabelNamesResponse {
  readonly names: readonly string[]
  readonly warnings: readonly string[]
  readonly hints: Any | undefined
}

export interface LabelValuesRequest extends LabelNamesRequest {
  readonly label: string
}

export interface LabelValuesResponse {
  readonly values: readonly string[]
  readonly warnings: readonly string[]
  readonly hints: Any | undefined
}

export const any = proto.message<Any>('Any', { typeUrl: proto.string(1), value: proto.bytes(2) })

const queryHints = proto.message<QueryHints>('QueryHints', {
  stepMillis: proto.int(1),
  func: proto.optional(2, proto.message<Func>('Func', { name: proto.string(1) })),
  grouping: proto.optional(
    4,
    proto.message<Grouping>('Grouping', { by: proto.bool(1), labels: proto.strings(3) }),
  ),
  range: proto.optional(5, proto.message<Range>('Range', { millis: proto.int(1) })),
  projectionLabels: proto.strings(6),
  projectionInclude: proto.bool(7),
  seriesHashLabelName: proto.string(8),
})

const shardInfo = proto.message<ShardInfo>('ShardInfo', {
  shardIndex: proto.int(1),
  totalShards: proto.int(2),
  by: proto.bool(3),
  labels: proto.strings(4),
})

export const seriesRequest = proto.message<SeriesRequest>('SeriesRequest', {
  minTime: proto.int(1),
  maxTime: proto.int(2),
  matchers: matchers(3),
  maxResolutionWindow: proto.int(4),
  aggregates: proto.enumerations(5, AGGREGATES),
  partialResponseDisabled: proto.bool(6),
  partialResponseStrategy: proto.enumeration(7, STRATEGIES),
  skipChunks: proto.bool(8),
  hints: proto.optional(9, any),
  step: proto.int(10),
  range: proto.int(11),
  queryHints: proto.optional(12, queryHints),
  shardInfo: proto.optional(13, shardInfo),
  withoutReplicaLabels: proto.strings(14),
  limit: proto.int(15),
  responseBatchSize: proto.int(16),
})

export const labelNamesRequest = proto.message<LabelNamesRequest>('LabelNamesRequest', {
  partialResponseDisabled: proto.bool(1),
  partialResponseStrategy: proto.enumeration(2, STRATEGIES),
  start: proto.int(3),
  end: proto.int(4),
  hints: proto.optional(5, any),
  matchers: matchers(6),
  withoutReplicaLabels: proto.strings(7),
  limit: proto.int(8),
})

export const labelNamesResponse = proto.message<LabelNamesResponse>('LabelNamesResponse', {
  names: proto.strings(1),
  warnings: proto.strings(2),
  hints: proto.optional(3, any),
})

export const labelValuesRequest = proto.message<LabelValuesRequest>('LabelValuesRequest', {
  label: proto.string(1),
  partialResponseDisabled: proto.bool(2),
  partialResponseStrategy: proto.enumeration(3, STRATEGIES),
  start: proto.int(4),
  end: proto.int(5),
  hints: proto.optional(6, any),
  matchers: matchers(7),
  withoutReplicaLabels: proto.strings(8),
  limit: proto.int(9),
})

export const labelValuesResponse = proto.message<LabelValuesResponse>('LabelValuesResponse', {
  values: proto.strings(1),
  warnings: proto.strings(2),
  hints: proto.optional(3, any),
})

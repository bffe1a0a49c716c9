/** `thanos.Status`: which metrics and labels have how many series. proto/status.proto. */
import type { Matcher } from '#lib/model/matcher.ts'
import { matchers } from './label-fields.ts'
import * as proto from './message.ts'
import { STRATEGIES, type PartialResponseStrategy } from './store-messages.ts'

export interface TsdbStatisticsRequest {
  /** Old; `matchers` say the same. */
  readonly tenant: string
  /** Rows of each table. */
  readonly limit: number
  readonly partialResponseStrategy: PartialResponseStrategy
  readonly matchers: readonly Matcher[]
}

/** One of the two. */
export interface TsdbStatisticsResponse {
  readonly statistics: TsdbStatistics | undefined
  readonly warning: string | undefined
}

export interface TsdbStatistics {
  /** By tenant. */
  readonly statistics: ReadonlyMap<string, TsdbStatisticsEntry>
}

export interface TsdbStatisticsEntry {
  readonly headStatistics: HeadStatistics | undefined
  readonly seriesCountByMetricName: readonly Statistic[]
  readonly labelValueCountByLabelName: readonly Statistic[]
  /** Bytes. */
  readonly memoryInBytesByLabelName: readonly Statistic[]
  readonly seriesCountByLabelValuePair: readonly Statistic[]
}

export interface HeadStatistics {
  readonly numSeries: number
  readonly numLabelPairs: number
  readonly chunkCount: number
  /** Milliseconds. */
  readonly minTime: number
  readonly maxTime: number
}

export interface Statistic {
  readonly name: string
  readonly value: number
}

const headStatistics = proto.message<HeadStatistics>('HeadStatistics', {
  numSeries: proto.int(1),
  numLabelPairs: proto.int(2),
  chunkCount: proto.int(3),
  minTime: proto.int(4),
  maxTime: proto.int(5),
})

const statistic = proto.message<Statistic>('Statistic', {
  name: proto.string(1),
  value: proto.int(2),
})

const tsdbStatisticsEntry = proto.message<TsdbStatisticsEntry>('TSDBStatisticsEntry', {
  headStatistics: proto.optional(1, headStatistics),
  seriesCountByMetricName: proto.repeated(2, statistic),
  labelValueCountByLabelName: proto.repeated(3, statistic),
  memoryInBytesByLabelName: proto.repeated(4, statistic),
  seriesCountByLabelValuePair: proto.repeated(5, statistic),
})

const tsdbStatistics = proto.message<TsdbStatistics>('TSDBStatistics', {
  statistics: proto.mapOf(1, tsdbStatisticsEntry),
})

export const tsdbStatisticsRequest = proto.message<TsdbStatisticsRequest>('TSDBStatisticsRequest', {
  tenant: proto.string(1),
  limit: proto.int(2),
  partialResponseStrategy: proto.enumeration(3, STRATEGIES),
  matchers: matchers(4),
})

export const tsdbStatisticsResponse = proto.message<TsdbStatisticsResponse>(
  'TSDBStatisticsResponse',
  { statistics: proto.optional(1, tsdbStatistics), warning: proto.oneofString(2) },
)

/** `thanos.Exemplars`: proto/exemplars.proto. */
import type { Labels } from '#lib/model/labels.ts'
import { labelSet } from './label-fields.ts'
import * as proto from './message.ts'
import { STRATEGIES, type PartialResponseStrategy } from './store-messages.ts'

export interface ExemplarsRequest {
  /** PromQL, whose selectors say which series. */
  readonly query: string
  /** Milliseconds, closed interval. */
  readonly start: number
  readonly end: number
  readonly partialResponseStrategy: PartialResponseStrategy
}

/** One of the two. */
export interface ExemplarsResponse {
  readonly data: ExemplarData | undefined
  readonly warning: string | undefined
}

export interface ExemplarData {
  readonly seriesLabels: Labels
  readonly exemplars: readonly Exemplar[]
}

export interface Exemplar {
  readonly labels: Labels
  readonly value: number
  /** Milliseconds. */
  readonly ts: number
}

const exemplar = proto.message<Exemplar>('Exemplar', {
  labels: labelSet(1),
  value: proto.double(2),
  ts: proto.int(3),
})

const exemplarData = proto.message<ExemplarData>('ExemplarData', {
  seriesLabels: labelSet(1),
  exemplars: proto.repeated(2, exemplar),
})

export const exemplarsRequest = proto.message<ExemplarsRequest>('ExemplarsRequest', {
  query: proto.string(1),
  start: proto.int(2),
  end: proto.int(3),
  partialResponseStrategy: proto.enumeration(4, STRATEGIES),
})

export const exemplarsResponse = proto.message<ExemplarsResponse>('ExemplarsResponse', {
  data: proto.optional(1, exemplarData),
  warning: proto.oneofString(2),
})

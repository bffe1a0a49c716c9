/** `thanos.Targets`: proto/targets.proto. */
import type { Labels } from '#lib/model/labels.ts'
import { labelSet } from './label-fields.ts'
import * as proto from './message.ts'
import { STRATEGIES, type PartialResponseStrategy } from './store-messages.ts'
import { timestamp, type Timestamp } from './timestamp.ts'

export const TARGET_STATES = ['ANY', 'ACTIVE', 'DROPPED'] as const
export type TargetState = (typeof TARGET_STATES)[number]

export const TARGET_HEALTHS = ['DOWN', 'UP', 'UNKNOWN'] as const
export type TargetHealth = (typeof TARGET_HEALTHS)[number]

export interface TargetsRequest {
  readonly state: TargetState
  readonly partialResponseStrategy: PartialResponseStrategy
}

/** One of the two. */
export interface TargetsResponse {
  readonly targets: TargetDiscovery | undefined
  readonly warning: string | undefined
}

export interface TargetDiscovery {
  readonly activeTargets: readonly ActiveTarget[]
  readonly droppedTargets: readonly DroppedTarget[]
}

export interface ActiveTarget {
  readonly discoveredLabels: Labels
  readonly labels: Labels
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly globalUrl: string
  readonly lastError: string
  readonly lastScrape: Timestamp | undefined
  /** Seconds. */
  readonly lastScrapeDuration: number
  readonly health: TargetHealth
}

export interface DroppedTarget {
  readonly discoveredLabels: Labels
}

const activeTarget = proto.message<ActiveTarget>('ActiveTarget', {
  discoveredLabels: labelSet(1),
  labels: labelSet(2),
  scrapePool: proto.string(3),
  scrapeUrl: proto.string(4),
  globalUrl: proto.string(5),
  lastError: proto.string(6),
  lastScrape: proto.optional(7, timestamp),
  lastScrapeDuration: proto.double(8),
  health: proto.enumeration(9, TARGET_HEALTHS),
})

const droppedTarget = proto.message<DroppedTarget>('DroppedTarget', {
  discoveredLabels: labelSet(1),
})

const targetDiscovery = proto.message<TargetDiscovery>('TargetDiscovery', {
  activeTargets: proto.repeated(1, activeTarget),
  droppedTargets: proto.repeated(2, droppedTarget),
})

export const targetsRequest = proto.message<TargetsRequest>('TargetsRequest', {
  state: proto.enumeration(1, TARGET_STATES),
  partialResponseStrategy: proto.enumeration(2, STRATEGIES),
})

export const targetsResponse = proto.message<TargetsResponse>('TargetsResponse', {
  targets: proto.optional(1, targetDiscovery),
  warning: proto.oneofString(2),
})

/** What a tick works with. */
import type { Alertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { RestoreRead, ResultSample, RuleQuery } from '../evaluate/contract.ts'
import type { KnownPack } from '../results/few-packs.ts'
import type { Parcel } from './ruler-state.ts'

export interface TickParts {
  /** Where the state is. */
  readonly bucket: Bucket
  readonly files: RuleFiles
  readonly reads: TickReads
  readonly sink: ResultSink
  /** Undefined: alerts are evaluated and go nowhere. */
  readonly alertmanagers?: Alertmanagers | undefined
  readonly settings: TickSettings
  /** For people, and different for any two who may run a tick at the same time. */
  readonly owner: string
  /** Unix ms; may jump. */
  readonly now: () => number
  readonly newUlid: () => string
}

/** Where rule files are. */
export interface RuleFiles {
  /** By name. `known`: as the last tick left them, by name and etag. */
  list(known: readonly KnownRuleFile[], signal?: AbortSignal): Promise<readonly ListedRuleFile[]>
  /** Its text. Rejects with 'not-found'. */
  get(name: string, signal?: AbortSignal): Promise<string>
}

export interface KnownRuleFile {
  readonly name: string
  /** Another one whenever the content is. */
  readonly etag: string
}

export interface ListedRuleFile extends KnownRuleFile {
  readonly modifiedMs: number
}

export interface TickReads {
  readonly query: RuleQuery
  readonly restore?: RestoreRead | undefined
  /** Queries see the samples from now on, until `begin`. */
  write(samples: readonly ResultSample[]): void
  /** Of a tick: what was written is forgotten, and what the bucket has is looked at again. */
  begin(): void
}

/** Where results go. */
export interface ResultSink {
  /** What is kept until it is delivered. The same samples and place give the same. */
  parcels(samples: readonly ResultSample[], place: SinkPlace): readonly Parcel[]
  /** In their order; again with the same does no harm. Never rejects. */
  deliver(parcels: readonly Parcel[], signal: AbortSignal): Promise<SinkReport>
  /** Queries of the next tick need what was delivered, so it waits for it. */
  readonly isRead: boolean
  /** Once in each tick, behind all deliveries: keeps objects few. */
  tidy(
    known: readonly KnownPack[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<readonly KnownPack[]>
}

export interface SinkReport {
  /** A later try may do. */
  readonly left: readonly Parcel[]
  readonly problems: readonly string[]
}

export interface SinkPlace {
  readonly epoch: string
  readonly number: number
}

export interface TickSettings {
  /** Of groups that have none of their own, as the next two. */
  readonly evalIntervalMs: number
  readonly queryOffsetMs: number
  /** How old a slot may be and still be evaluated. */
  readonly catchUpMs: number
  /** Groups, and rules within a group, that are evaluated at the same time. */
  readonly groupConcurrency: number
  readonly ruleConcurrency: number
  readonly resendDelayMs: number
  readonly forGracePeriodMs: number
  readonly forOutageToleranceMs: number
  readonly restoreIgnoredLabels: readonly string[]
  /** Of the ruler, under which results are. */
  readonly externalLabels: Labels
  readonly externalUrl: string
  readonly alertQueryTemplate: string
  /** Name of an alert that always fires; '' for none. */
  readonly watchdog: string
}

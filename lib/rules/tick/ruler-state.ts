/** What the ruler knows from one tick to the next: one JSON object in the bucket, see `state-object.ts`. */
import type { KnownAlertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { GroupState } from '../evaluate/group-state.ts'
import type { RuleGroupConfig } from '../file/rule-file.ts'
import type { KnownPack } from '../results/few-packs.ts'

export interface RulerState {
  /** When the first tick made it. */
  readonly createdMs: number
  /** The time of the last tick that was committed; before the first one, from when on it evaluates. */
  readonly updatedMs: number
  /** Who runs a tick; nobody where it is absent or `untilMs` is over. */
  readonly owner?: RulerOwner | undefined
  /** Of the ruler's packs. */
  readonly epoch: string
  /** The place of the next pack in the sequence of its epoch. */
  readonly nextPack: number
  /** Packs that are merged one day. */
  readonly packs: readonly KnownPack[]
  /** Of the ruler that ran the last tick: the API shows rules and alerts with them. */
  readonly externalLabels: Readonly<Record<string, string>>
  /** Where that one sends alerts, and where not as relabelling says so: URLs, for the API. */
  readonly alertmanagers: KnownAlertmanagers
  /** By name. */
  readonly files: readonly RuleFileState[]
  /** In the order of files, and within a file in its order. */
  readonly groups: readonly RuleGroupEntry[]
  readonly outbox: RulerOutbox
  readonly counters: RulerCounters
}

export interface RulerOwner {
  readonly id: string
  readonly untilMs: number
}

export interface RuleFileState {
  readonly name: string
  /** Of what was read last; '' where it is to be read again. */
  readonly etag: string
  /** Why it could not be read, where that was so; its last good groups go on. */
  readonly error?: string | undefined
}

export interface RuleGroupEntry {
  /** Its file's name. */
  readonly file: string
  readonly config: RuleGroupConfig
  /** Of the group, or the ruler's. */
  readonly intervalMs: number
  readonly queryOffsetMs: number
  /** Slots before have been evaluated, or never will be. */
  readonly nextMs: number
  /** Slots that were too old to be evaluated, since the group exists. */
  readonly missed: number
  readonly state: GroupState
}

/** What was decided and is not delivered yet. */
export interface RulerOutbox {
  readonly parcels: readonly Parcel[]
  readonly alerts: readonly OutgoingAlert[]
}

/** Results: a pack, or a request of remote write. */
export interface Parcel {
  /** Of a pack its key, otherwise the name of the remote write. */
  readonly key: string
  /** Base64. */
  readonly body: string
  readonly samples: number
}

/** Since the state was made. */
export interface RulerCounters {
  readonly ticks: number
  readonly samples: number
  readonly alertsSent: number
  /** As the outbox was full, or all Alertmanagers refused them. */
  readonly alertsDropped: number
  readonly parcelsDropped: number
  /** By URL. */
  readonly alertmanagers: Readonly<Record<string, AlertmanagerCounters>>
}

export interface AlertmanagerCounters {
  readonly sent: number
  readonly errors: number
  readonly dropped: number
  /** That it took, and how long they lasted together. */
  readonly requests: number
  readonly latencySeconds: number
}

/** As Prometheus's metrics name a group. */
export function groupKey({ file, config }: Pick<RuleGroupEntry, 'file' | 'config'>): string {
  return `${file};${config.name}`
}

/** What the HTTP API is built from. The same parts on Lambda, on a laptop and in tests. */
import type { QueryBackend } from '#lib/promql/backend.ts'
import type { EngineOptions } from '#lib/promql/options.ts'
import type { Deduplication } from '#lib/storage/scope.ts'
import type { StoreStatus } from '#lib/storage/inventory.ts'
import type { Source } from '#lib/storage/source.ts'
import type { Door } from './door.ts'
import type { QueryLog } from './query-log.ts'
import type { QueryQueue } from './query-queue.ts'
import { DEFAULT_TENANCY, type TenancySettings } from './tenant.ts'

export interface ApiParts {
  readonly backend: QueryBackend
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly build: BuildInfo
  readonly startedMs: number
  readonly engine: EngineOptions
  readonly scope: ScopeDefaults
  readonly limits: ApiLimits
  /** Shown by status/flags, name without dashes to value. */
  readonly flags?: Readonly<Record<string, string>> | undefined
  /** Shown by status/config. */
  readonly configYaml?: string | undefined
  /** The text of /metrics; without it the route is unknown. */
  readonly metrics?: (() => Promise<string>) | undefined
  /** Who knows exemplars, metadata, rules and targets, asked anew for each request; without it nobody. */
  readonly sources?: (() => readonly Source[] | Promise<readonly Source[]>) | undefined
  /** Where the ruler sends alerts; without it nobody sends any. */
  readonly alertmanagers?:
    | ((signal: AbortSignal) => Promise<KnownAlertmanagers | undefined>)
    | undefined
  /** StoreAPIs beside the bucket, for `stores`. */
  readonly endpoints?: (() => Promise<readonly StoreStatus[]>) | undefined
  /** What waits to be compacted, downsampled, deleted: of these blocks, or all. As JSON; without a bucket there is nothing. */
  readonly compaction?:
    | ((blocks: ReadonlySet<string> | undefined, signal: AbortSignal) => Promise<object>)
    | undefined
  /** Why the server can't answer yet, or true. */
  readonly ready?: (() => Promise<true | string>) | undefined
  /** What of the server can't be cured but by starting it again, or true. */
  readonly healthy?: (() => true | string) | undefined
  /** Who may come in; without it everybody may everything. */
  readonly door?: Door | undefined
  /** Where queries wait when too many run; without it none waits. */
  readonly queue?: Pick<QueryQueue, 'enter'> | undefined
  /** Told of every query. */
  readonly queryLog?: QueryLog | undefined
  /** Called for what the client is not told: errors that are not a DomainError, and every answer of 500. */
  readonly log?: ((entry: ApiLogEntry) => void) | undefined
}

/** URLs that alerts go to, and those that relabelling left out. */
export interface KnownAlertmanagers {
  readonly active: readonly string[]
  readonly dropped: readonly string[]
}

/** Without `features`: its absence is how Grafana knows a server that speaks plain Prometheus. */
export interface BuildInfo {
  /** Tools compare it with Prometheus's versions. */
  readonly version: string
  readonly revision: string
  readonly branch: string
  readonly buildUser: string
  readonly buildDate: string
  readonly goVersion: string
}

/** Of a thaw that answers as this version of Prometheus does. */
export function buildInfo(revision: string, runtime: string): BuildInfo {
  return {
    version: '3.14.0',
    revision,
    branch: 'thaw',
    buildUser: '',
    buildDate: '',
    goVersion: runtime,
  }
}

/** Where a request says nothing; the flags of Thanos's querier. */
export interface ScopeDefaults {
  readonly dedup: boolean
  readonly replicaLabels: readonly string[]
  readonly deduplication: Deduplication
  readonly partialResponse: boolean
  /** `--query.auto-downsampling`: a request that names no resolution means `auto`. */
  readonly autoDownsampling: boolean
  /** `--query-range.request-downsampled`: range queries with `auto` ask again of coarser blocks where there is no answer yet. */
  readonly requestDownsampled: boolean
  /** `--query.exact-downsampling`: functions over downsampled blocks are those over raw samples, wherever windows tell it. */
  readonly exactDownsampling: boolean
  readonly tenancy: TenancySettings
}

export interface ApiLimits {
  /** `--query.timeout`; the parameter may only shorten it. */
  readonly timeoutMs: number
  /** Ends a query before whatever is in front gives up on us. */
  readonly deadlineMs?: number | undefined
  /** Of an answer before compression: the heap it may take. */
  readonly maxAnswerBytes: number
  /** `--storage.remote.read-sample-limit`, of each query of a remote read. */
  readonly remoteReadSamples: number
  /** Of a body as it is sent: what the gateway lets through. */
  readonly maxResponseBytes?: number | undefined
  /** Large answers are sent as they are made, in pieces of about this many bytes; absent: whole, with their length. */
  readonly pieceBytes?: number | undefined
  /** Where to ask for an answer that is larger than `maxResponseBytes`; absent: nowhere. */
  readonly streamUrl?: string | undefined
  /** Thanos's `--query.default-step` for a query_range without `step`; an error where undefined, as in Prometheus. */
  readonly defaultStepMs?: number | undefined
}

export const DEFAULT_LIMITS: ApiLimits = {
  timeoutMs: 120_000,
  maxAnswerBytes: 512 * 1024 * 1024,
  remoteReadSamples: 50_000_000,
}

export const DEFAULT_SCOPE: ScopeDefaults = {
  dedup: true,
  replicaLabels: [],
  deduplication: 'nearest',
  partialResponse: true,
  autoDownsampling: false,
  requestDownsampled: true,
  exactDownsampling: true,
  tenancy: DEFAULT_TENANCY,
}

export interface ApiLogEntry {
  readonly message: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly error: unknown
}

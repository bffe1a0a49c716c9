/** What Thanos's store gateway takes and gives in the hints of a request: proto/hints.proto. They travel inside of an `Any`. */
import type { Matcher } from '#lib/model/matcher.ts'
import { matchers } from './label-fields.ts'
import * as proto from './message.ts'
import type { Any } from './store-messages.ts'

/** Which blocks may answer, by their external labels. */
export interface BlockHints {
  readonly blockMatchers: readonly Matcher[]
}

export interface SeriesRequestHints extends BlockHints {
  readonly enableQueryStats: boolean
}

export interface SeriesResponseHints {
  readonly queriedBlocks: readonly QueriedBlock[]
  readonly queryStats: QueryStats | undefined
}

export interface LabelResponseHints {
  readonly queriedBlocks: readonly QueriedBlock[]
}

export interface QueriedBlock {
  /** Its ULID. */
  readonly id: string
}

/** Counts, and bytes where it says size. */
export interface QueryStats {
  readonly blocksQueried: number
  readonly mergedSeriesCount: number
  readonly mergedChunksCount: number
  readonly postingsTouched: number
  readonly postingsTouchedSizeSum: number
  readonly postingsToFetch: number
  readonly postingsFetched: number
  readonly postingsFetchedSizeSum: number
  readonly postingsFetchCount: number
  readonly seriesTouched: number
  readonly seriesTouchedSizeSum: number
  readonly seriesFetched: number
  readonly seriesFetchedSizeSum: number
  readonly seriesFetchCount: number
  readonly chunksTouched: number
  readonly chunksTouchedSizeSum: number
  readonly chunksFetched: number
  readonly chunksFetchedSizeSum: number
  readonly chunksFetchCount: number
  readonly dataDownloadedSizeSum: number
  readonly getAllDuration: Duration | undefined
  readonly mergeDuration: Duration | undefined
}

export interface Duration {
  readonly seconds: number
  readonly nanos: number
}

const queriedBlock = proto.message<QueriedBlock>('Block', { id: proto.string(1) })

const duration = proto.message<Duration>('Duration', {
  seconds: proto.int(1),
  nanos: proto.int(2),
})

const queryStats = proto.message<QueryStats>('QueryStats', {
  blocksQueried: proto.int(1),
  mergedSeriesCount: proto.int(2),
  mergedChunksCount: proto.int(3),
  postingsTouched: proto.int(4),
  postingsTouchedSizeSum: proto.int(5),
  postingsToFetch: proto.int(6),
  postingsFetched: proto.int(7),
  postingsFetchedSizeSum: proto.int(8),
  postingsFetchCount: proto.int(9),
  seriesTouched: proto.int(10),
  seriesTouchedSizeSum: proto.int(11),
  seriesFetched: proto.int(12),
  seriesFetchedSizeSum: proto.int(13),
  seriesFetchCount: proto.int(14),
  chunksTouched: proto.int(15),
  chunksTouchedSizeSum: proto.int(16),
  chunksFetched: proto.int(17),
  chunksFetchedSizeSum: proto.int(18),
  chunksFetchCount: proto.int(19),
  dataDownloadedSizeSum: proto.int(20),
  getAllDuration: proto.optional(21, duration),
  mergeDuration: proto.optional(22, duration),
})

export const seriesRequestHints = proto.message<SeriesRequestHints>('SeriesRequestHints', {
  blockMatchers: matchers(1),
  enableQueryStats: proto.bool(2),
})

export const seriesResponseHints = proto.message<SeriesResponseHints>('SeriesResponseHints', {
  queriedBlocks: proto.repeated(1, queriedBlock),
  queryStats: proto.optional(2, queryStats),
})

export const labelNamesRequestHints = proto.message<BlockHints>('LabelNamesRequestHints', {
  blockMatchers: matchers(1),
})

export const labelNamesResponseHints = proto.message<LabelResponseHints>(
  'LabelNamesResponseHints',
  { queriedBlocks: proto.repeated(1, queriedBlock) },
)

export const labelValuesRequestHints = proto.message<BlockHints>('LabelValuesRequestHints', {
  blockMatchers: matchers(1),
})

export const labelValuesResponseHints = proto.message<LabelResponseHints>(
  'LabelValuesResponseHints',
  { queriedBlocks: proto.repeated(1, queriedBlock) },
)

/** What is not given is 0. */
export function queryStatsOf(known: Partial<QueryStats>): QueryStats {
  return { ...queryStats.decode(NOTHING), ...known }
}

const NOTHING = new Uint8Array(0)

const TYPE_PREFIX = 'type.googleapis.com/hintspb.'

export function packHints<T>(codec: proto.Message<T>, hints: Partial<T>): Any {
  return { typeUrl: TYPE_PREFIX + codec.name, value: codec.encode(hints) }
}

/** Undefined for hints of another type: they are for another kind of store. Throws CorruptError. */
export function unpackHints<T>(codec: proto.Message<T>, packed: Any | undefined): T | undefined {
  return packed?.typeUrl === TYPE_PREFIX + codec.name ? codec.decode(packed.value) : undefined
}

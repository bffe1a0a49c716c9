/** `thanos.Store` and `thanos.info.Info` over a store of series. */
import {
  serverStream,
  unary,
  type FrameSink,
  type GrpcCall,
  type GrpcService,
} from '#lib/grpc/calls.ts'
import type { Gate } from '#lib/grpc/gate.ts'
import * as hints from '#lib/grpc/hints-messages.ts'
import { infoRequest, infoResponse, type InfoResponse } from '#lib/grpc/info-messages.ts'
import type { Message } from '#lib/grpc/message.ts'
import { encodeHints, encodeWarning, SeriesFrameWriter } from '#lib/grpc/series-messages.ts'
import { infoService, SERVICE_NAMES, storeService } from '#lib/grpc/services.ts'
import {
  labelNamesRequest,
  labelNamesResponse,
  type LabelNamesRequest,
  labelValuesRequest,
  labelValuesResponse,
  seriesRequest,
  type SeriesRequest,
} from '#lib/grpc/store-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type LimitedWhat, RequestLimitError } from './request-limits.ts'
import { addSeries, type WantedParts, wantedParts } from './series-frames.ts'
import type {
  LabelQuery,
  ReadStats,
  SelectedSeries,
  SeriesQuery,
  SeriesStore,
  StoreLabels,
} from './series-store.ts'
import { shardMatcher } from './shard-matcher.ts'

export interface StoreServiceOptions {
  readonly store: SeriesStore
  /** Of Series calls. */
  readonly gate: Gate
  readonly now: () => number
  readonly observer?: StoreObserver
}

/** What is told of Series calls, for metrics. */
export interface StoreObserver {
  /** One that came to its end. */
  answered(stats: ReadStats & { readonly blocks: number }): void
  /** One that asked for more than it may. */
  dropped(what: LimitedWhat): void
}

export function storeApiService(options: StoreServiceOptions): GrpcService {
  const { store, gate } = options
  return {
    name: SERVICE_NAMES.store,
    methods: [
      serverStream(storeService.series, seriesRequest, (request, call, sink) =>
        gate.run(call.signal, () => answerSeries(options, request, call, sink)),
      ),
      unary(
        storeService.labelNames,
        labelNamesRequest,
        labelNamesResponse,
        async (request, call) => {
          const query = labelQuery(request, hints.labelNamesRequestHints)
          const { values, warnings, queriedBlocks } = await store.labelNames(query, call.signal)
          return {
            names: values,
            warnings,
            hints: labelHints(request, hints.labelNamesResponseHints, queriedBlocks),
          }
        },
      ),
      unary(
        storeService.labelValues,
        labelValuesRequest,
        labelValuesResponse,
        async (request, call) => {
          if (request.label === '') {
            throw new DomainError('invalid', 'label name parameter cannot be empty')
          }
          const query = labelQuery(request, hints.labelValuesRequestHints)
          const answer: StoreLabels = await store.labelValues(request.label, query, call.signal)
          return {
            values: answer.values,
            warnings: answer.warnings,
            hints: labelHints(request, hints.labelValuesResponseHints, answer.queriedBlocks),
          }
        },
      ),
    ],
  }
}

/** What else an endpoint serves is in `apis`. */
export function infoApiService(
  store: SeriesStore,
  componentType: string,
  apis: Partial<InfoResponse> = {},
): GrpcService {
  return {
    name: SERVICE_NAMES.info,
    methods: [
      unary(infoService.info, infoRequest, infoResponse, async (_, { signal }) => {
        const tsdbInfos = (await store.streams(signal)).map(({ labels, minTimeMs, maxTimeMs }) => ({
          labels,
          minTime: minTimeMs,
          maxTime: maxTimeMs,
        }))
        const labelSets = tsdbInfos
          .map(({ labels }) => labels)
          .filter((labels, i, all) => labels.join('\0') !== all[i - 1]?.join('\0'))
        return {
          ...apis,
          labelSets,
          componentType,
          store: {
            minTime: Math.min(...tsdbInfos.map(({ minTime }) => minTime)),
            maxTime: Math.max(...tsdbInfos.map(({ maxTime }) => maxTime)),
            supportsSharding: true,
            supportsWithoutReplicaLabels: true,
            tsdbInfos,
            supportsProjections: false,
          },
        }
      }),
    ],
  }
}

async function answerSeries(
  options: StoreServiceOptions,
  request: SeriesRequest,
  call: GrpcCall,
  sink: FrameSink,
): Promise<void> {
  try {
    await findAndSend(options, request, call, sink)
  } catch (error) {
    if (error instanceof RequestLimitError) options.observer?.dropped(error.what)
    throw error
  }
}

async function findAndSend(
  { store, now, observer }: StoreServiceOptions,
  request: SeriesRequest,
  { signal }: GrpcCall,
  sink: FrameSink,
): Promise<void> {
  if (request.matchers.length === 0) throw new DomainError('invalid', 'no matchers specified')
  const asked = hints.unpackHints(hints.seriesRequestHints, request.hints)
  const query: SeriesQuery = {
    ...queryOf(request),
    blockMatchers: asked?.blockMatchers ?? [],
    startMs: request.minTime,
    endMs: request.maxTime,
    labelsOnly: request.skipChunks,
    maxResolutionMs: request.maxResolutionWindow,
    inShard: await shardMatcher(request.shardInfo),
  }
  const startMs = now()
  const selected = await store.select(query, signal)
  const foundMs = now()
  try {
    await sendSeries(selected, request, wantedParts(request.aggregates), sink)
    observer?.answered({ ...selected.stats(), blocks: selected.queriedBlocks.length })
    if (!asked) return
    const times = { getAllDuration: foundMs - startMs, mergeDuration: now() - foundMs }
    const stats = asked.enableQueryStats ? queryStats(selected, times) : undefined
    const queriedBlocks = selected.queriedBlocks.map((id) => ({ id }))
    const told = { queriedBlocks, queryStats: stats }
    await sink.write(encodeHints(hints.packHints(hints.seriesResponseHints, told)))
  } finally {
    selected.close()
  }
}

async function sendSeries(
  selected: SelectedSeries,
  request: SeriesRequest,
  parts: WantedParts,
  sink: FrameSink,
): Promise<void> {
  const frames = new SeriesFrameWriter(request.responseBatchSize)
  let warned = 0
  const warn = async (): Promise<void> => {
    for (; warned < selected.warnings.length; warned++) {
      await sink.write(encodeWarning(selected.warnings[warned]!))
    }
  }
  await warn()
  for await (const page of selected.pages()) {
    await warn()
    for (const [i, labels] of page.labels.entries()) {
      const chunks = page.chunks(i)
      // All of it is deleted, or could not be read: clients take a series without chunks for an error.
      if (chunks.length === 0 && !request.skipChunks) continue
      await addSeries(frames, labels, chunks, parts, sink)
      if (frames.isFull) await sink.write(frames.take())
    }
  }
  if (frames.count > 0) await sink.write(frames.take())
  await warn()
}

type AnyRequest = SeriesRequest | LabelNamesRequest

function queryOf(
  request: AnyRequest,
): Pick<LabelQuery, 'matchers' | 'hidden' | 'partialResponse' | 'limit'> {
  const { matchers, withoutReplicaLabels, partialResponseDisabled, limit } = request
  const isAbort = partialResponseDisabled || request.partialResponseStrategy === 'ABORT'
  return { matchers, hidden: new Set(withoutReplicaLabels), partialResponse: !isAbort, limit }
}

function labelQuery(request: LabelNamesRequest, codec: Message<hints.BlockHints>): LabelQuery {
  const asked = hints.unpackHints(codec, request.hints)
  return {
    ...queryOf(request),
    startMs: request.start,
    endMs: request.end,
    blockMatchers: asked?.blockMatchers ?? [],
  }
}

function labelHints(
  request: LabelNamesRequest,
  codec: Message<hints.LabelResponseHints>,
  queriedBlocks: readonly string[],
) {
  if (request.hints === undefined) return undefined
  return hints.packHints(codec, { queriedBlocks: queriedBlocks.map((id) => ({ id })) })
}

function queryStats(
  selected: SelectedSeries,
  times: Readonly<Record<'getAllDuration' | 'mergeDuration', number>>,
): hints.QueryStats {
  const { series, chunks, bytes } = selected.stats()
  return hints.queryStatsOf({
    blocksQueried: selected.queriedBlocks.length,
    mergedSeriesCount: series,
    mergedChunksCount: chunks,
    dataDownloadedSizeSum: bytes,
    getAllDuration: duration(times.getAllDuration),
    mergeDuration: duration(times.mergeDuration),
  })
}

function duration(ms: number): hints.Duration {
  return { seconds: Math.floor(ms / 1000), nanos: Math.floor((ms % 1000) * 1e6) }
}

/** The StoreAPI of an endpoint as a source of series: its frames, one by one, into the columns of blocks. */
import type { CallRequest } from '#lib/grpc/client.ts'
import { storeService } from '#lib/grpc/services.ts'
import { type AggrChunk, decodeSeriesResponse } from '#lib/grpc/series-messages.ts'
import {
  type Aggr,
  labelNamesRequest,
  labelNamesResponse,
  labelValuesRequest,
  labelValuesResponse,
  seriesRequest,
} from '#lib/grpc/store-messages.ts'
import { askCardinality } from './ask-cardinality.ts'
import { CorruptError, DomainError, LimitError } from '#lib/model/errors.ts'
import { type Labels, labelValue } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { Aggregation } from '#lib/storage/downsampling.ts'
import { SeriesCollector } from '#lib/store/series-collector.ts'
import type {
  SeriesSource,
  SourceLabelRequest,
  SourceRequest,
  SourceSeries,
} from '#lib/store/series-source.ts'
import { writeAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { AGGREGATE } from '#lib/tsdb/chunk/chunk.ts'
import {
  type CallSettings,
  type Endpoint,
  labelSetsOf,
  labelsFromWire,
  tenantMetadata,
  wireTime,
} from './endpoint.ts'

export interface StoreSourceSettings extends CallSettings {
  /** Of one answer as it comes over the wire. */
  readonly maxBytes: number
}

/** Who may have downsampled blocks, itself or behind it. */
const DOWNSAMPLERS: ReadonlySet<string> = new Set(['store', 'query'])

/** Undefined where the endpoint serves no StoreAPI. */
export function storeSource(
  endpoint: Endpoint,
  settings: StoreSourceSettings,
): SeriesSource | undefined {
  const { address, client, info, lastError, strict } = endpoint
  if (info && !info.store) return undefined
  const away = lastError !== undefined && !strict ? lastError : undefined
  const request = (
    { tenant }: Pick<SourceRequest, 'tenant'>,
    body: Uint8Array,
    signal: AbortSignal,
  ): CallRequest => {
    if (away !== undefined) throw new DomainError('unavailable', away)
    const { responseTimeoutMs: timeoutMs } = settings
    return { body, timeoutMs, metadata: tenantMetadata(tenant), signal }
  }
  return {
    address,
    labelSets: labelSetsOf(endpoint),
    minTimeMs: info?.store?.minTime ?? -Infinity,
    maxTimeMs: info?.store?.maxTime ?? Infinity,
    downsamples: info === undefined || DOWNSAMPLERS.has(info.componentType),
    async select(asked, signal) {
      const call = request(asked, encodeSelect(asked, labelSetsOf(endpoint)), signal)
      return collect(client.stream(storeService.series, call), asked.labelsOnly, settings)
    },
    async labelNames(asked, signal) {
      const call = request(asked, labelNamesRequest.encode(labelQuestion(asked)), signal)
      const answer = labelNamesResponse.decode(await client.unary(storeService.labelNames, call))
      const hidden = new Set(asked.hidden)
      return { values: answer.names.filter((name) => !hidden.has(name)), warnings: answer.warnings }
    },
    async labelValues(label, asked, signal) {
      const body = labelValuesRequest.encode({ ...labelQuestion(asked), label })
      const call = request(asked, body, signal)
      const { values, warnings } = labelValuesResponse.decode(
        await client.unary(storeService.labelValues, call),
      )
      return { values: values.filter((value) => value !== ''), warnings }
    },
    ...(info?.status && {
      async cardinality(asked, signal) {
        if (away !== undefined) throw new DomainError('unavailable', away)
        return askCardinality(endpoint, asked, settings, signal)
      },
    }),
  }
}

const BATCH_SIZE = 64

const WIRE_AGGREGATES: Readonly<Record<Aggregation, readonly Aggr[]>> = {
  count: ['COUNT'],
  sum: ['SUM'],
  min: ['MIN'],
  max: ['MAX'],
  counter: ['COUNTER'],
  average: ['COUNT', 'SUM'],
  weighted: ['COUNT', 'SUM'],
}

/**
 * As Thanos's querier asks, but for three things that the merging of replicas settles here: replica labels stay, since which replica a
 * sample is of counts; there is no limit, since the first series of each endpoint need not be the first of all; no shard, since
 * our hash is another.
 */
function encodeSelect(asked: SourceRequest, labelSets: readonly Labels[]): Uint8Array {
  const { startMs, endMs, labelsOnly, aggregation, maxResolutionMs } = asked
  return seriesRequest.encode({
    minTime: wireTime(startMs),
    maxTime: wireTime(endMs),
    matchers: ownMatchers(asked.matchers, labelSets),
    maxResolutionWindow: wireTime(maxResolutionMs),
    aggregates: labelsOnly ? [] : WIRE_AGGREGATES[aggregation],
    skipChunks: labelsOnly,
    responseBatchSize: BATCH_SIZE,
    ...strategyOf(asked),
  })
}

/** An endpoint settles matchers of its external labels, and refuses a request that has no others: then one that all series match is among them. */
function ownMatchers(
  matchers: readonly Matcher[],
  labelSets: readonly Labels[],
): readonly Matcher[] {
  const isExternal = ({ name }: Matcher): boolean =>
    labelSets.some((labels) => labelValue(labels, name) !== '')
  return matchers.every(isExternal) ? [...matchers, ANY_NAME] : matchers
}

const ANY_NAME: Matcher = { type: '!=', name: '__name__', value: '' }

function labelQuestion(asked: SourceLabelRequest) {
  const { matchers, startMs, endMs, hidden, limit } = asked
  return {
    start: wireTime(startMs),
    end: wireTime(endMs),
    matchers,
    withoutReplicaLabels: hidden,
    limit,
    ...strategyOf(asked),
  }
}

function strategyOf({ partialResponse }: Pick<SourceRequest, 'partialResponse'>) {
  return {
    partialResponseDisabled: !partialResponse,
    partialResponseStrategy: partialResponse ? ('WARN' as const) : ('ABORT' as const),
  }
}

/** Series may come in any order, and go on in later frames: whoever merges them sorts. */
async function collect(
  frames: AsyncIterable<Uint8Array>,
  labelsOnly: boolean,
  { maxBytes }: StoreSourceSettings,
): Promise<SourceSeries> {
  const collector = new SeriesCollector()
  const warnings: string[] = []
  let bytes = 0
  for await (const frame of frames) {
    bytes += frame.length
    if (bytes > maxBytes) {
      throw new LimitError(
        `answers with more than ${maxBytes} bytes: ask for fewer series or a shorter range`,
        maxBytes,
        bytes,
      )
    }
    const { series, warning } = decodeSeriesResponse(frame)
    if (warning !== undefined) warnings.push(warning)
    for (const { labels, chunks } of series) {
      collector.series(labelsFromWire(labels))
      if (!labelsOnly) for (const chunk of chunks) addChunk(collector, chunk)
    }
  }
  return { ...collector.finish(''), warnings }
}

/** What is downsampled comes in pieces, and is put together as blocks have it. */
function addChunk(collector: SeriesCollector, chunk: AggrChunk): void {
  const { minTimeMs, maxTimeMs, raw, count, sum, min, max, counter } = chunk
  if (minTimeMs > maxTimeMs) throw new CorruptError(`chunk from ${minTimeMs} to ${maxTimeMs}`, 0)
  if (raw) return collector.chunk(minTimeMs, maxTimeMs, raw.encoding, raw.data)
  const data = writeAggregateChunk({
    ...(count && { count }),
    ...(sum && { sum }),
    ...(min && { min }),
    ...(max && { max }),
    ...(counter && { counter }),
  })
  collector.chunk(minTimeMs, maxTimeMs, AGGREGATE, data)
}

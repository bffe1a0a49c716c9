/** `thanos.Store/Series` over the Prometheuses of an agent. */
import type { FrameSink } from '#lib/grpc/calls.ts'
import { encodeWarning, SeriesFrameWriter } from '#lib/grpc/series-messages.ts'
import type { SeriesRequest } from '#lib/grpc/store-messages.ts'
import { DomainError, LimitError } from '#lib/model/errors.ts'
import { addSeries } from '#lib/store-api/series-frames.ts'
import { shardMatcher } from '#lib/store-api/shard-matcher.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { withoutExternal } from './external-matchers.ts'
import { joinEqual, mergeSeries } from './merge-series.ts'
import { externalLabelsOf } from './per-prometheus.ts'
import {
  labelSetsOf,
  type PrometheusSeries,
  type SeriesParts,
  type SeriesQuery,
  seriesOf,
} from './prometheus-series.ts'

/** Of one request, 0 for none. */
export interface SelectLimits {
  readonly series: number
  /** Counted as 120 for each chunk. */
  readonly samples: number
}

export interface SelectParts extends SeriesParts {
  readonly limits: SelectLimits
  readonly onDropped: (reason: 'series' | 'chunks') => void
}

const SAMPLES_PER_CHUNK = 120

export async function writeSeries(
  units: readonly PrometheusUnit[],
  request: SeriesRequest,
  parts: SelectParts,
  signal: AbortSignal,
  sink: FrameSink,
): Promise<void> {
  const asked = units.flatMap((unit) => {
    const query = queryFor(unit, request)
    return query === undefined ? [] : [{ unit, query }]
  })
  const warnings: string[] = []
  const isPartial = asked.length > 1 && isWarn(request) ? warnings : undefined
  const streams = asked.map(({ unit, query }) => {
    const stream = request.skipChunks
      ? labelSetsOf(unit, query, signal)
      : seriesOf(unit, query, parts, signal)
    return isPartial === undefined ? stream : withWarnings(stream, isPartial)
  })
  const inShard = await shardMatcher(request.shardInfo)
  const count = limiter(parts)
  const frame = new SeriesFrameWriter(request.responseBatchSize)
  let left = request.limit > 0 ? request.limit : Infinity
  for await (const series of joinEqual(mergeSeries(streams))) {
    if (inShard?.(series.labels) === false) continue
    count(series)
    await addSeries(frame, series.labels, series.chunks, [], sink)
    if (frame.isFull) await sink.write(frame.take())
    if (--left === 0) break
  }
  if (warnings.length === asked.length && warnings.length > 0) {
    throw new DomainError('unavailable', warnings.join('; '))
  }
  if (frame.count > 0) await sink.write(frame.take())
  for (const warning of warnings) await sink.write(encodeWarning(warning))
}

/** Undefined where this Prometheus can have nothing of it. */
function queryFor(unit: PrometheusUnit, request: SeriesRequest): SeriesQuery | undefined {
  const matchers = withoutExternal(request.matchers, externalLabelsOf(unit))
  if (matchers === undefined) return undefined
  if (matchers.length === 0) {
    throw new DomainError('invalid', 'no matchers specified (excluding external labels)')
  }
  const minTimeMs = Math.max(request.minTime, unit.state.minTimeMs)
  const { maxTime: maxTimeMs, limit } = request
  if (minTimeMs > maxTimeMs) return undefined
  return { matchers, minTimeMs, maxTimeMs, removed: new Set(request.withoutReplicaLabels), limit }
}

function isWarn({ partialResponseDisabled, partialResponseStrategy }: SeriesRequest): boolean {
  return !partialResponseDisabled && partialResponseStrategy === 'WARN'
}

async function* withWarnings(
  stream: AsyncGenerator<PrometheusSeries>,
  warnings: string[],
): AsyncGenerator<PrometheusSeries> {
  try {
    yield* stream
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === 'canceled') throw error
    warnings.push(error.message)
  }
}

function limiter({ limits, onDropped }: SelectParts): (series: PrometheusSeries) => void {
  let seriesCount = 0
  let samples = 0
  const check = (reason: 'series' | 'chunks', what: string, limit: number, actual: number) => {
    if (limit === 0 || actual <= limit) return
    onDropped(reason)
    throw new LimitError(`limit of ${limit} ${what} for one request violated`, limit, actual)
  }
  return ({ chunks }) => {
    check('series', 'series', limits.series, ++seriesCount)
    samples += chunks.length * SAMPLES_PER_CHUNK
    check('chunks', 'samples', limits.samples, samples)
  }
}

/** What sources have of a selection, put beside what blocks have. */
import type { CorruptError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Aggregation } from '#lib/storage/downsampling.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type {
  ClosedInterval,
  LabelAnswer,
  LabelRequest,
  SelectRequest,
} from '#lib/storage/storage.ts'
import { NO_TOMBSTONES } from '#lib/tsdb/block/tombstones.ts'
import type { LoadedChunks } from './loaded-chunks.ts'
import type { BlockPart } from './series-set.ts'
import {
  askSources,
  mayHave,
  type SeriesSource,
  type SourceLabelRequest,
  type SourceSeries,
} from './series-source.ts'

interface SourceSelection {
  readonly request: SelectRequest
  readonly scope: Scope
  readonly interval: ClosedInterval
  readonly coarsestMs: number
  readonly aggregation: Aggregation
  readonly ofShard: ((labels: Labels) => boolean) | undefined
  /** Gets what is acquired. */
  readonly inUse: LoadedChunks[]
  readonly signal?: AbortSignal | undefined
}

/** A chunk that can't be read is known when it is decoded: in half an answer, `warnings` gets more then. */
export async function selectSources(
  sources: readonly SeriesSource[],
  { request, scope, interval, coarsestMs, aggregation, ofShard, inUse, signal }: SourceSelection,
): Promise<{ readonly parts: BlockPart[]; readonly warnings: string[] }> {
  const { matchers, hints } = request
  const { partialResponse, tenant } = scope
  const asked = sources.filter((source) => mayHave(source, matchers, interval))
  const { results, warnings } = await askSources(
    asked,
    partialResponse,
    async (source, either) => {
      const found = await source.select(
        {
          matchers,
          ...interval,
          labelsOnly: hints.labelsOnly,
          aggregation,
          maxResolutionMs: coarsestMs,
          tenant,
          partialResponse,
        },
        either,
      )
      return { ...found, source }
    },
    signal,
  )
  // What has nothing would keep what is known of the others from being used again.
  const some = results.filter(({ found }) => found.labels.length > 0)
  const parts = some.map(({ source, ...series }): BlockPart => {
    const { found, chunks } = series
    chunks.acquire()
    inUse.push(chunks)
    chunks.onCorrupt = (error: CorruptError): void => {
      const finding = error.in(`endpoint ${source.address}: chunk`)
      if (!partialResponse) throw finding
      if (!warnings.includes(finding.message)) warnings.push(finding.message)
    }
    const wanted = hints.labelsOnly ? undefined : interval
    return {
      found,
      chunks,
      wanted: wantedSeries(series, wanted, ofShard),
      tombstones: NO_TOMBSTONES,
    }
  })
  return { parts, warnings }
}

/** Those with chunks in the interval; where none is wanted, all. */
function wantedSeries(
  { found: { labels, from, to, chunks } }: Pick<SourceSeries, 'found'>,
  interval: ClosedInterval | undefined,
  ofShard: ((labels: Labels) => boolean) | undefined,
): Uint8Array {
  return Uint8Array.from(labels, (one, i) => {
    if (ofShard && !ofShard(one)) return 0
    if (!interval) return 1
    return Number(chunks.isAnyWithin(from[i]!, to[i]!, interval.startMs, interval.endMs))
  })
}

/** Each matcher set is a question of its own. Answers may overlap. */
export async function askLabels(
  sources: readonly SeriesSource[],
  request: LabelRequest,
  {
    scope,
    hidden,
    signal,
  }: {
    readonly scope: Scope
    readonly hidden: ReadonlySet<string>
    readonly signal?: AbortSignal | undefined
  },
  ask: (
    source: SeriesSource,
    request: SourceLabelRequest,
    signal: AbortSignal,
  ) => Promise<LabelAnswer>,
): Promise<{ readonly answers: string[][]; readonly warnings: string[] }> {
  const { matcherSets, startMs, endMs, limit } = request
  const { partialResponse, tenant } = scope
  const sets = matcherSets.length > 0 ? matcherSets : [[]]
  const asked = await Promise.all(
    sets.map(async (matchers) =>
      askSources(
        sources.filter((source) => mayHave(source, matchers, request)),
        partialResponse,
        async (source, either) => {
          const wanted = {
            matchers,
            startMs,
            endMs,
            limit,
            hidden: [...hidden],
            partialResponse,
            tenant,
          }
          return ask(source, wanted, either)
        },
        signal,
      ),
    ),
  )
  return {
    answers: asked.flatMap(({ results }) => results.map(({ values }) => [...values])),
    warnings: [...new Set(asked.flatMap(({ warnings }) => warnings))],
  }
}

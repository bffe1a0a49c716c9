/** Somewhere else that has series: asked beside the blocks, by the process that has the connection to it. */
import { DomainError } from '#lib/model/errors.ts'
import { labelValue, type Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { Aggregation } from '#lib/storage/downsampling.ts'
import type { Cardinality, CardinalityRequest } from '#lib/storage/inventory.ts'
import { type Scope, seesStore } from '#lib/storage/scope.ts'
import type { ClosedInterval, LabelAnswer } from '#lib/storage/storage.ts'
import type { CollectedSeries } from './series-collector.ts'

export interface SeriesSource {
  /** Names it in messages, and is what `storeMatch[]` sees. */
  readonly address: string
  /** External labels of what it has, one set for each stream; none where it doesn't say. */
  readonly labelSets: readonly Labels[]
  /** Closed interval of its samples. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Whether it may have downsampled blocks. */
  readonly downsamples: boolean
  /** Any order; replicas apart. Rejects with a DomainError, which need not name the source. */
  select(request: SourceRequest, signal: AbortSignal): Promise<SourceSeries>
  /** Of the series that match, or of all where there are no matchers; without the hidden names. */
  labelNames(request: SourceLabelRequest, signal: AbortSignal): Promise<LabelAnswer>
  labelValues(name: string, request: SourceLabelRequest, signal: AbortSignal): Promise<LabelAnswer>
  /** Of what it has now; absent where it does not count. */
  readonly cardinality?:
    | ((request: SourceCardinalityRequest, signal: AbortSignal) => Promise<Cardinality>)
    | undefined
}

/** Whoever asks, and whether half an answer would do. */
interface SourceAsker {
  readonly tenant: string | undefined
  readonly partialResponse: boolean
}

export interface SourceRequest extends SourceAsker, ClosedInterval {
  readonly matchers: readonly Matcher[]
  /** No chunks are wanted. */
  readonly labelsOnly: boolean
  /** What of downsampled chunks is wanted, and how coarse they may be: 0 for raw ones only. */
  readonly aggregation: Aggregation
  readonly maxResolutionMs: number
}

export interface SourceLabelRequest extends SourceAsker, ClosedInterval {
  readonly matchers: readonly Matcher[]
  /** Replica labels, which nobody shall see. */
  readonly hidden: readonly string[]
  /** 0 for all. */
  readonly limit: number
}

export interface SourceCardinalityRequest extends CardinalityRequest {
  readonly scope: Scope
}

export interface SourceSeries extends CollectedSeries {
  readonly warnings: readonly string[]
}

/** Whether it may have series that match, with samples of the closed interval. */
export function mayHave(
  { labelSets, minTimeMs, maxTimeMs }: SeriesSource,
  matchers: readonly Matcher[],
  { startMs, endMs }: ClosedInterval,
): boolean {
  if (minTimeMs > endMs || maxTimeMs < startMs) return false
  if (labelSets.length === 0) return true
  const compiled = matchers.map(compileMatcher)
  return labelSets.some((labels) =>
    compiled.every(({ name, matches }) => {
      const value = labelValue(labels, name)
      return value === '' || matches(value)
    }),
  )
}

/** Those that may have what a scope lets see, at any time. */
export function sourcesInScope(sources: readonly SeriesSource[], scope: Scope): SeriesSource[] {
  const always = { startMs: -Infinity, endMs: Infinity }
  return sources.filter(
    (source) => seesStore(scope, source.address) && mayHave(source, scope.enforced ?? [], always),
  )
}

/** Asks all at once. One that fails is a warning where half an answer is wanted, and so is what it says itself; else both are errors. */
export async function askSources<T extends { readonly warnings: readonly string[] }>(
  sources: readonly SeriesSource[],
  partialResponse: boolean,
  ask: (source: SeriesSource, signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<{ readonly results: T[]; readonly warnings: string[] }> {
  const stop = new AbortController()
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const warnings: string[] = []
  try {
    const results = await Promise.all(
      sources.map(async (source) => {
        try {
          const result = await ask(source, either)
          const said = result.warnings.map((warning) => `endpoint ${source.address}: ${warning}`)
          if (said.length > 0 && !partialResponse) throw new DomainError('unavailable', said[0]!)
          warnings.push(...said)
          return [result]
        } catch (error) {
          if (either.aborted || !(error instanceof DomainError)) throw error
          const message = named(source, error.message)
          if (!partialResponse) throw new DomainError(error.kind, message, { cause: error })
          warnings.push(message)
          return []
        }
      }),
    )
    return { results: results.flat(), warnings: [...new Set(warnings)].sort() }
  } catch (error) {
    stop.abort(error)
    throw error
  }
}

function named({ address }: SeriesSource, message: string): string {
  const name = `endpoint ${address}: `
  return message.startsWith(name) ? message : name + message
}

/** The series of one Prometheus with its external labels, in the order of those labels. */
import { isKind } from '#lib/model/errors.ts'
import {
  compareLabels,
  type Labels,
  labelsFrom,
  mergeLabels,
  withoutLabels,
} from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { decodeChunk, FLOAT_HISTOGRAM, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { remoteRead } from '../prometheus/remote-read.ts'
import type { PrometheusUnit } from '../run-prometheus.ts'
import { apiQuery } from './api-query.ts'
import { list, object } from './json-fields.ts'
import { LabelOrder } from './label-order.ts'
import type { OwnLabelNames } from './own-label-names.ts'
import { externalLabelsOf } from './per-prometheus.ts'
import { type SortBudget, seriesBytes } from './sort-budget.ts'

export interface PrometheusSeries {
  readonly labels: Labels
  /** Of encodings that the StoreAPI has. */
  readonly chunks: readonly ReadyChunk[]
}

export interface SeriesQuery {
  /** None of an external label. */
  readonly matchers: readonly Matcher[]
  /** Closed interval. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Labels that the answer shall not have. */
  readonly removed: ReadonlySet<string>
  /** Series, 0 for all. */
  readonly limit: number
}

export interface SeriesParts {
  readonly ownLabelNames: OwnLabelNames
  readonly budget: SortBudget
}

/**
 * As they come from Prometheus where no series has a label of the name of an external or removed one: then the order of
 * labels without those tells the order with them. Otherwise all are sorted in memory, within the budget.
 */
export async function* seriesOf(
  unit: PrometheusUnit,
  query: SeriesQuery,
  { ownLabelNames, budget }: SeriesParts,
  signal: AbortSignal,
): AsyncGenerator<PrometheusSeries> {
  const { hidden, added } = labelsOf(unit, query)
  const own = await ownLabelNames.of(unit, signal)
  const read = remoteRead(unit.prometheus, query, signal)
  if (hidden.isDisjointFrom(own)) {
    const order = new LabelOrder<readonly ReadyChunk[]>(added)
    try {
      for await (const { labels, chunks } of read) {
        for (const ready of order.push(withoutLabels(labels, hidden), chunks)) yield sent(ready)
      }
    } catch (error) {
      if (isKind(error, 'unavailable')) ownLabelNames.forget(unit)
      throw error
    }
    for (const ready of order.finish()) yield sent(ready)
    return
  }
  const share = budget.share()
  try {
    const all: PrometheusSeries[] = []
    for await (const { labels, chunks } of read) {
      const merged = mergeLabels(withoutLabels(labels, hidden), added)
      share.take(seriesBytes(merged, chunks))
      all.push({ labels: merged, chunks })
    }
    all.sort((a, b) => compareLabels(a.labels, b.labels))
    for (const { labels, chunks } of all) yield { labels, chunks: storeChunks(chunks) }
  } finally {
    share.release()
  }
}

function sent({
  labels,
  series,
}: {
  readonly labels: Labels
  readonly series: readonly ReadyChunk[]
}): PrometheusSeries {
  return { labels, chunks: storeChunks(series) }
}

/** Only labels: the whole list is held, as Prometheus gives it in one piece. */
export async function* labelSetsOf(
  unit: PrometheusUnit,
  query: SeriesQuery,
  signal: AbortSignal,
): AsyncGenerator<PrometheusSeries> {
  const { hidden, added } = labelsOf(unit, query)
  const { matchers, minTimeMs, maxTimeMs, limit } = query
  const parameters = apiQuery({ matchers, start: minTimeMs, end: maxTimeMs, limit })
  const data = await unit.prometheus.api('/api/v1/series', parameters, signal)
  const all = list(data).map((labels) => {
    const own = labelsFrom(object(labels) as Readonly<Record<string, string>>)
    return mergeLabels(withoutLabels(own, hidden), added)
  })
  all.sort(compareLabels)
  for (const labels of all) yield { labels, chunks: [] }
}

/** External labels win over those of a series, and are left out where they are removed. */
function labelsOf(
  unit: PrometheusUnit,
  { removed }: SeriesQuery,
): { readonly hidden: ReadonlySet<string>; readonly added: Labels } {
  const external = externalLabelsOf(unit)
  const names = external.filter((_, i) => i % 2 === 0)
  return { hidden: new Set([...names, ...removed]), added: withoutLabels(external, removed) }
}

/** The StoreAPI does not have Prometheus's encodings with start timestamps, nor its second one of floats. */
function storeChunks(chunks: readonly ReadyChunk[]): readonly ReadyChunk[] {
  if (chunks.every(({ encoding }) => encoding <= FLOAT_HISTOGRAM)) return chunks
  return chunks.flatMap((chunk) => {
    if (chunk.encoding <= FLOAT_HISTOGRAM) return [chunk]
    const columns = new ColumnBuilder()
    decodeChunk(chunk.encoding, chunk.data, columns)
    return encodeChunks(columns.columns())
  })
}

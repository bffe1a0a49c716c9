/** Label names and values of a block: from the lookup alone where no matcher asks for more. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import { compareUtf8, labelValue } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { LabelAnswer, LabelRequest } from '#lib/storage/storage.ts'
import { findSeries } from './block-series.ts'
import { matchExternalLabels } from './external-labels.ts'
import { loadLookup } from './load-lookup.ts'
import type { StoreCache } from './store-cache.ts'

export interface LabelReader {
  readonly bucket: Bucket
  readonly cache: StoreCache
  readonly block: BlockRecord
  readonly signal?: AbortSignal | undefined
}

export async function blockLabelNames(
  reader: LabelReader,
  request: LabelRequest,
  hidden: ReadonlySet<string>,
): Promise<string[]> {
  const names = new Set<string>()
  const add = (labels: Labels): void => {
    for (let i = 0; i < labels.length; i += 2) names.add(labels[i]!)
  }
  if (request.matcherSets.length === 0) {
    const lookup = await loadLookup(reader.bucket, reader.block, reader.cache, reader.signal)
    for (const name of lookup.postings.labelNames()) names.add(name)
    add(reader.block.labels)
  } else for (const labels of await matchingSeries(reader, request)) add(labels)
  return [...names].filter((name) => !hidden.has(name))
}

export async function blockLabelValues(
  reader: LabelReader,
  name: string,
  request: LabelRequest,
): Promise<string[]> {
  const external = labelValue(reader.block.labels, name)
  if (request.matcherSets.length === 0) {
    if (external !== '') return [external]
    const lookup = await loadLookup(reader.bucket, reader.block, reader.cache, reader.signal)
    return lookup.postings.labelValues(name)
  }
  const values = new Set<string>()
  for (const labels of await matchingSeries(reader, request)) values.add(labelValue(labels, name))
  values.delete('')
  return [...values]
}

export function mergeLabelAnswers(
  answers: readonly (readonly string[])[],
  warnings: readonly string[],
  limit: number,
): LabelAnswer {
  const values = [...new Set(answers.flat())].sort(compareUtf8)
  return { values: limit > 0 ? values.slice(0, limit) : values, warnings }
}

/** Labels of the series with a chunk in the interval that match any of the sets. */
async function matchingSeries(
  { bucket, cache, block, signal }: LabelReader,
  { matcherSets, startMs, endMs }: LabelRequest,
): Promise<Labels[]> {
  const found = await Promise.all(
    matcherSets.map(async (matchers: readonly Matcher[]) => {
      const rest = matchExternalLabels(matchers.map(compileMatcher), block.labels)
      if (!rest) return []
      const lookup = await loadLookup(bucket, block, cache, signal)
      const { labels, from, to, chunks } = await findSeries(
        { bucket, block, lookup, cache, signal },
        rest,
      )
      return labels.filter((_, i) => chunks.isAnyWithin(from[i]!, to[i]!, startMs, endMs))
    }),
  )
  return found.flat()
}

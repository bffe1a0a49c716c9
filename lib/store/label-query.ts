/** Label names and values of a block: from the lookup alone where no matcher asks for more. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { planLabelValues, readLabelValues } from '#lib/fresh/pack-reader.ts'
import type { Labels } from '#lib/model/labels.ts'
import { compareUtf8, labelValue } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher, type CompiledMatcher } from '#lib/regex/matcher.ts'
import type { LabelAnswer, LabelRequest } from '#lib/storage/storage.ts'
import { findSeries, type FoundSeries } from './block-series.ts'
import { matchExternalLabels } from './external-labels.ts'
import { inPack, packDirectory, packPage } from './pack-read.ts'
import { selectPack } from './pack-series.ts'
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
    for (const name of await namesOf(reader)) names.add(name)
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
    return valuesOf(reader, name)
  }
  const values = new Set<string>()
  for (const labels of await matchingSeries(reader, request)) values.add(labelValue(labels, name))
  values.delete('')
  return [...values]
}

async function namesOf(reader: LabelReader): Promise<Iterable<string>> {
  const { bucket, block, cache, signal } = reader
  if (block.pack) return (await packDirectory(reader)).labelNames
  return (await loadLookup(bucket, block, cache, signal)).postings.labelNames()
}

async function valuesOf(reader: LabelReader, name: string): Promise<string[]> {
  const { bucket, block, cache, signal } = reader
  if (!block.pack) {
    return (await loadLookup(bucket, block, cache, signal)).postings.labelValues(name)
  }
  const entries = planLabelValues(await packDirectory(reader), name)
  const pages = await Promise.all(entries.map((entry) => packPage(reader, entry)))
  return inPack(block, () => pages.flatMap((page) => readLabelValues(page, name)))
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
  reader: LabelReader,
  { matcherSets, startMs, endMs }: LabelRequest,
): Promise<Labels[]> {
  const found = await Promise.all(
    matcherSets.map(async (matchers: readonly Matcher[]) => {
      const rest = matchExternalLabels(matchers.map(compileMatcher), reader.block.labels)
      if (!rest) return []
      const { labels, from, to, chunks } = await findIn(reader, rest)
      return labels.filter((_, i) => chunks.isAnyWithin(from[i]!, to[i]!, startMs, endMs))
    }),
  )
  return found.flat()
}

async function findIn(
  reader: LabelReader,
  matchers: readonly CompiledMatcher[],
): Promise<FoundSeries> {
  const { bucket, block, cache, signal } = reader
  if (block.pack) return (await selectPack(reader, matchers, true, () => undefined)).found
  const lookup = await loadLookup(bucket, block, cache, signal)
  return findSeries({ ...reader, lookup }, matchers)
}

/** The exemplars of one pack: a page of them, if it may have any that are asked for. */
import { mayMatch } from '#lib/fresh/pack-reader.ts'
import { readExemplars } from '#lib/fresh/side-pages.ts'
import { compareLabels, labelValue, mergeLabels, type Labels } from '#lib/model/labels.ts'
import { compileMatcher, type CompiledMatcher } from '#lib/regex/matcher.ts'
import type { Exemplar, ExemplarRequest, ExemplarSeries } from '#lib/storage/exemplars.ts'
import { matchExternalLabels } from './external-labels.ts'
import { inPack, packDirectory, packPage, type PackReader } from './pack-read.ts'

/** Series ascending by their labels in the pack. */
export async function packExemplars(
  reader: PackReader,
  { matcherSets, startMs, endMs }: ExemplarRequest,
): Promise<ExemplarSeries[]> {
  const { block } = reader
  const sets = matcherSets.flatMap((matchers) => {
    const rest = matchExternalLabels(matchers.map(compileMatcher), block.labels)
    return rest ? [rest] : []
  })
  if (sets.length === 0) return []
  const { exemplars: page } = await packDirectory(reader)
  if (!page || !sets.some((matchers) => mayMatch(page, matchers))) return []
  const bytes = await packPage(reader, page)
  const found: { labels: Labels; exemplars: Exemplar[] }[] = []
  let series: { labels: Labels; isWanted: boolean } | undefined
  for (const { labels, timestampMs, value, exemplarLabels } of inPack(block, () =>
    readExemplars(bytes),
  )) {
    if (timestampMs < startMs || timestampMs > endMs) continue
    if (!series || compareLabels(series.labels, labels) !== 0) {
      series = { labels, isWanted: sets.some((matchers) => matchesAll(matchers, labels)) }
      if (series.isWanted) found.push({ labels: mergeLabels(labels, block.labels), exemplars: [] })
    }
    if (!series.isWanted) continue
    found.at(-1)!.exemplars.push({ labels: exemplarLabels, timestampMs, value })
  }
  return found
}

function matchesAll(matchers: readonly CompiledMatcher[], labels: Labels): boolean {
  return matchers.every(({ name, matches }) => matches(labelValue(labels, name)))
}

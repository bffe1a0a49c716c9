/** What packs say of metrics. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { mayMatch } from '#lib/fresh/pack-reader.ts'
import { type PackedMetadata, readMetadata } from '#lib/fresh/side-pages.ts'
import { labelsKey, METRIC_NAME } from '#lib/model/labels.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { MetadataEntry, MetricMetadata } from '#lib/storage/metadata.ts'
import { inPack, packDirectory, packPage, type PackReader } from './pack-read.ts'

export interface PackMetadata {
  readonly block: BlockRecord
  readonly entries: readonly PackedMetadata[]
}

/** Of one metric, or of all where undefined. */
export async function packMetadata(
  reader: PackReader,
  metric: string | undefined,
): Promise<PackMetadata> {
  const { block } = reader
  const { metadata: page } = await packDirectory(reader)
  const matchers =
    metric === undefined ? [] : [compileMatcher({ type: '=', name: METRIC_NAME, value: metric })]
  if (!page || !mayMatch(page, matchers)) return { block, entries: [] }
  const bytes = await packPage(reader, page)
  const all = inPack(block, () => readMetadata(bytes))
  const entries = metric === undefined ? all : all.filter((entry) => entry.metric === metric)
  return { block, entries }
}

/** Of each source, which its labels name, what its newest pack says of a metric; the newest source first. */
export function newestMetadata(packs: readonly PackMetadata[]): MetricMetadata {
  const newest = new Map<string, MetadataEntry[]>()
  const said = new Set<string>()
  const sorted = packs.toSorted((a, b) => b.block.maxTimeMs - a.block.maxTimeMs)
  for (const { block, entries } of sorted) {
    const source = labelsKey(block.labels)
    for (const [metric, here] of Map.groupBy(entries, (entry) => entry.metric)) {
      const key = JSON.stringify([source, metric])
      if (said.has(key)) continue
      said.add(key)
      const known = newest.get(metric) ?? []
      newest.set(metric, known)
      for (const { type, help, unit } of here) known.push({ type, help, unit })
    }
  }
  return newest
}

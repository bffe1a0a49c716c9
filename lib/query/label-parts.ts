/** A question about labels cut into parts of blocks, so that what a part answers can be kept, and asked side by side. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { compareLabels, compareUtf8, type Labels, labelsKey } from '#lib/model/labels.ts'
import type { LabelRequest, Storage } from '#lib/storage/storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'

export type LabelQuestion =
  | { readonly kind: 'names' | 'series' }
  | { readonly kind: 'values'; readonly name: string }

/** `values` of names and values, `series` of series; each sorted and unique. */
export interface LabelFindings {
  readonly values: readonly string[]
  readonly series: readonly Labels[]
  readonly warnings: readonly string[]
}

export interface LabelPart {
  readonly request: LabelRequest
  readonly blocks: readonly BlockRecord[]
  /** All of its blocks lie within the request, so its answer does not depend on the request's times. */
  readonly timeless: boolean
}

/** Thanos's `--labels.split-interval`. */
const PART_MS = 24 * 3_600_000
/** Longer windows where there would be more parts. */
const MAX_PARTS = 64

/**
 * Blocks by the day they begin in. Blocks that stick out of the request are parts of their own: its edges. So are fresh blocks, or
 * what is kept of the day would be worth nothing with the next of them.
 */
export function labelParts(blocks: readonly BlockRecord[], request: LabelRequest): LabelPart[] {
  const { startMs, endMs } = request
  const inside = (block: BlockRecord): boolean =>
    block.minTimeMs >= startMs && block.maxTimeMs <= endMs
  const begins = blocks.map(({ minTimeMs }) => minTimeMs)
  const days = Math.ceil((Math.max(...begins) - Math.min(...begins) + 1) / PART_MS)
  const windowMs = PART_MS * Math.max(1, Math.ceil(days / MAX_PARTS))
  const groups = new Map<string, BlockRecord[]>()
  for (const block of blocks) {
    const key = block.pack ? 'fresh' : `${Math.floor(block.minTimeMs / windowMs)} ${inside(block)}`
    const group = groups.get(key)
    if (group) group.push(block)
    else groups.set(key, [block])
  }
  const always = { ...request, startMs: -Infinity, endMs: Infinity }
  return [...groups.values()].map((group) => {
    const timeless = !group[0]!.pack && inside(group[0]!)
    return { request: timeless ? always : request, blocks: group, timeless }
  })
}

export async function askStorage(
  storage: Storage,
  question: LabelQuestion,
  request: LabelRequest,
  signal?: AbortSignal,
): Promise<LabelFindings> {
  switch (question.kind) {
    case 'names':
      return { series: [], ...(await storage.labelNames(request, signal)) }
    case 'values':
      return { series: [], ...(await storage.labelValues(question.name, request, signal)) }
    case 'series':
      return { values: [], ...(await seriesOf(storage, request, signal)) }
    default:
      return question satisfies never
  }
}

async function seriesOf(
  storage: Storage,
  { matcherSets, startMs, endMs, limit }: LabelRequest,
  signal?: AbortSignal,
): Promise<Pick<LabelFindings, 'series' | 'warnings'>> {
  const hints = { ...NO_HINTS, func: 'series', limit, labelsOnly: true }
  const sets = await Promise.all(
    matcherSets.map((matchers) => storage.select({ matchers, startMs, endMs, hints }, signal)),
  )
  return {
    series: joinSeries(
      sets.map((set) => set.labels),
      limit,
    ),
    warnings: union(sets.map((set) => set.warnings)),
  }
}

/** The first `limit` of all are among the first `limit` of each part. */
export function joinFindings(parts: readonly LabelFindings[], limit: number): LabelFindings {
  const values = union(parts.map((part) => part.values)).sort(compareUtf8)
  return {
    values: limit > 0 ? values.slice(0, limit) : values,
    series: joinSeries(
      parts.map((part) => part.series),
      limit,
    ),
    warnings: union(parts.map((part) => part.warnings)),
  }
}

function joinSeries(lists: readonly (readonly Labels[])[], limit: number): Labels[] {
  const unique = new Map<string, Labels>()
  for (const list of lists) for (const labels of list) unique.set(labelsKey(labels), labels)
  const series = [...unique.values()].sort(compareLabels)
  return limit > 0 ? series.slice(0, limit) : series
}

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())]
}

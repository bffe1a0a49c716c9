/** How many series have which labels, from lookups alone: the length of a postings list is where the next one begins. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import {
  compareUtf8,
  labelsKey,
  labelValue,
  METRIC_NAME,
  withoutLabels,
} from '#lib/model/labels.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { Cardinality, CardinalityRequest, NameCount } from '#lib/storage/inventory.ts'
import type { BlockStorageParts } from './block-storage.ts'
import { loadLookup } from './load-lookup.ts'
import { countPack } from './pack-series.ts'
import { readBlocks } from './read-blocks.ts'

export async function blockCardinality(
  parts: BlockStorageParts,
  { matchers, limit }: CardinalityRequest,
  signal?: AbortSignal,
): Promise<Cardinality> {
  const compiled = matchers.map(compileMatcher)
  const newest = newestOfStreams(parts).filter(({ labels }) =>
    compiled.every(({ name, matches }) => matches(labelValue(labels, name))),
  )
  const { results, warnings } = await readBlocks(
    newest,
    (block) => countBlock(parts, block, signal),
    { ...parts.scope, goneBlockFails: parts.goneBlockFails },
  )
  const pairs = countPairs(results)
  const blocks = results.map(({ block }) => block)
  const sum = (count: (counted: Counted) => number): number =>
    results.reduce((total, counted) => total + count(counted), 0)
  const top = (counts: Iterable<NameCount>): NameCount[] => topOf(counts, limit)
  return {
    seriesCount: sum((counted) => counted.seriesCount),
    chunkCount: sum((counted) => counted.chunkCount),
    labelPairCount: [...pairs.values()].reduce((total, values) => total + values.size, 0),
    minTimeMs: blocks.length === 0 ? undefined : Math.min(...blocks.map((one) => one.minTimeMs)),
    maxTimeMs:
      blocks.length === 0 ? undefined : Math.max(...blocks.map((one) => one.maxTimeMs)) - 1,
    seriesByMetric: top(named(pairs.get(METRIC_NAME) ?? new Map())),
    valuesByLabel: top([...pairs].map(([name, values]) => ({ name, count: values.size }))),
    bytesByLabel: top([...pairs].map(([name, values]) => ({ name, count: valueBytes(values) }))),
    seriesByPair: topPairs(pairs, limit),
    warnings,
  }
}

interface Counted {
  readonly block: BlockRecord
  readonly seriesCount: number
  readonly chunkCount: number
  /** A pair of a name and a value may be in it more than once. */
  readonly lists: Iterable<PairCount>
}

interface PairCount {
  readonly name: string
  readonly value: string
  readonly seriesCount: number
}

async function countBlock(
  { bucket, cache }: BlockStorageParts,
  block: BlockRecord,
  signal?: AbortSignal,
): Promise<Counted> {
  if (block.pack) return { block, ...(await countPack({ bucket, cache, block, signal })) }
  const { postings, postingsEnd } = await loadLookup(bucket, block, cache, signal)
  const { seriesCount, chunkCount } = block
  return { block, seriesCount, chunkCount, lists: postings.lists(postingsEnd) }
}

/** Replicas are one stream where they are merged. A stream has packs instead only before its first block: then the fullest of them counts. */
function newestOfStreams({ blocks, scope }: BlockStorageParts): BlockRecord[] {
  const replicaLabels = new Set(scope.dedup ? scope.replicaLabels : [])
  const newest = new Map<string, BlockRecord>()
  for (const block of blocks) {
    if (block.resolutionMs !== 0) continue
    const key = labelsKey(withoutLabels(block.labels, replicaLabels))
    const known = newest.get(key)
    if (known === undefined || isBetter(block, known)) newest.set(key, block)
  }
  return [...newest.values()]
}

function isBetter(one: BlockRecord, known: BlockRecord): boolean {
  if (one.pack && known.pack) return one.segmentSizes[0]! > known.segmentSizes[0]!
  if (one.pack || known.pack) return known.pack !== undefined
  return one.maxTimeMs > known.maxTimeMs
}

/** Name → value → series. */
type Pairs = Map<string, Map<string, number>>

function countPairs(counted: readonly Counted[]): Pairs {
  const pairs: Pairs = new Map()
  for (const { lists } of counted) {
    for (const { name, value, seriesCount } of lists) {
      let values = pairs.get(name)
      if (values === undefined) pairs.set(name, (values = new Map()))
      values.set(value, (values.get(value) ?? 0) + seriesCount)
    }
  }
  return pairs
}

function valueBytes(values: ReadonlyMap<string, number>): number {
  let bytes = 0
  for (const [value, count] of values) bytes += Buffer.byteLength(value) * count
  return bytes
}

function* named(counts: ReadonlyMap<string, number>): Generator<NameCount> {
  for (const [name, count] of counts) yield { name, count }
}

/** A pair that is among the first of all is among the first of its name: so only those are put together. */
function topPairs(pairs: Pairs, limit: number): NameCount[] {
  const candidates = [...pairs].flatMap(([label, values]) =>
    topOf(named(values), limit).map(({ name, count }) => ({ name: `${label}=${name}`, count })),
  )
  return topOf(candidates, limit)
}

function topOf(counts: Iterable<NameCount>, limit: number): NameCount[] {
  const sorted = [...counts].sort((a, b) => b.count - a.count || compareUtf8(a.name, b.name))
  return sorted.slice(0, limit)
}

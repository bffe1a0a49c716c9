/** Fresh blocks as records of blocks, so that whoever plans a query need not tell them apart. */
import { type FreshKey, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { writerOf } from '#lib/fresh/fresh-list.ts'
import type { BlockRecord } from './block-record.ts'

export function packRecord(
  pack: FreshKey & { readonly key: string; readonly size: number },
): BlockRecord {
  const { key, size, labels, epoch, from, to, minTimeMs, maxTimeMs, directoryBytes } = pack
  return {
    id: key,
    minTimeMs,
    maxTimeMs: maxTimeMs + 1,
    labels,
    resolutionMs: 0,
    level: 1,
    sources: [],
    source: 'fresh',
    seriesCount: 0,
    sampleCount: 0,
    chunkCount: 0,
    indexSize: 0,
    segmentSizes: [size],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: 0,
    metaEtag: '',
    marks: {},
    pack: { writer: writerOf(pack), epoch, from, to, directoryBytes },
  }
}

/** Blocks as they go to another function. There may be thousands of packs, and their keys say nearly all of them. */
export interface BlockList {
  readonly blocks: readonly BlockRecord[]
  /** By what keys begin with: what they end with, and the size of the object. */
  readonly packs: Readonly<Record<string, readonly PackEntry[]>>
}

type PackEntry = readonly [name: string, size: number]

export function blocksToList(all: readonly BlockRecord[]): BlockList {
  const blocks: BlockRecord[] = []
  const packs: Record<string, PackEntry[]> = {}
  for (const block of all) {
    // Where a block came from does not matter for reading it, and may be hundreds of ids.
    if (!block.pack) blocks.push({ ...block, sources: [] })
    else {
      const slash = block.id.lastIndexOf('/') + 1
      const entry = [block.id.slice(slash), block.segmentSizes[0]!] as const
      ;(packs[block.id.slice(0, slash)] ??= []).push(entry)
    }
  }
  return { blocks, packs }
}

/** Ascending by their minimum time, as those were that the list was made of. */
export function blocksFromList({ blocks, packs }: BlockList): BlockRecord[] {
  const fresh = Object.entries(packs).flatMap(([directory, entries]) =>
    entries.map(([name, size]) => {
      const key = directory + name
      return packRecord({ ...parseFreshKey(key)!, key, size })
    }),
  )
  return [...blocks, ...fresh].sort((a, b) => a.minTimeMs - b.minTimeMs)
}

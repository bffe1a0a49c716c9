/**
 * The series that blocks have for a selection, in the order of their labels, with their chunks as they are stored: page after page, so that
 * what is asked may be larger than memory. The page after is read while one is used.
 */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { readRows } from './block-chunks.ts'
import { LoadedChunks } from './loaded-chunks.ts'
import type { MergedSeries } from './merged-series.ts'
import { withDeletions } from './pack-deletions.ts'
import { type BlockStore, type FoundPart, loadChunks } from './select-block.ts'
import { keptSeries } from './series-set.ts'
import type { BlockPart } from './series-set.ts'
import { StoredChunks } from './stored-chunks.ts'

export interface PagesOptions {
  readonly store: BlockStore
  /** Chunks that overlap it are given. */
  readonly startMs: number
  readonly endMs: number
  readonly limit: number
  readonly labelsOnly: boolean
  readonly signal: AbortSignal
  /** Reads chunks of blocks side by side; one that fails may be passed over. */
  readonly read: (blocks: readonly BlockRecord[], load: LoadBlock) => Promise<void>
}

export type LoadBlock = (block: BlockRecord) => Promise<void>

export interface StoredSeriesPage {
  readonly labels: readonly Labels[]
  chunks(index: number): readonly ReadyChunk[]
}

/** Bytes of chunks, as far as they are known before they are read. */
const PAGE_BYTES = 4 * 1024 * 1024
/** Where the index does not say how long a chunk is. */
const USUAL_CHUNK_BYTES = 512

/** `merged` are the series of `parts`, wanted or not. */
export async function* seriesPages(
  parts: readonly FoundPart[],
  merged: MergedSeries,
  options: PagesOptions,
): AsyncGenerator<StoredSeriesPage> {
  const kept = keptSeries(parts, merged, options.limit)
  const labelsOf = (from: number, to: number): Labels[] =>
    Array.from(kept.subarray(from, to), (series) => merged.labels[series]!)
  if (options.labelsOnly) {
    yield { labels: labelsOf(0, kept.length), chunks: () => [] }
    return
  }
  const bounds = pageBounds(parts, merged, kept)
  const load = (page: number): Promise<LoadedPage> => {
    const series = kept.subarray(bounds[page], bounds[page + 1])
    const loading = loadPage(parts, merged, series, bounds.length === 2, options)
    // Whoever comes to it hears of the error.
    loading.catch(() => undefined)
    return loading
  }
  let next: Promise<LoadedPage> | undefined = kept.length > 0 ? load(0) : undefined
  try {
    for (let page = 0; next; page++) {
      const loaded = await next
      next = page + 2 < bounds.length ? load(page + 1) : undefined
      const from = bounds[page]!
      const reader = new StoredChunks(loaded.parts, merged, options)
      try {
        yield {
          labels: labelsOf(from, bounds[page + 1]!),
          chunks: (index) => reader.chunks(kept[from + index]!),
        }
      } finally {
        loaded.release()
      }
    }
  } finally {
    next?.then(
      ({ release }) => release(),
      () => undefined,
    )
  }
}

/** Where pages begin among the kept series, and where the last ends. */
function pageBounds(
  parts: readonly FoundPart[],
  { starts, lists, members }: MergedSeries,
  kept: Uint32Array,
): number[] {
  const bounds = [0]
  let bytes = 0
  for (let i = 0; i < kept.length; i++) {
    if (bytes >= PAGE_BYTES) {
      bounds.push(i)
      bytes = 0
    }
    const series = kept[i]!
    for (let at = starts[series]!; at < starts[series + 1]!; at++) {
      const { found, wanted, block } = parts[lists[at]!]!
      const member = members[at]!
      if (wanted[member] === 0 || block.pack) continue
      const usual = block.chunkMaxSize || USUAL_CHUNK_BYTES
      const { offsets, nextOffsets } = found.chunks
      for (let row = found.from[member]!; row < found.to[member]!; row++) {
        const length = nextOffsets[row]! - offsets[row]!
        bytes += length > 0 ? Math.min(length, usual) : usual
      }
    }
  }
  bounds.push(kept.length)
  return bounds
}

interface LoadedPage {
  /** In the places of the parts that the merged series name. */
  readonly parts: readonly BlockPart[]
  readonly release: () => void
}

/** What is read at once may stay in the cache; of what is more, nothing does. */
async function loadPage(
  parts: readonly FoundPart[],
  merged: MergedSeries,
  series: Uint32Array,
  isAll: boolean,
  { store, signal, read }: PagesOptions,
): Promise<LoadedPage> {
  signal.throwIfAborted()
  const loaded = parts.map((part) =>
    isAll || part.block.pack ? part : { ...part, chunks: new LoadedChunks(part.found.chunks) },
  )
  const rows = isAll ? parts.map((part) => part.rows) : rowsOfPage(parts, merged, series)
  const own = loaded.filter((part, i) => part !== parts[i])
  for (const { chunks } of own) chunks.acquire()
  const release = (): void => {
    for (const { chunks } of own.splice(0)) chunks.release()
  }
  const failed = new Set<number>()
  const byBlock = new Map(loaded.map((part, i) => [part.block, i]))
  try {
    await read([...byBlock.keys()], async (block) => {
      const i = byBlock.get(block)!
      const part = loaded[i]!
      failed.add(i)
      if (isAll) await loadChunks(store, part, rows[i]!, signal)
      else if (!block.pack) await readRows({ ...store, ...part, signal }, rows[i]!)
      failed.delete(i)
    })
  } catch (error) {
    release()
    throw error
  }
  const readable = loaded.map((part, i) =>
    failed.has(i) ? { ...part, wanted: new Uint8Array(part.wanted.length) } : part,
  )
  return { parts: withDeletions(readable), release }
}

/** The wanted chunks of some merged series, by part. */
function rowsOfPage(
  parts: readonly FoundPart[],
  { starts, lists, members }: MergedSeries,
  series: Uint32Array,
): Uint32Array[] {
  const rows = parts.map((): number[] => [])
  const inPage = parts.map((part) => new Uint8Array(part.wanted.length))
  for (const one of series) {
    for (let at = starts[one]!; at < starts[one + 1]!; at++) inPage[lists[at]!]![members[at]!] = 1
  }
  for (const [i, { found, rows: wanted }] of parts.entries()) {
    let member = 0
    for (const row of wanted) {
      while (row >= found.to[member]!) member++
      if (inPage[i]![member] === 1) rows[i]!.push(row)
    }
  }
  return rows.map((list) => Uint32Array.from(list))
}

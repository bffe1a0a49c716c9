/** What a function instance keeps between calls of blocks, which never change: bounded by bytes. */
import { LRUCache } from 'lru-cache'
import { abortError } from '#lib/bucket/cancellation.ts'
import type { PackDirectory } from '#lib/fresh/pack-format.ts'
import type { SeriesPage } from '#lib/fresh/series-page.ts'
import type { Labels } from '#lib/model/labels.ts'
import { Flights } from '#lib/storage/flights.ts'
import type { FoundSeries } from './block-series.ts'
import type { ChunkTable } from './chunk-table.ts'
import { LoadedChunks } from './loaded-chunks.ts'
import type { Lookup } from './lookup.ts'
import type { MergedSeries } from './merged-series.ts'

export class StoreCache {
  readonly #lookups: LRUCache<string, Lookup>
  readonly #ranges: LRUCache<string, Uint8Array>
  readonly #directories: LRUCache<string, PackDirectory>
  readonly #pages: LRUCache<string, SeriesPage>
  readonly #lastLabels: LRUCache<string, readonly Labels[]>
  readonly #flights = new Flights<unknown>()
  readonly #series: LRUCache<string, FoundSeries>
  readonly #merged: LRUCache<string, MergedSeries>
  readonly #chunks: LRUCache<string, { readonly loaded: LoadedChunks }>
  /** One selector over much must not put out all others. */
  readonly #mostOfSelector: number
  /** Bytes of chunks that are being read. */
  #reading = 0

  /** A third of `maxBytes` is for lookups, a quarter for chunks, the rest for bytes of indexes and packs and the series found in them. */
  constructor(maxBytes: number) {
    const part = (share: number): number => Math.max(1, Math.floor(maxBytes * share))
    this.#lookups = new LRUCache({
      maxSize: part(11 / 32),
      sizeCalculation: (lookup) => lookup.byteLength,
    })
    this.#ranges = new LRUCache({
      maxSize: part(1 / 16),
      sizeCalculation: (bytes) => Math.max(1, bytes.length),
    })
    this.#directories = new LRUCache({
      maxSize: part(1 / 32),
      sizeCalculation: ({ pages, labelPages, labelNames }) =>
        512 + (pages.length + labelPages.length) * 200 + labelNames.length * 40,
    })
    this.#lastLabels = new LRUCache({
      maxSize: part(1 / 32),
      sizeCalculation: (labels) => 256 + bytesOfLabels(labels),
    })
    this.#pages = new LRUCache({ maxSize: part(3 / 32), sizeCalculation: memoryOfPage })
    this.#series = new LRUCache({ maxSize: part(1 / 8), sizeCalculation: memoryOf })
    this.#merged = new LRUCache({
      maxSize: part(1 / 16),
      sizeCalculation: (merged) => merged.byteLength,
    })
    this.#mostOfSelector = part(1 / 16)
    this.#chunks = new LRUCache({
      maxSize: part(1 / 4),
      maxEntrySize: this.#mostOfSelector,
      sizeCalculation: ({ loaded }) => Math.max(1, loaded.byteLength),
      dispose: ({ loaded }) => {
        loaded.kept = false
      },
    })
  }

  lookup(blockId: string): Lookup | undefined {
    return this.#lookups.get(blockId)
  }

  keepLookup(blockId: string, lookup: Lookup): void {
    this.#lookups.set(blockId, lookup)
  }

  /** What matchers found in a block; `key` names both. */
  series(key: string): FoundSeries | undefined {
    return this.#series.get(key)
  }

  keepSeries(found: FoundSeries): void {
    this.#series.set(found.key, found)
  }

  /** The series of several blocks together, named by the keys of what was found in each. */
  merged(key: string, merge: () => MergedSeries): MergedSeries {
    let merged = this.#merged.get(key)
    if (!merged) this.#merged.set(key, (merged = merge()))
    return merged
  }

  /** The chunks of found series that were read before, or none of them. */
  chunks(key: string, table: ChunkTable): LoadedChunks {
    const kept = this.#chunks.get(key)?.loaded
    return kept?.table === table ? kept : new LoadedChunks(table)
  }

  /**
   * Runs `read`, which adds about so many bytes to the chunks, and keeps them. What others left makes room before: chunks
   * that are read count as those that are kept. Those that are more than a selector's share begin anew the next time.
   */
  async addChunks(
    key: string,
    loaded: LoadedChunks,
    bytes: number,
    read: () => Promise<void>,
  ): Promise<void> {
    // By then the query's other blocks, where they need no reading, have taken what is kept of theirs.
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
    const room = Math.min(bytes, this.#mostOfSelector)
    this.#reading += room
    const kept = this.#chunks
    while (kept.size > 0 && kept.calculatedSize + this.#reading > kept.maxSize) kept.pop()
    try {
      await read()
    } finally {
      this.#reading -= room
    }
    // A new holder, for its size to be asked again. It puts out the one before, which may hold the same.
    kept.set(key, { loaded })
    loaded.kept = kept.has(key)
  }

  /** Labels of a selection of one stream in the pack that was read last. */
  lastLabels(selection: string): readonly Labels[] {
    return this.#lastLabels.get(selection) ?? []
  }

  keepLastLabels(selection: string, labels: readonly Labels[]): void {
    this.#lastLabels.set(selection, labels)
  }

  directory(packId: string): PackDirectory | undefined {
    return this.#directories.get(packId)
  }

  keepDirectory(packId: string, directory: PackDirectory): void {
    this.#directories.set(packId, directory)
  }

  /** A page of a pack, by where it begins. */
  page(packId: string, start: number): SeriesPage | undefined {
    return this.#pages.get(`${packId}:${start}`)
  }

  keepPage(packId: string, start: number, page: SeriesPage): void {
    this.#pages.set(`${packId}:${start}`, page)
  }

  /** Work that is done once for all who want the same at the same time; `name` says what it gives. It ends early when all have gone. */
  async once<T>(
    name: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    try {
      return (await this.#flights.join(name, work, signal)).answer as T
    } catch (error) {
      throw signal?.aborted ? abortError(signal) : error
    }
  }

  /** Bytes of an immutable object, fetched once. */
  async range(
    key: string,
    start: number,
    end: number,
    fetch: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const name = `${key}:${start}-${end}`
    const cached = this.#ranges.get(name)
    if (cached) return cached
    const bytes = await fetch()
    this.#ranges.set(name, bytes)
    return bytes
  }
}

/** About: a page of a pack with its columns, and the strings of its symbols. */
function memoryOfPage({ bytes, symbols, refs, refStarts, starts }: SeriesPage): number {
  return (
    512 +
    bytes.length * 2 +
    symbols.length * 32 +
    (refs.length + refStarts.length) * 4 +
    starts.length * 24
  )
}

/** About: the strings belong to the lookup. */
function memoryOf({ labels, chunks, labelBytes = bytesOfLabels(labels) }: FoundSeries): number {
  return 256 + chunks.length * 28 + labels.length * 24 + labelBytes
}

export function bytesOfLabels(labels: readonly Labels[]): number {
  let bytes = 0
  for (const one of labels) bytes += 24 + one.length * 8
  return bytes
}

/** What a function instance keeps between calls: lookups, index bytes it has read and series it has found, bounded by bytes. */
import { LRUCache } from 'lru-cache'
import type { FoundSeries } from './block-series.ts'
import type { Lookup } from './lookup.ts'

export class StoreCache {
  readonly #lookups: LRUCache<string, Lookup>
  readonly #ranges: LRUCache<string, Uint8Array>
  readonly #series: LRUCache<string, FoundSeries>

  /** Half of `maxBytes` is for lookups, a quarter for index bytes and a quarter for found series. */
  constructor(maxBytes: number) {
    const quarter = Math.max(1, Math.floor(maxBytes / 4))
    this.#lookups = new LRUCache({
      maxSize: quarter * 2,
      sizeCalculation: (lookup) => lookup.byteLength,
    })
    this.#ranges = new LRUCache({
      maxSize: quarter,
      sizeCalculation: (bytes) => Math.max(1, bytes.length),
    })
    this.#series = new LRUCache({ maxSize: quarter, sizeCalculation: memoryOf })
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

  keepSeries(key: string, found: FoundSeries): void {
    this.#series.set(key, found)
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

/** About: the strings belong to the lookup. */
function memoryOf({ series, chunks }: FoundSeries): number {
  let bytes = 256 + chunks.length * 28
  for (const { labels } of series) bytes += 128 + labels.length * 8
  return bytes
}

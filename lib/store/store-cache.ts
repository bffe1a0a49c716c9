/** What a function instance keeps between calls: lookups and the series entries it has read, bounded by bytes. */
import { LRUCache } from 'lru-cache'
import type { Lookup } from './lookup.ts'

export class StoreCache {
  readonly #lookups: LRUCache<string, Lookup>
  readonly #ranges: LRUCache<string, Uint8Array>

  /** `maxBytes` is shared half and half. */
  constructor(maxBytes: number) {
    const maxSize = Math.max(1, Math.floor(maxBytes / 2))
    this.#lookups = new LRUCache({ maxSize, sizeCalculation: (lookup) => lookup.byteLength })
    this.#ranges = new LRUCache({ maxSize, sizeCalculation: (bytes) => Math.max(1, bytes.length) })
  }

  lookup(blockId: string): Lookup | undefined {
    return this.#lookups.get(blockId)
  }

  keepLookup(blockId: string, lookup: Lookup): void {
    this.#lookups.set(blockId, lookup)
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

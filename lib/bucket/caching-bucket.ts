/** Keeps byte ranges of objects that never change in memory, as many bytes as it may, the least recently read ones out first. */
import type { Bucket } from './bucket.ts'
import { untilAborted } from './cancellation.ts'
import { checkRange } from './request-check.ts'

export interface CachingBucketOptions {
  readonly maxBytes: number
  /** Which objects never change once they can be seen. All others are passed through. */
  readonly immutable: (key: string) => boolean
}

interface CachedRange {
  readonly key: string
  readonly start: number
  readonly bytes: Uint8Array
}

/** A range costs its bytes and about this much around them. */
const RANGE_OVERHEAD = 200

/**
 * A range is answered from any one cached range that covers it. Ranges asked for twice at the same time are
 * read once. What comes out may be shared memory: nobody may write into it.
 */
export function cachingBucket(
  inner: Bucket,
  { maxBytes, immutable }: CachingBucketOptions,
): Bucket {
  /** In order of use: the first is the next to go. */
  const recency = new Map<string, CachedRange>()
  const byKey = new Map<string, Set<CachedRange>>()
  const pending = new Map<string, Promise<Uint8Array>>()
  let held = 0

  function find(key: string, start: number, end: number): Uint8Array | undefined {
    for (const range of byKey.get(key) ?? []) {
      if (range.start > start || range.start + range.bytes.length < end) continue
      const id = idOf(key, range.start, range.start + range.bytes.length)
      recency.delete(id)
      recency.set(id, range)
      return range.bytes.subarray(start - range.start, end - range.start)
    }
    return undefined
  }

  function keep(key: string, start: number, bytes: Uint8Array): void {
    const cost = bytes.length + RANGE_OVERHEAD
    if (cost > maxBytes || bytes.length === 0) return
    if (find(key, start, start + bytes.length)) return
    const range: CachedRange = { key, start, bytes }
    // The parts it covers are of no more use.
    for (const other of byKey.get(key) ?? []) {
      if (other.start >= start && other.start + other.bytes.length <= start + bytes.length)
        drop(other)
    }
    recency.set(idOf(key, start, start + bytes.length), range)
    const ranges = byKey.get(key) ?? new Set()
    ranges.add(range)
    byKey.set(key, ranges)
    held += cost
    for (const oldest of recency.values()) {
      if (held <= maxBytes) break
      drop(oldest)
    }
  }

  function drop(range: CachedRange): void {
    recency.delete(idOf(range.key, range.start, range.start + range.bytes.length))
    const ranges = byKey.get(range.key)
    ranges?.delete(range)
    if (ranges?.size === 0) byKey.delete(range.key)
    held -= range.bytes.length + RANGE_OVERHEAD
  }

  function forget(key: string): void {
    for (const range of byKey.get(key) ?? []) drop(range)
  }

  return {
    name: inner.name,
    async get(key, options) {
      return inner.get(key, options)
    },
    async getIfChanged(key, etag, options) {
      return inner.getIfChanged(key, etag, options)
    },
    async getRange(key, start, end, options) {
      checkRange(key, start, end)
      if (!immutable(key) || start === end || options?.signal?.aborted) {
        return inner.getRange(key, start, end, options)
      }
      const cached = find(key, start, end)
      if (cached) return cached
      const id = idOf(key, start, end)
      let reading = pending.get(id)
      if (!reading) {
        // Without a signal: one who gives up must not take the bytes away from another who waits for them.
        reading = inner
          .getRange(key, start, end)
          .then((bytes) => {
            keep(key, start, bytes)
            return bytes
          })
          .finally(() => pending.delete(id))
        pending.set(id, reading)
      }
      return untilAborted(reading, options?.signal)
    },
    async getTail(key, length, options) {
      const tail = await inner.getTail(key, length, options)
      if (immutable(key)) keep(key, tail.size - tail.body.length, tail.body)
      return tail
    },
    async head(key, options) {
      return inner.head(key, options)
    },
    list(prefix, options) {
      return inner.list(prefix, options)
    },
    async put(key, body, options) {
      try {
        return await inner.put(key, body, options)
      } finally {
        forget(key)
      }
    },
    async putStream(key, parts, options) {
      try {
        return await inner.putStream(key, parts, options)
      } finally {
        forget(key)
      }
    },
    async delete(key, options) {
      try {
        await inner.delete(key, options)
      } finally {
        forget(key)
      }
    },
  }
}

function idOf(key: string, start: number, end: number): string {
  return `${start} ${end} ${key}`
}

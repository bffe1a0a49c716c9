/** Byte ranges planned as data: joined where the gap is cheaper than a request, cut where one read is slower than two. */

import type { Bucket } from '#lib/bucket/bucket.ts'

/** Bytes [start, end). */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface CoalesceOptions {
  /** Ranges this close become one. */
  readonly maxGap: number
  /** A longer range becomes several, read side by side. */
  readonly maxSize: number
}

/** A connection brings about 80 MB/s: four requests of 2 MB side by side are faster than one of 8 MB. */
const MAX_READ = 8 * 1024 * 1024

export function readsOf({ readGap }: Bucket): CoalesceOptions {
  return { maxGap: readGap, maxSize: MAX_READ }
}

/** `ranges` ascend by start; they may touch or overlap. Gives disjoint ranges that cover them all, ascending. */
export function coalesce(
  ranges: readonly ByteRange[],
  { maxGap, maxSize }: CoalesceOptions,
): ByteRange[] {
  const joined: { start: number; end: number }[] = []
  for (const { start, end } of ranges) {
    const last = joined[joined.length - 1]
    if (last && start - last.end <= maxGap) last.end = Math.max(last.end, end)
    else joined.push({ start, end })
  }
  return joined.flatMap((range) => split(range, maxSize))
}

function split({ start, end }: ByteRange, maxSize: number): ByteRange[] {
  const count = Math.max(1, Math.ceil((end - start) / maxSize))
  const size = Math.ceil((end - start) / count)
  return Array.from({ length: count }, (_, i) => ({
    start: start + i * size,
    end: Math.min(end, start + (i + 1) * size),
  }))
}

export interface FetchedPart {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** Bytes of some ranges of one object, asked for by the object's offsets. */
export class FetchedRanges {
  readonly #parts: FetchedPart[] = []

  /** Ranges must not overlap those added before. Touching ones are joined when `at` spans them. */
  add(start: number, bytes: Uint8Array): void {
    this.#parts.push({ start, end: start + bytes.length, bytes })
    this.#parts.sort((a, b) => a.start - b.start)
  }

  /** A view (a copy where it spans two reads) of [start, end), shortened to what was fetched; undefined when start was not. */
  at(start: number, end: number): Uint8Array | undefined {
    const index = this.#indexOf(start)
    const part = this.#parts[index]
    if (!part || part.start > start) return undefined
    if (end <= part.end) return part.bytes.subarray(start - part.start, end - part.start)
    return this.#span(index, start, end)
  }

  /** The read that the byte at `offset` is in. */
  holding(offset: number): FetchedPart | undefined {
    const part = this.#parts[this.#indexOf(offset)]
    return part && part.start <= offset ? part : undefined
  }

  /** Of the first part that ends behind `offset`. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#parts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#parts[middle]!.end <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #span(first: number, start: number, end: number): Uint8Array {
    let reached = this.#parts[first]!.end
    let last = first
    while (reached < end && this.#parts[last + 1]?.start === reached) {
      last++
      reached = this.#parts[last]!.end
    }
    const stop = Math.min(end, reached)
    const joined = new Uint8Array(stop - start)
    for (let i = first; i <= last; i++) {
      const part = this.#parts[i]!
      const from = Math.max(start, part.start)
      const to = Math.min(stop, part.end)
      joined.set(part.bytes.subarray(from - part.start, to - part.start), from - start)
    }
    return joined
  }
}

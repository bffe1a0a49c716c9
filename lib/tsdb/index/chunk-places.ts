/** When and where the chunks of a series are, as columns that are used again from series to series. */
import type { ChunkMeta, ChunkSink } from './series.ts'

export class ChunkPlaces implements ChunkSink {
  length = 0
  minTimes = new Float64Array(16)
  maxTimes = new Float64Array(16)
  segments = new Uint32Array(16)
  offsets = new Uint32Array(16)

  static from(metas: readonly ChunkMeta[]): ChunkPlaces {
    const places = new ChunkPlaces()
    for (const { minTimeMs, maxTimeMs, segment, offset } of metas) {
      places.add(minTimeMs, maxTimeMs, segment, offset)
    }
    return places
  }

  clear(): void {
    this.length = 0
  }

  add(minTimeMs: number, maxTimeMs: number, segment: number, offset: number): void {
    const i = this.length++
    if (i === this.minTimes.length) this.#grow()
    this.minTimes[i] = minTimeMs
    this.maxTimes[i] = maxTimeMs
    this.segments[i] = segment
    this.offsets[i] = offset
  }

  /** The first chunk that ends before it begins, or begins before the one before it ended; -1 where none does. */
  firstOutOfOrder(): number {
    const { length, minTimes, maxTimes } = this
    for (let i = 0; i < length; i++) {
      if (maxTimes[i]! < minTimes[i]! || (i > 0 && minTimes[i]! <= maxTimes[i - 1]!)) return i
    }
    return -1
  }

  #grow(): void {
    const { minTimes, maxTimes, segments, offsets } = this
    const capacity = minTimes.length * 2
    this.minTimes = new Float64Array(capacity)
    this.maxTimes = new Float64Array(capacity)
    this.segments = new Uint32Array(capacity)
    this.offsets = new Uint32Array(capacity)
    this.minTimes.set(minTimes)
    this.maxTimes.set(maxTimes)
    this.segments.set(segments)
    this.offsets.set(offsets)
  }
}

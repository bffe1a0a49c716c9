/** Chunks as they stand in segment files, by columns that are used again from series to series. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { chunkSampleCount, type ReadyChunk } from './chunk.ts'

/** Nothing is copied: the bytes stay those of whoever read them. */
export class FrameList {
  length = 0
  minTimes = new Float64Array(16)
  maxTimes = new Float64Array(16)
  encodings = new Uint8Array(16)
  /** In which the frame is: its size field from `starts` on, its data from `dataStarts` on, its checksum up to `ends`. */
  readonly bytes: Uint8Array[] = []
  starts = new Uint32Array(16)
  dataStarts = new Uint32Array(16)
  ends = new Uint32Array(16)

  clear(): void {
    this.length = 0
  }

  add(
    minTimeMs: number,
    maxTimeMs: number,
    bytes: Uint8Array,
    start: number,
    dataStart: number,
    end: number,
  ): void {
    const i = this.length++
    if (i === this.minTimes.length) this.#grow()
    this.minTimes[i] = minTimeMs
    this.maxTimes[i] = maxTimeMs
    this.encodings[i] = bytes[dataStart - 1]!
    this.bytes[i] = bytes
    this.starts[i] = start
    this.dataStarts[i] = dataStart
    this.ends[i] = end
  }

  addFrom(other: FrameList, i: number): void {
    const { minTimes, maxTimes, bytes, starts, dataStarts, ends } = other
    this.add(minTimes[i]!, maxTimes[i]!, bytes[i]!, starts[i]!, dataStarts[i]!, ends[i]!)
  }

  addChunk({ minTimeMs, maxTimeMs, encoding, data }: ReadyChunk): void {
    const out = new ByteWriter(data.length + 10)
    out.uvarint(data.length)
    const from = out.length
    out.uint8(encoding)
    out.append(data)
    out.crc(from)
    this.add(minTimeMs, maxTimeMs, out.bytes(), 0, from + 1, out.length)
  }

  /** A view. */
  data(i: number): Uint8Array {
    return this.bytes[i]!.subarray(this.dataStarts[i], this.ends[i]! - 4)
  }

  /** A view. */
  chunk(i: number): ReadyChunk {
    return {
      minTimeMs: this.minTimes[i]!,
      maxTimeMs: this.maxTimes[i]!,
      encoding: this.encodings[i]!,
      data: this.data(i),
    }
  }

  /** Samples a chunk says it has, without decoding it; windows, for an aggregate chunk. */
  sampleCount(i: number): number {
    const at = this.dataStarts[i]!
    return chunkSampleCount(this.encodings[i]!, this.bytes[i]!, at, this.ends[i]! - 4)
  }

  #grow(): void {
    const { minTimes, maxTimes, encodings, starts, dataStarts, ends } = this
    const capacity = minTimes.length * 2
    this.minTimes = new Float64Array(capacity)
    this.maxTimes = new Float64Array(capacity)
    this.encodings = new Uint8Array(capacity)
    this.starts = new Uint32Array(capacity)
    this.dataStarts = new Uint32Array(capacity)
    this.ends = new Uint32Array(capacity)
    this.minTimes.set(minTimes)
    this.maxTimes.set(maxTimes)
    this.encodings.set(encodings)
    this.starts.set(starts)
    this.dataStarts.set(dataStarts)
    this.ends.set(ends)
  }
}

/** Several blocks as one: their series in order, each with the chunks of all. */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { ColumnBuilder, type Interval } from '#lib/tsdb/chunk/columns.ts'
import { decodeXor } from '#lib/tsdb/chunk/xor.ts'
import { type ReadyChunk, XOR } from '#lib/tsdb/chunk/chunk.ts'
import { SAMPLES_PER_CHUNK } from '#lib/tsdb/chunk/encode.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { compareRefs } from '#lib/tsdb/index/index-writer.ts'
import type { BlockStream, StreamedSeries } from './block-stream.ts'
import { ChunkMerger, isJoined, type MergedChunk } from './merge-chunks.ts'

export interface MergedInput {
  readonly stream: BlockStream
  /** The number, in a table that all inputs share, of each of its symbols. */
  readonly numbers: Uint32Array
}

export class MergedStream {
  /** Labels by the numbers of the shared table. Undefined before the first `next` and at the end. */
  refs: readonly number[] | undefined
  /** Of the series; valid until the next one. */
  frames: FrameList
  readonly #heads: readonly Head[]
  readonly #merger: ChunkMerger
  readonly #keep: Interval
  readonly #own = new FrameList()
  /** Those whose series was taken. */
  #taken: Head[]

  /** What `keep` does not have is left out. */
  constructor(inputs: readonly MergedInput[], merger: ChunkMerger, keep: Interval) {
    this.#heads = inputs.map((input) => new Head(input))
    this.#taken = [...this.#heads]
    this.#merger = merger
    this.#keep = keep
    this.frames = this.#own
  }

  /** Comes to the next series that has samples; at once, where nothing has to be read. */
  next(): void | Promise<void> {
    for (;;) {
      const reading = this.#advance()
      if (reading) return reading.then(() => this.#mergeOrNext())
      if (!this.#merge()) return
      if (this.frames.length > 0) return
    }
  }

  #mergeOrNext(): void | Promise<void> {
    for (const head of this.#heads) head.take()
    if (this.#merge() && this.frames.length === 0) return this.next()
  }

  #advance(): Promise<unknown> | undefined {
    const waiting: Promise<void>[] = []
    for (const head of this.#taken) {
      const reading = begun(head.stream)
      if (reading) waiting.push(reading)
      else head.take()
    }
    this.#taken.length = 0
    return waiting.length === 0 ? undefined : Promise.all(waiting)
  }

  /** False at the end. */
  #merge(): boolean {
    const taken = this.#taken
    let first: readonly number[] | undefined
    for (const head of this.#heads) {
      if (!head.refs) continue
      const order = first ? compareRefs(head.refs, first) : -1
      if (order > 0) continue
      if (order < 0) {
        first = head.refs
        taken.length = 0
      }
      taken.push(head)
    }
    this.refs = first
    if (!first) return false
    try {
      this.#take(taken)
    } catch (error) {
      throw error instanceof CorruptError ? named(error, taken) : error
    }
    return true
  }

  #take(taken: readonly Head[]): void {
    this.frames = taken.length === 1 ? taken[0]!.series!.frames : this.#together(taken)
    if (
      taken.some(({ series }) => series!.deleted.length > 0) ||
      !isPlain(this.frames, this.#keep)
    ) {
      this.frames = this.#anew(taken)
    }
  }

  #together(taken: readonly Head[]): FrameList {
    const all = this.#own
    all.clear()
    for (const { series } of taken) {
      for (let i = 0; i < series!.frames.length; i++) all.addFrom(series!.frames, i)
    }
    return all
  }

  #anew(taken: readonly Head[]): FrameList {
    const chunks: MergedChunk[] = []
    for (const [source, { series }] of taken.entries()) {
      const deleted = [...series!.deleted, ...outside(this.#keep)]
      for (const one of series!.chunks) {
        const chunk = atTrueTimes(one)
        chunks.push({ chunk, deleted: touching(deleted, chunk), source })
      }
    }
    const merged = this.#merger.merge(chunks)
    const frames = this.#own
    frames.clear()
    for (const chunk of merged) frames.addChunk(chunk)
    return frames
  }
}

/** What fails at once fails like what fails later: the reads of the other streams must not fail with nobody waiting for them. */
function begun(stream: BlockStream): void | Promise<void> {
  try {
    return stream.next()
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Where a stream is, with labels that can be compared with those of others. */
class Head {
  readonly stream: BlockStream
  series: StreamedSeries | undefined
  refs: readonly number[] | undefined
  readonly #numbers: Uint32Array
  readonly #areOwn: boolean

  constructor({ stream, numbers }: MergedInput) {
    this.stream = stream
    this.#numbers = numbers
    this.#areOwn = numbers.every((number, i) => number === i)
  }

  /** Looks where the stream is now. */
  take(): void {
    const { series } = this.stream
    if (series === this.series) return
    this.series = series
    if (!series || this.#areOwn) {
      this.refs = series?.symbols
      return
    }
    const numbers = this.#numbers
    const refs: number[] = []
    for (const symbol of series.symbols) refs.push(numbers[symbol]!)
    this.refs = refs
  }
}

/** The same error with the block that has it: the one with a chunk that can't be read alone either. */
function named(error: CorruptError, heads: readonly Head[]): CorruptError {
  const merger = new ChunkMerger()
  for (const { stream, series } of heads) {
    for (const chunk of series!.chunks) {
      try {
        merger.merge([{ chunk: atTrueTimes(chunk), deleted: NOTHING }])
      } catch {
        return error.in(`${stream.blockId}/chunks`)
      }
    }
  }
  return error
}

/** Deletes no sample, and yet makes a chunk be read. */
const NOTHING: readonly Interval[] = [{ minTimeMs: Infinity, maxTimeMs: Infinity }]

/** Whether the chunks can stay as they are: one behind the other, in the interval, none too small, and at the times they are said to have. */
function isPlain(frames: FrameList, keep: Interval): boolean {
  const { length, minTimes, maxTimes, encodings } = frames
  let lastMs = keep.minTimeMs - 1
  let lastCount = Infinity
  for (let i = 0; i < length; i++) {
    if (!(minTimes[i]! > lastMs) || maxTimes[i]! < minTimes[i]!) return false
    lastMs = maxTimes[i]!
    const encoding = encodings[i]!
    const count = isJoined(encoding) ? frames.sampleCount(i) : Infinity
    const isSmall = count + lastCount <= SAMPLES_PER_CHUNK && encoding === encodings[i - 1]
    if (isSmall || (encoding === XOR && firstTime(frames, i) !== minTimes[i])) return false
    lastCount = count
  }
  return lastMs <= keep.maxTimeMs
}

const builder = new ColumnBuilder()

/** With the times of its samples, where the index has others. */
function atTrueTimes(chunk: ReadyChunk): ReadyChunk {
  const { encoding, data, minTimeMs } = chunk
  if (encoding !== XOR || new ByteReader(data, 2).varint() === minTimeMs) return chunk
  builder.reset()
  decodeXor(data, builder)
  const { timestamps, length } = builder
  if (length === 0) throw new CorruptError('chunk without samples', 0)
  return { encoding, data, minTimeMs: timestamps[0]!, maxTimeMs: timestamps[length - 1]! }
}

/** A float chunk says it behind the number of its samples. */
function firstTime(frames: FrameList, i: number): number {
  return new ByteReader(frames.bytes[i]!, frames.dataStarts[i]! + 2, frames.ends[i]! - 4).varint()
}

function outside({ minTimeMs, maxTimeMs }: Interval): Interval[] {
  return [
    { minTimeMs: -Infinity, maxTimeMs: minTimeMs - 1 },
    { minTimeMs: maxTimeMs + 1, maxTimeMs: Infinity },
  ]
}

const NONE: readonly Interval[] = []

function touching(deleted: readonly Interval[], chunk: ReadyChunk): readonly Interval[] {
  const found = deleted.filter(
    ({ minTimeMs, maxTimeMs }) => minTimeMs <= chunk.maxTimeMs && maxTimeMs >= chunk.minTimeMs,
  )
  return found.length === 0 ? NONE : found
}

/** Several blocks as one: their series in order, each with the chunks of all. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import type { BlockStream } from './block-stream.ts'
import { ChunkMerger, type MergedChunk } from './merge-chunks.ts'

export class MergedStream {
  /** Undefined before the first `next` and at the end. */
  labels: Labels | undefined
  /** Of `labels`; views that are valid until the next series. */
  chunks: readonly ReadyChunk[] = []
  readonly #streams: readonly BlockStream[]
  readonly #merger = new ChunkMerger()
  /** Streams whose series was taken. */
  #taken: BlockStream[]

  /** Of one group: samples of one series and time are one. */
  constructor(streams: readonly BlockStream[]) {
    this.#streams = streams
    this.#taken = [...streams]
  }

  /** Comes to the next series that has samples; at once, where nothing has to be read. */
  next(): void | Promise<void> {
    for (;;) {
      const reading = this.#advance()
      if (reading) return reading.then(() => this.next())
      if (!this.#merge()) return
      if (this.chunks.length > 0) return
    }
  }

  #advance(): Promise<unknown> | undefined {
    const waiting: Promise<void>[] = []
    for (const stream of this.#taken) {
      const reading = stream.next()
      if (reading) waiting.push(reading)
    }
    this.#taken = []
    return waiting.length === 0 ? undefined : Promise.all(waiting)
  }

  /** False at the end. */
  #merge(): boolean {
    let first: Labels | undefined
    for (const { series } of this.#streams) {
      if (series && (!first || compareLabels(series.labels, first) < 0)) first = series.labels
    }
    this.labels = first
    this.chunks = []
    if (!first) return false
    const chunks: MergedChunk[] = []
    for (const stream of this.#streams) {
      const { series } = stream
      if (!series || compareLabels(series.labels, first) !== 0) continue
      this.#taken.push(stream)
      for (const chunk of series.chunks) {
        chunks.push({ chunk, deleted: touching(series.deleted, chunk) })
      }
    }
    this.chunks = this.#merger.merge(chunks)
    return true
  }
}

const NONE: readonly Interval[] = []

function touching(deleted: readonly Interval[], chunk: ReadyChunk): readonly Interval[] {
  if (deleted.length === 0) return NONE
  return deleted.filter(
    ({ minTimeMs, maxTimeMs }) => minTimeMs <= chunk.maxTimeMs && maxTimeMs >= chunk.minTimeMs,
  )
}

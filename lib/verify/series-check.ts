/** Holds each series entry of an index against what the format says, and against the times of the block. */
import { CorruptError } from '#lib/model/errors.ts'
import { compareLabels, compareUtf8, formatLabels, type Labels } from '#lib/model/labels.ts'
import { type ChunkMeta, parseSeries, SERIES_ALIGN } from '#lib/tsdb/index/series.ts'
import type { Symbols } from '#lib/tsdb/index/symbols.ts'
import type { IndexVersion } from '#lib/tsdb/index/toc.ts'
import { PairSums } from './pair-sums.ts'
import type { ProblemList } from './problem.ts'

export interface SeriesCheckOptions {
  /** Of the index. */
  readonly key: string
  readonly version: IndexVersion
  readonly symbols: Symbols
  /** As meta.json says; `maxTimeMs` is exclusive, though Thanos's detectors take it for inclusive. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly problems: ProblemList
}

export interface CheckedSeries {
  readonly labels: Labels
  readonly chunks: readonly ChunkMeta[]
}

export class SeriesCheck {
  readonly pairs = new PairSums()
  /** Of ids of all series, under the pair ('', ''). */
  readonly all = new PairSums()
  series = 0
  chunks = 0
  /** Whether series must be sorted anew. */
  outOfOrder = false
  readonly #options: SeriesCheckOptions
  #before: Labels = []

  constructor(options: SeriesCheckOptions) {
    this.#options = options
  }

  /** The entry at `at` of some bytes, which is at `offset` of the index; undefined where it can't be read. */
  add(bytes: Uint8Array, at: number, offset: number): CheckedSeries | undefined {
    const { key, problems, symbols, version } = this.#options
    this.series++
    let labelRefs: readonly number[]
    let chunks: readonly ChunkMeta[]
    const labels: string[] = []
    try {
      ;({ labelRefs, chunks } = parseSeries(bytes, at))
      for (const ref of labelRefs) labels.push(symbols.lookup(ref))
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      problems.add('index', 'a series cannot be read', `${key}: ${error.reason} at byte ${offset}`)
      return undefined
    }
    if (version > 1 && offset % SERIES_ALIGN !== 0) {
      problems.add('index', 'a series is not at a multiple of 16', `${key} at byte ${offset}`)
    }
    const id = version === 1 ? offset : Math.floor(offset / SERIES_ALIGN)
    this.all.add(0, 0, id)
    for (let i = 0; i < labelRefs.length; i += 2) {
      this.pairs.add(labelRefs[i]!, labelRefs[i + 1]!, id)
    }
    this.#checkLabels(labels)
    this.#checkChunks(labels, chunks)
    return { labels, chunks }
  }

  #checkLabels(labels: Labels): void {
    const { problems } = this.#options
    const example = (): string => formatLabels(labels)
    if (labels.length === 0) problems.add('index', 'a series has no labels')
    for (let i = 0; i < labels.length; i += 2) {
      if (labels[i + 1] === '') problems.add('index', 'a label is empty', example)
      if (i > 0 && compareUtf8(labels[i - 2]!, labels[i]!) >= 0) {
        problems.add('index_known_issues', 'labels of a series are out of order', example)
        this.outOfOrder = true
      }
    }
    if (this.#before.length > 0 && compareLabels(this.#before, labels) >= 0) {
      problems.add('index', 'series are out of order', example)
      this.outOfOrder = true
    }
    this.#before = labels
  }

  #checkChunks(labels: Labels, chunks: readonly ChunkMeta[]): void {
    const { problems, minTimeMs, maxTimeMs } = this.#options
    if (chunks.length === 0) {
      problems.add('index', 'a series has no chunks', () => formatLabels(labels))
    }
    this.chunks += chunks.length
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]!
      const before = chunks[i - 1]
      const example = (): string => `${formatLabels(labels)} ${chunk.minTimeMs}..${chunk.maxTimeMs}`
      const known = (message: string): void => problems.add('index_known_issues', message, example)
      if (chunk.minTimeMs > maxTimeMs || chunk.maxTimeMs < minTimeMs) {
        known('chunks are completely outside of the times of the block')
      } else if (chunk.minTimeMs < minTimeMs || chunk.maxTimeMs > maxTimeMs) {
        if (chunk.minTimeMs === maxTimeMs) known('chunks begin where the block ends')
        else known('chunks are partly outside of the times of the block')
      }
      if (!before || chunk.minTimeMs > before.maxTimeMs) continue
      const isTwice = chunk.minTimeMs === before.minTimeMs && chunk.maxTimeMs === before.maxTimeMs
      known(isTwice ? 'chunks have the same times' : 'chunks are out of order or overlap')
    }
  }
}

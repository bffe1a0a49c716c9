/** What came in since the last pack: samples in columns, and the few other things there are. */
import type { Labels } from '#lib/model/labels.ts'
import { PackBuilder, type WrittenPack } from '#lib/fresh/pack-writer.ts'
import type { PackedDeletion, PackedExemplar, PackedMetadata } from '#lib/fresh/side-pages.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'
import { SampleRows, type SampleSource } from './sample-rows.ts'
import { SeriesChunks } from './series-chunks.ts'
import type { SeriesTable } from './series-table.ts'

/** An object and its strings, about. */
const OBJECT_BYTES = 200

export class Head {
  readonly #floats = new SampleRows()
  readonly #histograms = new SampleRows()
  /** What came out of order. */
  readonly #lateFloats = new SampleRows()
  readonly #lateHistograms = new SampleRows()
  readonly #all = [this.#floats, this.#histograms, this.#lateFloats, this.#lateHistograms]
  #exemplars: PackedExemplar[] = []
  #deletions: PackedDeletion[] = []
  #metadata = new Map<string, readonly PackedMetadata[]>()

  get sampleCount(): number {
    return this.#floats.length + this.#histograms.length + this.lateCount
  }

  /** Samples that came out of order. */
  get lateCount(): number {
    return this.#lateFloats.length + this.#lateHistograms.length
  }

  /** Of the first and last sample; undefined without any. */
  get interval(): Interval | undefined {
    if (this.sampleCount === 0) return undefined
    const all = this.#all
    return {
      minTimeMs: Math.min(...all.map(({ minTimeMs }) => minTimeMs)),
      maxTimeMs: Math.max(...all.map(({ maxTimeMs }) => maxTimeMs)),
    }
  }

  get isEmpty(): boolean {
    return this.sampleCount + this.#exemplars.length + this.#deletions.length === 0
  }

  /** About; metadata alone do not count, as they make no pack. */
  get byteLength(): number {
    const objects = this.#exemplars.length + this.#deletions.length
    const late = this.#lateFloats.byteLength + this.#lateHistograms.byteLength
    return this.#floats.byteLength + this.#histograms.byteLength + late + objects * OBJECT_BYTES
  }

  /** Where the rows of the record belong. */
  rowsFor(record: SampleSource, late: boolean): SampleRows {
    if (record.histograms) return late ? this.#lateHistograms : this.#histograms
    return late ? this.#lateFloats : this.#floats
  }

  addExemplar(exemplar: PackedExemplar): void {
    this.#exemplars.push(exemplar)
  }

  addDeletion(labels: Labels, minTimeMs: number, maxTimeMs: number): void {
    this.#deletions.push({ labels, minTimeMs, maxTimeMs })
  }

  /** In place of what was said of these metrics before. */
  setMetadata(metadata: readonly PackedMetadata[]): void {
    for (const [metric, entries] of Map.groupBy(metadata, (entry) => entry.metric)) {
      this.#metadata.set(metric, entries)
    }
  }

  /** A pack of it all; the head is empty afterwards. `pause` is awaited now and then, as there is much to do. */
  async flush(
    table: SeriesTable,
    position: unknown,
    pause: () => Promise<void>,
  ): Promise<WrittenPack> {
    const builder = new PackBuilder()
    const { idEnd } = table
    const chunks = new SeriesChunks(
      { floats: this.#floats, histograms: this.#histograms },
      { floats: this.#lateFloats, histograms: this.#lateHistograms },
      idEnd,
    )
    // While it pauses nobody adds series: the caller reads on when the pack is written.
    const order = table.order()
    for (const id of order) {
      const ready = chunks.of(id)
      if (ready === undefined) continue
      if (builder.add({ labels: table.labelsOf(id), chunks: ready })) await pause()
    }
    const pack = builder.finish({
      exemplars: this.#exemplars,
      metadata: [...this.#metadata.values()].flat(),
      deletions: this.#deletions,
      position,
    })
    this.clear()
    return pack
  }

  clear(): void {
    for (const rows of this.#all) rows.clear()
    this.#exemplars = []
    this.#deletions = []
    this.#metadata = new Map()
  }
}

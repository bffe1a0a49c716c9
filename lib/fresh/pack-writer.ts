/** Writes packs: the series of one interval, sorted, in pages. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { compareUtf8, labelValue, type Labels, METRIC_NAME } from '#lib/model/labels.ts'
import { chunkSampleCount, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import {
  compressPage,
  FOOTER_BYTES,
  HEADER_BYTES,
  PACK_MAGIC,
  PACK_VERSION,
  PAGE_BYTES,
  type PackDirectory,
  type PageEntry,
} from './pack-format.ts'
import { SeriesPageWriter } from './series-page.ts'
import type { PackedDeletion, PackedExemplar, PackedMetadata } from './side-pages.ts'
import { writeDeletions, writeExemplars, writeMetadata } from './side-pages.ts'

export interface PackedSeries {
  /** Without external labels. */
  readonly labels: Labels
  /** Ascending by their first time; they may overlap where samples came late. */
  readonly chunks: readonly ReadyChunk[]
}

export interface PackContent {
  /** Ascending by `compareLabels`, unique. */
  readonly series: Iterable<PackedSeries>
  readonly exemplars?: readonly PackedExemplar[] | undefined
  readonly metadata?: readonly PackedMetadata[] | undefined
  readonly deletions?: readonly PackedDeletion[] | undefined
  /** Where the writer goes on after a restart; JSON. */
  readonly position?: unknown
}

export interface WrittenPack extends Pick<
  PackDirectory,
  'seriesCount' | 'sampleCount' | 'minTimeMs' | 'maxTimeMs'
> {
  readonly bytes: Uint8Array
  readonly directoryBytes: number
}

/** The bytes of the pack, and what its key says. */
export function writePack(content: PackContent): WrittenPack {
  const builder = new PackBuilder()
  for (const series of content.series) builder.add(series)
  return builder.finish(content)
}

/** Writes a pack series by series, for who has something else to do in between. */
export class PackBuilder {
  readonly #file = new PackFile()
  readonly #page = new SeriesPageWriter()
  readonly #pages: PageEntry[] = []
  readonly #values = new Map<string, Set<string>>()
  #seriesCount = 0
  #sampleCount = 0
  #minTimeMs = Infinity
  #maxTimeMs = -Infinity

  /** Ascending by `compareLabels`. Gives whether a page came to its end with it: the work of about a millisecond. */
  add({ labels, chunks }: PackedSeries): boolean {
    for (const { minTimeMs, maxTimeMs, encoding, data } of chunks) {
      this.#span(minTimeMs, maxTimeMs)
      this.#sampleCount += chunkSampleCount(encoding, data)
    }
    collectValues(this.#values, labels)
    this.#page.add(labels, labelValue(labels, METRIC_NAME), chunks)
    this.#seriesCount++
    if (this.#page.byteLength < PAGE_BYTES) return false
    this.#finishPage()
    return true
  }

  finish({
    exemplars = [],
    metadata = [],
    deletions = [],
    position,
  }: Omit<PackContent, 'series'>): WrittenPack {
    this.#finishPage()
    for (const { timestampMs } of exemplars) this.#span(timestampMs, timestampMs)
    // Who reads what is deleted by it has to read it too.
    for (const deletion of deletions) this.#span(deletion.minTimeMs, deletion.maxTimeMs)
    const [minTimeMs, maxTimeMs] =
      this.#minTimeMs <= this.#maxTimeMs ? [this.#minTimeMs, this.#maxTimeMs] : [0, 0]
    const counts = {
      seriesCount: this.#seriesCount,
      sampleCount: this.#sampleCount,
      minTimeMs,
      maxTimeMs,
    }
    const labelNames = [...this.#values.keys()].sort(compareUtf8)
    const directory: PackDirectory = {
      version: PACK_VERSION,
      ...counts,
      pages: this.#pages,
      labelPages: writeLabelPages(this.#file, labelNames, this.#values),
      labelNames,
      ...(exemplars.length > 0 && { exemplars: writeExemplars(this.#file, exemplars) }),
      ...(metadata.length > 0 && { metadata: writeMetadata(this.#file, metadata) }),
      ...(deletions.length > 0 && { deletions: writeDeletions(this.#file, deletions) }),
      ...(position !== undefined && { position }),
    }
    return { ...counts, ...this.#file.finish(directory) }
  }

  #span(minTimeMs: number, maxTimeMs: number): void {
    if (minTimeMs < this.#minTimeMs) this.#minTimeMs = minTimeMs
    if (maxTimeMs > this.#maxTimeMs) this.#maxTimeMs = maxTimeMs
  }

  #finishPage(): void {
    if (this.#page.seriesCount === 0) return
    const { first, last } = this.#page
    this.#pages.push({ ...this.#file.add(this.#page.finish()), first, last })
  }
}

function collectValues(values: Map<string, Set<string>>, labels: Labels): void {
  for (let i = 0; i < labels.length; i += 2) {
    const known = values.get(labels[i]!)
    if (known) known.add(labels[i + 1]!)
    else values.set(labels[i]!, new Set([labels[i + 1]!]))
  }
}

/** Name, count, values; and again. A page holds whole names, but one with many values goes over several pages. */
function writeLabelPages(
  file: PackFile,
  names: readonly string[],
  values: ReadonlyMap<string, ReadonlySet<string>>,
): PageEntry[] {
  const pages: PageEntry[] = []
  const raw = new ByteWriter(PAGE_BYTES)
  let first: string | undefined
  let last = ''
  const finishPage = (): void => {
    if (first === undefined) return
    pages.push({ ...file.add(raw.bytes()), first, last })
    raw.clear()
    first = undefined
  }
  for (const name of names) {
    const sorted = [...values.get(name)!].sort(compareUtf8)
    for (let from = 0; from < sorted.length;) {
      const part = takeBytes(sorted, from, PAGE_BYTES)
      first ??= name
      last = name
      raw.string(name)
      raw.uvarint(part.length)
      for (const value of part) raw.string(value)
      from += part.length
      if (raw.length >= PAGE_BYTES) finishPage()
    }
  }
  finishPage()
  return pages
}

/** As many as hold about this many bytes; at least one. */
function takeBytes(values: readonly string[], from: number, bytes: number): readonly string[] {
  let to = from
  for (let total = 0; to < values.length && total < bytes; to++) total += values[to]!.length + 1
  return values.slice(from, to)
}

/** Pages one after the other, and the directory behind them. */
class PackFile {
  readonly #parts: Uint8Array[] = []
  #length = HEADER_BYTES

  constructor() {
    const header = new ByteWriter(HEADER_BYTES)
    header.uint32(PACK_MAGIC)
    header.uint8(PACK_VERSION)
    this.#parts.push(header.bytes())
  }

  /** Compresses and adds a page; says where it is. */
  add(raw: Uint8Array): { readonly start: number; readonly end: number } {
    const page = compressPage(raw)
    const start = this.#length
    this.#length += page.length
    this.#parts.push(page)
    return { start, end: this.#length }
  }

  finish(directory: PackDirectory): { bytes: Uint8Array; directoryBytes: number } {
    const { start, end } = this.add(new TextEncoder().encode(JSON.stringify(directory)))
    const footer = new ByteWriter(FOOTER_BYTES)
    footer.uint32(end - start)
    footer.uint32(PACK_MAGIC)
    this.#parts.push(footer.bytes())
    const bytes = new Uint8Array(end + FOOTER_BYTES)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length
    }
    return { bytes, directoryBytes: end - start + FOOTER_BYTES }
  }
}

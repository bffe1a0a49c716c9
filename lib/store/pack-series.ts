/** Finds the series of one pack that match, with their chunks: both lie in the same pages. */
import type { PackDirectory, PageEntry } from '#lib/fresh/pack-format.ts'
import { planPages, readSeriesPage } from '#lib/fresh/pack-reader.ts'
import type { SeriesPage } from '#lib/fresh/series-page.ts'
import { type PackedDeletion, readDeletions } from '#lib/fresh/side-pages.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { CompiledMatcher } from '#lib/regex/matcher.ts'
import { foundKey, type FoundSeries } from './block-series.ts'
import { ChunkTable } from './chunk-table.ts'
import type { LoadedChunks } from './loaded-chunks.ts'
import { SharedLabels } from './shared-labels.ts'
import { inPack, packDirectory, packPage, packRanges, type PackReader } from './pack-read.ts'

export interface PackSelection {
  readonly found: FoundSeries
  /** All of them, unless only labels were wanted. */
  readonly chunks: LoadedChunks
  /** By their labels in the pack. */
  readonly deletions: readonly PackedDeletion[]
}

/** `acquire` is called with the chunks before they are filled. */
export async function selectPack(
  reader: PackReader,
  matchers: readonly CompiledMatcher[],
  labelsOnly: boolean,
  acquire: (chunks: LoadedChunks) => void,
): Promise<PackSelection> {
  const { cache, block } = reader
  const directory = await packDirectory(reader)
  const deletions = await readDeleted(reader, directory)
  const key = foundKey(block, matchers)
  const keptSelection = (): PackSelection | undefined => {
    const found = cache.series(key)
    const chunks = found && cache.chunks(key, found.chunks)
    if (!chunks || !(labelsOnly || isLoaded(chunks))) return undefined
    acquire(chunks)
    return { found, chunks, deletions }
  }
  const known = keptSelection()
  if (known) return known
  const pages = await readPages(reader, planPages(directory, matchers))
  // Who asked the same at the same time may have been faster.
  const meanwhile = keptSelection()
  if (meanwhile) return meanwhile
  const selection = foundKey({ ...block, id: '' }, matchers)
  const select = new PackFilter(
    matchers,
    new SharedLabels(block.labels, cache.lastLabels(selection)),
  )
  for (const page of pages) select.add(page)
  const found = select.finish(key)
  cache.keepSeries(found)
  cache.keepLastLabels(selection, found.labels)
  const chunks = cache.chunks(key, found.chunks)
  acquire(chunks)
  if (!labelsOnly && found.chunks.length > 0) {
    const { byteLength } = select
    await cache.addChunks(key, chunks, byteLength, async () => select.copyChunks(chunks))
  }
  return { found, chunks, deletions }
}

/** How many series have which labels, out of all pages. */
export async function countPack(reader: PackReader): Promise<PackCounts> {
  const directory = await packDirectory(reader)
  const pages = await readPages(reader, directory.pages)
  const lists: PackCounts['lists'][number][] = []
  let chunkCount = 0
  for (const { symbols, refs, starts } of pages) {
    chunkCount += starts.length
    const counts = new Map<number, number>()
    for (let i = 0; i < refs.length; i += 2) {
      const pair = refs[i]! * symbols.length + refs[i + 1]!
      counts.set(pair, (counts.get(pair) ?? 0) + 1)
    }
    for (const [pair, seriesCount] of counts) {
      const value = pair % symbols.length
      const name = (pair - value) / symbols.length
      lists.push({ name: symbols[name]!, value: symbols[value]!, seriesCount })
    }
  }
  return { seriesCount: directory.seriesCount, chunkCount, lists }
}

export interface PackCounts {
  readonly seriesCount: number
  readonly chunkCount: number
  /** A pair of a name and a value may be in it more than once. */
  readonly lists: readonly {
    readonly name: string
    readonly value: string
    readonly seriesCount: number
  }[]
}

/** They are loaded together. */
function isLoaded(chunks: LoadedChunks): boolean {
  return chunks.table.length === 0 || chunks.missing(FIRST_ROW).length === 0
}

const FIRST_ROW = Uint32Array.of(0)

async function readDeleted(
  reader: PackReader,
  { deletions }: PackDirectory,
): Promise<readonly PackedDeletion[]> {
  if (!deletions) return []
  const page = await packPage(reader, deletions)
  return inPack(reader.block, () => readDeletions(page))
}

async function readPages(
  reader: PackReader,
  entries: readonly PageEntry[],
): Promise<readonly SeriesPage[]> {
  const { cache, block } = reader
  const kept = entries.map(({ start }) => cache.page(block.id, start))
  const missing = entries.filter((_, i) => !kept[i])
  const bytes = await packRanges(reader, missing)
  const read = missing.map(({ start }, i) => {
    // Others may have waited for the same bytes.
    const known = cache.page(block.id, start)
    if (known) return known
    const page = inPack(block, () => readSeriesPage(bytes[i]!))
    cache.keepPage(block.id, start, page)
    return page
  })
  let next = 0
  return kept.map((page) => page ?? read[next++]!)
}

/** Keeps what matches. Each (label, value) pair of a page is tested once, by the numbers of its symbols. */
class PackFilter {
  byteLength = 0
  readonly #matchers: readonly CompiledMatcher[]
  readonly #shared: SharedLabels
  readonly #labels: Labels[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #chunks = new ChunkTable()
  readonly #taken: { readonly page: SeriesPage; readonly series: readonly number[] }[] = []

  constructor(matchers: readonly CompiledMatcher[], shared: SharedLabels) {
    this.#matchers = matchers
    this.#shared = shared
  }

  add(page: SeriesPage): void {
    const tests = this.#matchers.map((matcher) => new PageTest(matcher, page))
    const { chunkStarts, minTimes, maxTimes, starts, ends } = page
    const taken: number[] = []
    for (let series = 0; series < page.seriesCount; series++) {
      if (!tests.every((test) => test.matches(series))) continue
      taken.push(series)
      this.#labels.push(this.#shared.labelsOf(page, series))
      this.#from.push(this.#chunks.length)
      for (let row = chunkStarts[series]!; row < chunkStarts[series + 1]!; row++) {
        this.#chunks.add(minTimes[row]!, maxTimes[row]!, 0, this.byteLength)
        this.byteLength += ends[row]! - starts[row]! + 1
      }
      this.#to.push(this.#chunks.length)
    }
    this.#taken.push({ page, series: taken })
  }

  finish(key: string): FoundSeries {
    this.#chunks.finish()
    return {
      key,
      labels: this.#labels,
      labelBytes: this.#shared.newBytes,
      ids: Float64Array.from(this.#labels.keys()),
      from: Uint32Array.from(this.#from),
      to: Uint32Array.from(this.#to),
      chunks: this.#chunks,
    }
  }

  /** Out of the pages, which are shared: all into one buffer, in the order of the rows. */
  copyChunks(into: LoadedChunks): void {
    const copy = new Uint8Array(this.byteLength)
    const buffer = into.addBuffer(copy)
    let at = 0
    let next = 0
    for (const { page, series: taken } of this.#taken) {
      const { bytes, chunkStarts, starts, ends } = page
      for (const series of taken) {
        for (let row = chunkStarts[series]!; row < chunkStarts[series + 1]!; row++) {
          const from = starts[row]! - 1
          const length = ends[row]! - from
          for (let i = 0; i < length; i++) copy[at + i] = bytes[from + i]!
          into.set(next++, buffer, at + 1, at + length)
          at += length
        }
      }
    }
  }
}

class PageTest {
  readonly #page: SeriesPage
  readonly #matcher: CompiledMatcher
  readonly #name: number
  /** Of values by their symbols: 0 not tested yet, 1 does not match, 2 does. */
  readonly #known: Uint8Array

  constructor(matcher: CompiledMatcher, page: SeriesPage) {
    this.#page = page
    this.#matcher = matcher
    this.#name = page.symbols.indexOf(matcher.name)
    this.#known = new Uint8Array(page.symbols.length)
  }

  matches(series: number): boolean {
    const { refs, refStarts, symbols } = this.#page
    const end = refStarts[series + 1]!
    for (let i = refStarts[series]!; this.#name >= 0 && i < end; i += 2) {
      if (refs[i] !== this.#name) continue
      const value = refs[i + 1]!
      if (this.#known[value] === 0) {
        this.#known[value] = this.#matcher.matches(symbols[value]!) ? 2 : 1
      }
      return this.#known[value] === 2
    }
    return this.#matcher.matchesEmpty
  }
}

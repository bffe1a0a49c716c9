/** Notes which series have which labels, and writes what follows the series in an index: postings, their offset table, the contents. */
import { DomainError } from '#lib/model/errors.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import type { IndexOutput } from './index-output.ts'
import { LabelPairs } from './label-pairs.ts'
import { type Toc, TOC_SIZE, writeToc } from './toc.ts'
import { Uint32List } from './uint32-list.ts'

/** Holds four bytes for each label of each series, twice while writing, and twenty for each label pair. */
export class PostingsWriter {
  readonly #ids = new Uint32List()
  /** For each series its number of labels, then a pair number per label. */
  readonly #pairsOfSeries = new Uint32List()
  readonly #pairs = new LabelPairs()

  get seriesCount(): number {
    return this.#ids.length
  }

  /** Series ascend by `id`. `labelRefs`: name, value, name, value… as numbers of symbols. */
  add(id: number, labelRefs: ArrayLike<number>): void {
    if (id > 0xffff_ffff) throw new DomainError('limit', 'index of more than 64 GiB')
    this.#ids.push(id)
    this.#pairsOfSeries.push(labelRefs.length / 2)
    for (let i = 0; i < labelRefs.length; i += 2) {
      this.#pairsOfSeries.push(this.#pairs.count(labelRefs[i]!, labelRefs[i + 1]!))
    }
  }

  /** To the end of the file. `symbol` gives the text of a symbol by its number. */
  write(
    output: IndexOutput,
    sections: Pick<Toc, 'symbols' | 'series'>,
    symbol: (ref: number) => string,
  ): { readonly toc: Toc; readonly size: number } {
    const seriesEnd = output.position
    const sorted = this.#pairs.sorted()
    const { lists, ends } = this.#listsOf(sorted)
    const table = new ByteWriter(4096)
    table.uint32(0)
    table.uint32(sorted.length + 1)
    writeList(output, table, '', '', this.#ids.view())
    let start = 0
    for (let i = 0; i < sorted.length; i++) {
      const name = symbol(this.#pairs.name(sorted[i]!))
      const value = symbol(this.#pairs.value(sorted[i]!))
      writeList(output, table, name, value, lists.subarray(start, ends[i]))
      start = ends[i]!
    }
    const postingsTable = output.position
    if (table.length - 4 > 0xffff_ffff) {
      throw new DomainError('limit', `postings offset table of ${table.length} bytes`)
    }
    table.patchUint32(0, table.length - 4)
    table.crc(4)
    output.pass(table.bytes())
    const toc: Toc = {
      ...sections,
      // No label indices, as in Prometheus 3: both fields point at what came after them.
      labelIndices: seriesEnd,
      labelIndicesTable: postingsTable,
      // Noted before the padding in front of the first list.
      postings: seriesEnd,
      postingsTable,
    }
    writeToc(output.out, toc)
    output.flush(0)
    return { toc, size: postingsTable + table.length + TOC_SIZE }
  }

  /** All lists in one array, in the order of `sorted`; a counting sort. */
  #listsOf(sorted: Uint32Array): { lists: Uint32Array; ends: Float64Array } {
    const next = new Float64Array(this.#pairs.length)
    let total = 0
    for (const pair of sorted) {
      next[pair] = total
      total += this.#pairs.occurrences(pair)
    }
    const lists = new Uint32Array(total)
    const ids = this.#ids.view()
    const pairs = this.#pairsOfSeries.view()
    let at = 0
    for (let series = 0; series < ids.length; series++) {
      for (let left = pairs[at++]!; left > 0; left--) {
        const pair = pairs[at++]!
        lists[next[pair]!] = ids[series]!
        next[pair]!++
      }
    }
    return { lists, ends: Float64Array.from(sorted, (pair) => next[pair]!) }
  }
}

function writeList(
  output: IndexOutput,
  table: ByteWriter,
  name: string,
  value: string,
  ids: Uint32Array,
): void {
  output.align(4)
  table.uvarint(2)
  table.string(name)
  table.string(value)
  table.uvarint(output.position)
  const { out } = output
  out.uint32(4 + ids.length * 4)
  const from = out.length
  out.uint32(ids.length)
  for (let i = 0; i < ids.length; i++) out.uint32(ids[i]!)
  out.crc(from)
  output.flush()
}

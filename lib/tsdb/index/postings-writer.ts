/** Notes which series have which labels, and writes what follows the series in an index: postings, their offset table, the contents. */
import { DomainError } from '#lib/model/errors.ts'
import { METRIC_NAME } from '#lib/model/labels.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import type { IndexOutput } from './index-output.ts'
import { LabelPairs } from './label-pairs.ts'
import { type Toc, TOC_SIZE, writeToc } from './toc.ts'
import { Uint32Pages } from './uint32-pages.ts'

/** Lists are made for so many postings at once, or for an eighth of all. */
const MIN_BATCH = 1 << 22

export interface WrittenPostings {
  readonly toc: Toc
  /** Of the file. */
  readonly size: number
  readonly postingsTableSection: Uint8Array
  /** First and last series id of each metric, in the order of names: [first, last, first, last…]. */
  readonly metricIds: Float64Array
}

/** Holds four bytes for each label of each series, a few more while writing, and twenty for each label pair. */
export class PostingsWriter {
  readonly #ids = new Uint32Pages()
  /** For each series its number of labels, then a pair number per label. */
  readonly #pairsOfSeries = new Uint32Pages()
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
  ): WrittenPostings {
    const seriesEnd = output.position
    const table = new ByteWriter(4096)
    table.uint32(0)
    table.uint32(this.#pairs.length + 1)
    writeList(output, table, '', '', this.#ids.toArray())
    const metricIds: number[] = []
    for (const { pair, ids } of this.#lists()) {
      const name = symbol(this.#pairs.name(pair))
      if (name === METRIC_NAME) metricIds.push(ids[0]!, ids[ids.length - 1]!)
      writeList(output, table, name, symbol(this.#pairs.value(pair)), ids)
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
    return {
      toc,
      size: postingsTable + table.length + TOC_SIZE,
      postingsTableSection: table.bytes(),
      metricIds: Float64Array.from(metricIds),
    }
  }

  /** By name, then value. The ids are valid until the next. */
  *#lists(): Generator<{ readonly pair: number; readonly ids: Uint32Array }> {
    const pairs = this.#pairs
    const sorted = pairs.sorted()
    const total = this.#pairsOfSeries.length - this.#ids.length
    const batchSize = Math.max(MIN_BATCH, Math.ceil(total / 8))
    for (let from = 0; from < sorted.length;) {
      let to = from
      let size = 0
      do size += pairs.occurrences(sorted[to++]!)
      while (to < sorted.length && size + pairs.occurrences(sorted[to]!) <= batchSize)
      const batch = sorted.subarray(from, to)
      const lists = this.#listsOf(batch, size)
      let start = 0
      for (const pair of batch) {
        const end = start + pairs.occurrences(pair)
        yield { pair, ids: lists.subarray(start, end) }
        start = end
      }
      from = to
    }
  }

  /** The lists of some pairs in one array; a counting sort. */
  #listsOf(batch: Uint32Array, size: number): Uint32Array {
    /** Where the next id of a pair goes, plus one; 0 for pairs of other batches. */
    const next = new Uint32Array(this.#pairs.length)
    let free = 1
    for (const pair of batch) {
      next[pair] = free
      free += this.#pairs.occurrences(pair)
    }
    const lists = new Uint32Array(size)
    const ids = this.#ids
    const pairs = this.#pairsOfSeries
    let at = 0
    for (let series = 0; series < ids.length; series++) {
      for (let left = pairs.at(at++); left > 0; left--) {
        const pair = pairs.at(at++)
        const place = next[pair]!
        if (place === 0) continue
        lists[place - 1] = ids.at(series)
        next[pair] = place + 1
      }
    }
    return lists
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

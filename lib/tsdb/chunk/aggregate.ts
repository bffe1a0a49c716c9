/** Thanos's downsampled chunk (encoding 255): up to five chunks, one per aggregate, in one. */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { decodeChunk, type EncodedChunk } from './chunk.ts'
import { ColumnBuilder } from './columns.ts'
import { appendXor } from './xor.ts'

export const AGGREGATES = ['count', 'sum', 'min', 'max', 'counter'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export type AggregateChunk = Readonly<Partial<Record<Aggregate, EncodedChunk>>>

/** Numbers that `placeAggregates` writes of a chunk: of each aggregate its encoding (`ABSENT` if it is not there), and where its data begin and end. */
export const PLACES = AGGREGATES.length * 3
export const ABSENT = -1

/** Of the chunk whose data are bytes [start, end): for each aggregate uvarint size (0: absent), encoding byte, data. Writes from `places[at]` on. */
export function placeAggregates(
  bytes: Uint8Array,
  start: number,
  end: number,
  places: Int32Array,
  at: number,
): void {
  const reader = new ByteReader(bytes, start, end)
  for (let i = at; i < at + PLACES; i += 3) {
    const size = reader.uvarint32()
    places[i] = size > 0 ? reader.uint8() : ABSENT
    places[i + 1] = reader.offset
    reader.skip(size)
    places[i + 2] = reader.offset
  }
}

const onePlace = new Int32Array(PLACES)

export function parseAggregateChunk(data: Uint8Array): AggregateChunk {
  placeAggregates(data, 0, data.length, onePlace, 0)
  const chunks: Partial<Record<Aggregate, EncodedChunk>> = {}
  for (const [i, aggregate] of AGGREGATES.entries()) {
    const encoding = onePlace[i * 3]!
    if (encoding === ABSENT) continue
    chunks[aggregate] = { encoding, data: data.subarray(onePlace[i * 3 + 1], onePlace[i * 3 + 2]) }
  }
  return chunks
}

/** `average` is sum over count, `weighted` the sums with the counts as weights. */
export type Aggregation = Aggregate | 'average' | 'weighted'

/**
 * Adds the samples of one aggregate, or of two together, to the columns. The counter comes as it is stored: see `toCounterTotals`. The columns
 * must want all samples. Histograms have neither least nor greatest: asked for these, they give their average.
 */
export function decodeAggregateChunk(
  data: Uint8Array,
  aggregation: Aggregation,
  into: ColumnBuilder,
): void {
  const chunks = parseAggregateChunk(data)
  const isOne = aggregation !== 'average' && aggregation !== 'weighted'
  const one = isOne ? chunks[aggregation] : undefined
  if (one) return decodeChunk(one.encoding, one.data, into)
  if (!chunks.sum || !chunks.count) {
    throw new CorruptError(`downsampled chunk without ${aggregation}`, 0)
  }
  const from = into.length
  decodePair(chunks.sum, chunks.count, into)
  if (aggregation === 'weighted') {
    into.weights().set(counts.values.subarray(0, counts.length), from)
  } else for (let i = 0; i < counts.length; i++) into.divide(from + i, counts.values[i]!)
}

const counts = new ColumnBuilder()

/** Sums into the columns, how many samples each is of into `counts`. */
function decodePair(sum: EncodedChunk, count: EncodedChunk, into: ColumnBuilder): void {
  const from = into.length
  decodeChunk(sum.encoding, sum.data, into)
  counts.reset()
  decodeChunk(count.encoding, count.data, counts)
  let aligned = into.length - from === counts.length
  for (let i = 0; i < counts.length && aligned; i++) {
    aligned = into.timestamps[from + i] === counts.timestamps[i]
  }
  if (aligned) return
  into.remove(from, into.length)
  throw new CorruptError('downsampled chunk whose sums and counts are not at the same times', 0)
}

/**
 * Takes the aggregates in their order. Thanos can't read a chunk whose last entry is absent (it asks for a byte more than there is), so a
 * downsampled chunk should always have a counter.
 */
export class AggregateWriter {
  readonly #out = new ByteWriter(8192)

  /** Floats [from, to). */
  floats(timestamps: Float64Array, values: Float64Array, from: number, to: number): void {
    appendXor(this.#out, timestamps, values, from, to)
  }

  chunk(chunk: EncodedChunk | undefined): void {
    const out = this.#out
    out.uvarint(chunk?.data.length ?? 0)
    if (!chunk) return
    out.uint8(chunk.encoding)
    out.append(chunk.data)
  }

  /** A copy of the chunk's data; the next chunk begins. */
  finish(): Uint8Array {
    const data = this.#out.bytes().slice()
    this.#out.clear()
    return data
  }
}

const shared = new AggregateWriter()

export function writeAggregateChunk(chunks: AggregateChunk): Uint8Array {
  for (const aggregate of AGGREGATES) shared.chunk(chunks[aggregate])
  return shared.finish()
}

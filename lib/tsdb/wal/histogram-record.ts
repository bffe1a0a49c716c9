/** Native histograms of a record. */
import { CorruptError } from '#lib/model/errors.ts'
import { CUSTOM_BUCKETS_SCHEMA, type Span } from '#lib/model/histogram.ts'
import { HINTS, HistogramColumn } from '#lib/model/histogram-column.ts'
import { EMPTY_LAYOUT, rowLayout, type RowLayout } from '#lib/model/row-layout.ts'
import type { ByteReader } from '#lib/bytes/byte-reader.ts'
import { reduceResolution } from '../chunk/histogram-buckets.ts'
import { isKnownSchema, MAX_SCHEMA } from '../chunk/histogram-layout.ts'
import type { SamplesRecord } from './record.ts'
import { RowHeads, type SamplesVersion } from './row-heads.ts'

/** The head's two, hint, schema, zero threshold, zero count, count, sum, and four times nothing. */
const MIN_ROW_BYTES = 26

/** `integer` has counts as varints, of buckets the deltas; `float` has floats. */
type Counts = 'integer' | 'float'

/** Rows of unknown schemas are left out, as Prometheus does; finer ones than 8 are made coarser. */
export function readHistograms(
  reader: ByteReader,
  version: SamplesVersion,
  counts: Counts,
): SamplesRecord {
  const heads = new RowHeads(reader, version, MIN_ROW_BYTES)
  const sums = new Float64Array(heads.capacity)
  const sumBits = new Int32Array(sums.buffer)
  const rows = new HistogramColumn(0)
  const layouts = new Layouts(reader)
  let row = 0
  while (reader.remaining > 0) {
    heads.read(row)
    rows.reserve(row + 1)
    const at = reader.offset
    const hint = reader.uint8()
    if (hint >= HINTS.length) throw new CorruptError(`counter reset hint ${hint}`, at)
    const schema = reader.varint()
    const zeroThreshold = reader.float64()
    const integer = counts === 'integer'
    rows.hints[row] = hint
    rows.zeroCounts[row] = integer ? reader.uvarint() : reader.float64()
    rows.counts[row] = integer ? reader.uvarint() : reader.float64()
    sumBits[row * 2 + 1] = reader.uint32()
    sumBits[row * 2] = reader.uint32()
    rows.sums[row] = sums[row]!
    const spans = layouts.readSpans()
    rows.starts[row] = rows.take(spans.size)
    readBuckets(reader, counts, rows.buckets, rows.starts[row]!, spans.positives)
    const middle = rows.starts[row]! + spans.positives
    readBuckets(reader, counts, rows.buckets, middle, spans.size - spans.positives)
    const layout = layouts.finish(schema, zeroThreshold)
    if (!isKnownSchema(schema)) continue
    rows.padded[row] = 0
    rows.layouts[row] = layout
    if (schema > MAX_SCHEMA) rows.set(row, reduceResolution(rows.at(row)!, MAX_SCHEMA))
    row++
  }
  return {
    type: 'samples',
    ...heads.columns(row),
    values: sums.slice(0, row),
    histograms: rows.slice(0, row),
  }
}

function readBuckets(
  reader: ByteReader,
  counts: Counts,
  into: Float64Array,
  start: number,
  size: number,
): void {
  const at = reader.offset
  const count = reader.uvarint()
  if (count !== size) throw new CorruptError(`${count} buckets where spans have ${size}`, at)
  if (counts === 'float') for (let i = 0; i < size; i++) into[start + i] = reader.float64()
  else {
    let value = 0
    for (let i = 0; i < size; i++) into[start + i] = value += reader.varint()
  }
}

/** Rows in a run mostly have the same layout: where the bytes of the newest one come again, so does the object. */
class Layouts {
  readonly #reader: ByteReader
  #layout = EMPTY_LAYOUT
  #spans: Uint8Array = new Uint8Array(0)
  #customBytes: Uint8Array = new Uint8Array(0)
  #customValues = EMPTY_LAYOUT.customValues
  /** With the spans of this row. */
  #read = EMPTY_LAYOUT

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  readSpans(): RowLayout {
    const reader = this.#reader
    this.#read = this.#layout
    if (this.#spans.length === 0 || !skipSame(reader, this.#spans)) {
      const from = reader.offset
      const positiveSpans = readSpans(reader)
      const negativeSpans = readSpans(reader)
      this.#read = rowLayout({ ...EMPTY_LAYOUT, positiveSpans, negativeSpans })
      this.#spans = reader.bytes.subarray(from, reader.offset)
      // Each bucket takes a byte at least.
      if (this.#read.size > reader.remaining) {
        throw new CorruptError(`more buckets (${this.#read.size}) than bytes hold`, from)
      }
    }
    return this.#read
  }

  /** Reads what follows the buckets. */
  finish(schema: number, zeroThreshold: number): RowLayout {
    const last = this.#layout
    const reader = this.#reader
    let { customValues } = EMPTY_LAYOUT
    if (schema === CUSTOM_BUCKETS_SCHEMA) {
      if (this.#customBytes.length === 0 || !skipSame(reader, this.#customBytes)) {
        const from = reader.offset
        this.#customValues = readCustomValues(reader)
        this.#customBytes = reader.bytes.subarray(from, reader.offset)
      }
      customValues = this.#customValues
    }
    if (
      this.#read !== last ||
      last.schema !== schema ||
      last.zeroThreshold !== zeroThreshold ||
      last.customValues !== customValues
    ) {
      this.#layout = { ...this.#read, schema, zeroThreshold, customValues }
    }
    return this.#layout
  }
}

/** Whether `bytes` come next; then they are passed over. What is compared ends by itself, so nothing longer begins like it. */
function skipSame(reader: ByteReader, bytes: Uint8Array): boolean {
  if (bytes.length > reader.remaining) return false
  const { bytes: all, offset } = reader
  for (let i = 0; i < bytes.length; i++) if (all[offset + i] !== bytes[i]) return false
  reader.skip(bytes.length)
  return true
}

function readSpans(reader: ByteReader): Span[] {
  const at = reader.offset
  const count = reader.uvarint()
  if (count * 2 > reader.remaining) throw new CorruptError(`${count} spans in too few bytes`, at)
  const spans: Span[] = []
  for (let i = 0; i < count; i++) {
    const offset = reader.varint()
    if (Math.abs(offset) > 0x7fff_ffff) throw new CorruptError(`span at ${offset}`, at)
    spans.push({ offset, length: reader.uvarint32() })
  }
  return spans
}

function readCustomValues(reader: ByteReader): Float64Array {
  const at = reader.offset
  const count = reader.uvarint()
  if (count * 8 > reader.remaining) {
    throw new CorruptError(`more custom bounds (${count}) than bytes hold`, at)
  }
  const bounds = new Float64Array(count)
  for (let i = 0; i < count; i++) bounds[i] = reader.float64()
  return bounds
}

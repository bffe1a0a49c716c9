/** The start of a histogram chunk: what all its samples share. */
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { CUSTOM_BUCKETS_SCHEMA, type HistogramLayout, type Span } from '#lib/model/histogram.ts'
import { EMPTY_LAYOUT, rowLayout, type RowLayout } from '#lib/model/row-layout.ts'
import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'
import { readVarbitInt, readVarbitUint, writeVarbitInt, writeVarbitUint } from './varbit.ts'

/** The top two bits of the flags. */
export const CounterResetHeader = {
  unknown: 0b00,
  notReset: 0b01,
  reset: 0b10,
  gauge: 0b11,
} as const

/** Highest resolution that is computed with; 9 to 52 are reserved and reduced to it. */
export const MAX_SCHEMA = 8

/** Those that are reserved among them. */
export function isKnownSchema(schema: number): boolean {
  return schema === CUSTOM_BUCKETS_SCHEMA || (schema >= -9 && schema <= 52)
}

export function readLayout(reader: BitReader): RowLayout {
  const zeroThreshold = readZeroThreshold(reader)
  const schema = readVarbitInt(reader)
  if (!isKnownSchema(schema)) {
    reader.expectWithin()
    throw new DomainError('unsupported', `histogram schema ${schema} is not known`)
  }
  const positiveSpans = readSpans(reader)
  const negativeSpans = readSpans(reader)
  const customValues =
    schema === CUSTOM_BUCKETS_SCHEMA ? readCustomValues(reader) : EMPTY_LAYOUT.customValues
  reader.expectWithin()
  return rowLayout({ schema, zeroThreshold, positiveSpans, negativeSpans, customValues })
}

export function writeLayout(out: BitWriter, layout: HistogramLayout): void {
  writeZeroThreshold(out, layout.zeroThreshold)
  writeVarbitInt(out, layout.schema)
  writeSpans(out, layout.positiveSpans)
  writeSpans(out, layout.negativeSpans)
  if (layout.schema !== CUSTOM_BUCKETS_SCHEMA) return
  writeVarbitUint(out, layout.customValues.length)
  for (const bound of layout.customValues) writeCustomValue(out, bound)
}

/** Each bucket must have at least `bitsEach` bits left in the chunk. */
export function expectRoomForBuckets(
  { size }: RowLayout,
  reader: BitReader,
  bitsEach: number,
): void {
  if (size * bitsEach > reader.endBit - reader.at) {
    throw new CorruptError(`more buckets (${size}) than bytes hold`, reader.offsetOf(reader.at))
  }
}

/** Byte 0 is 0, byte b is 2^(b−244), 255 precedes a float. */
function readZeroThreshold(reader: BitReader): number {
  const byte = reader.bits(8)
  if (byte === 0) return 0
  if (byte < 255) return 2 ** (byte - 244)
  return readFloat(reader)
}

function writeZeroThreshold(out: BitWriter, threshold: number): void {
  const exponent = Math.round(Math.log2(threshold))
  if (threshold === 0) out.bits(0, 8)
  else if (exponent >= -243 && exponent <= 10 && threshold === 2 ** exponent) {
    out.bits(exponent + 244, 8)
  } else {
    out.bits(255, 8)
    writeFloat(out, threshold)
  }
}

function readSpans(reader: BitReader): Span[] {
  const count = readVarbitUint(reader)
  const spans: Span[] = []
  for (let i = 0; i < count; i++) {
    const length = readVarbitUint(reader)
    const offset = readVarbitInt(reader)
    reader.expectWithin()
    if (length > 0xffff_ffff || Math.abs(offset) > 0x7fff_ffff) {
      throw new CorruptError(`span of ${length} buckets at ${offset}`, reader.offsetOf(reader.at))
    }
    spans.push({ offset, length })
  }
  return spans
}

function writeSpans(out: BitWriter, spans: readonly Span[]): void {
  writeVarbitUint(out, spans.length)
  for (const { offset, length } of spans) {
    writeVarbitUint(out, length)
    writeVarbitInt(out, offset)
  }
}

/** Whole thousandths up to 33554.430 are 1000·x + 1; others 0 and a float. */
function readCustomValues(reader: BitReader): Float64Array {
  const count = readVarbitUint(reader)
  // A bound takes five bits at least, except that it can't be a lone 0.
  if (count * 5 > reader.endBit - reader.at) {
    throw new CorruptError(
      `more custom bounds (${count}) than bytes hold`,
      reader.offsetOf(reader.at),
    )
  }
  const bounds = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const thousandths = readVarbitUint(reader)
    bounds[i] = thousandths === 0 ? readFloat(reader) : (thousandths - 1) / 1000
    reader.expectWithin()
  }
  return bounds
}

function writeCustomValue(out: BitWriter, bound: number): void {
  const thousandths = bound * 1000
  if (thousandths >= 0 && thousandths <= 33554430 && Math.round(thousandths) / 1000 === bound) {
    writeVarbitUint(out, Math.round(thousandths) + 1)
  } else {
    out.bits(0, 1)
    writeFloat(out, bound)
  }
}

const float = new Float64Array(1)
const floatBits = new Int32Array(float.buffer)

function readFloat(reader: BitReader): number {
  floatBits[1] = reader.bits32()
  floatBits[0] = reader.bits32()
  return float[0]!
}

function writeFloat(out: BitWriter, value: number): void {
  float[0] = value
  out.bits64(floatBits[1]!, floatBits[0]!)
}

/** Float samples of a record. */
import type { ByteReader } from '#lib/bytes/byte-reader.ts'
import type { SamplesRecord } from './record.ts'
import { RowHeads, type SamplesVersion } from './row-heads.ts'

/** A reference and a timestamp of one byte each, and the value. */
const MIN_ROW_BYTES = 10

/** `afterRow` may read what else a row has. */
export function readFloats(
  reader: ByteReader,
  version: SamplesVersion,
  afterRow?: () => void,
): SamplesRecord {
  const heads = new RowHeads(reader, version, MIN_ROW_BYTES)
  const values = new Float64Array(heads.capacity)
  const bits = new Int32Array(values.buffer)
  let row = 0
  while (reader.remaining > 0) {
    heads.read(row)
    // By bits: a NaN's are not safe elsewhere.
    bits[row * 2 + 1] = reader.uint32()
    bits[row * 2] = reader.uint32()
    afterRow?.()
    row++
  }
  return {
    type: 'samples',
    ...heads.columns(row),
    values: values.slice(0, row),
    histograms: undefined,
  }
}

/** Records of segments: pages, fragments, compression, and segments that grow while they are read. */
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { CorruptError } from '#lib/model/errors.ts'
import { encodeSnappy } from '#lib/bytes/snappy.ts'
import { readRecords } from '#lib/tsdb/wal/records.ts'
import { errorOf } from '../../bytes/error-of.ts'
import { decodeZstd } from './read-wal.ts'
import { padded, PAGE_BYTES, SNAPPY, writeSegment, ZSTD } from './write-segment.ts'

function recordOf(size: number, seed = size): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 0xff)
}

function read(bytes: Uint8Array, offset = 0): { records: Uint8Array[]; end: number } {
  const records: Uint8Array[] = []
  const end = readRecords(bytes, offset, decodeZstd, (record) => records.push(record))
  return { records, end }
}

/** Small ones, one over five pages, one that leaves no room for a header in its page, an empty one. */
const SIZES = [5, 300, 4 * PAGE_BYTES, 1, PAGE_BYTES - 400, 0, 70_000, 12]
const RECORDS = SIZES.map((size) => recordOf(size))
const SEGMENT = writeSegment(RECORDS.map((bytes) => ({ bytes })))

describe('records that are wanted', () => {
  it.each([
    ['plain', 0, [1, 3]],
    ['snappy', SNAPPY, [1, 3]],
    // Only decompressing tells.
    ['zstd', ZSTD, [1, 2, 3, 1]],
  ])('are all there, of those that are %s', (_, flags, types) => {
    const pack = {
      0: (bytes: Uint8Array) => bytes,
      [SNAPPY]: encodeSnappy,
      [ZSTD]: zstdCompressSync,
    }
    const typed = [1, 2, 3, 2].map((type) => Uint8Array.of(type, ...recordOf(50_000)))
    typed[3]![0] = flags === ZSTD ? 1 : 2
    const { bytes } = writeSegment(
      typed.map((record) => ({ bytes: new Uint8Array(pack[flags as 0](record)), flags })),
    )
    const found: number[] = []
    const end = readRecords(
      bytes,
      0,
      decodeZstd,
      (record) => found.push(record[0]!),
      (type) => type !== 2,
    )
    expect(found).toEqual(types)
    expect(end).toBe(bytes.length)
  })
})

describe('the records of a segment', () => {
  it('come out as they went in, over any number of pages', () => {
    expect(read(SEGMENT.bytes)).toEqual({ records: RECORDS, end: SEGMENT.bytes.length })
  })

  it('end where padding begins, which is passed over', () => {
    const bytes = padded(SEGMENT.bytes)
    expect(read(bytes)).toEqual({ records: RECORDS, end: bytes.length })
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('fill a page but for %i bytes', (left) => {
    const records = [recordOf(PAGE_BYTES - 7 - left), recordOf(3)]
    const { bytes } = writeSegment(records.map((one) => ({ bytes: one })))
    expect(read(bytes)).toEqual({ records, end: bytes.length })
  })

  it('are decompressed', () => {
    const text = new TextEncoder().encode('the same again, '.repeat(9000))
    const { bytes } = writeSegment([
      { bytes: encodeSnappy(text), flags: SNAPPY },
      { bytes: zstdCompressSync(text), flags: ZSTD },
      { bytes: text },
    ])
    const { records } = read(bytes)
    expect(records.map((one) => new TextDecoder().decode(one))).toEqual(
      Array.from({ length: 3 }, () => new TextDecoder().decode(text)),
    )
  })

  it.each([
    ['snappy', SNAPPY, [3, 255, 1]],
    ['snappy that says four gigabytes', SNAPPY, [0xff, 0xff, 0xff, 0xff, 0x0f, 0]],
    ['zstd', ZSTD, [1, 2, 3]],
    ['both', SNAPPY | ZSTD, [1]],
    ['a flag that nobody knows', 32, [1]],
  ])('are corrupt where they are not what they say: %s', (_, flags, data) => {
    const { bytes } = writeSegment([{ bytes: Uint8Array.from(data), flags }])
    expect(errorOf(() => read(bytes))).toBeInstanceOf(CorruptError)
  })

  it.each([
    ['a record that goes on without a beginning', (bytes: Uint8Array) => bytes.fill(4, 0, 1)],
    ['a beginning without an end', (bytes: Uint8Array) => bytes.fill(2, 0, 1)],
    ['an unknown type', (bytes: Uint8Array) => bytes.fill(5, 0, 1)],
    ['another byte', (bytes: Uint8Array) => bytes.fill(77, 9, 10)],
    ['something in the padding', (bytes: Uint8Array) => bytes.fill(1, 2000, 2001)],
    ['a length beyond the page', (bytes: Uint8Array) => bytes.fill(0xff, 1, 2)],
  ])('are corrupt: %s', (_, change) => {
    const { bytes } = writeSegment([{ bytes: recordOf(20) }, { bytes: recordOf(30) }])
    expect(errorOf(() => read(change(padded(bytes))))).toBeInstanceOf(CorruptError)
  })

  it('of one that ended in a page before must not begin where no header fits', () => {
    const { bytes } = writeSegment([{ bytes: recordOf(PAGE_BYTES - 10) }])
    expect(errorOf(() => read(Uint8Array.of(...bytes, 1, 0)))).toBeInstanceOf(CorruptError)
  })
})

describe('a segment that grows', () => {
  /** Where reading may stand: behind a record, or behind the padding that followed it. */
  const stands = (size: number): number =>
    SEGMENT.ends.reduce((best, end) => (end <= size ? end : best), 0)

  it('is whole up to its last whole record, wherever it is cut', () => {
    for (let size = 0; size <= SEGMENT.bytes.length; size += size % PAGE_BYTES < 600 ? 1 : 97) {
      const { records, end } = read(SEGMENT.bytes.subarray(0, size))
      expect(records).toHaveLength(SEGMENT.ends.filter((one) => one <= size).length)
      expect(end).toBeGreaterThanOrEqual(stands(size))
      expect(end - stands(size)).toBeLessThan(7)
    }
  })

  it.each([1, 6, 7, 100, 4096, 32_767, 32_768, 50_001])(
    'gives each record once when it grows by %i bytes',
    (step) => {
      const records: Uint8Array[] = []
      let offset = 0
      let sizes = 0
      // With small steps, a record over pages would be looked at tens of thousands of times.
      const whole = step < 100 ? SEGMENT.bytes.subarray(0, 3000) : SEGMENT.bytes
      for (let size = 0; size < whole.length; sizes++) {
        size = Math.min(size + step, whole.length)
        const more = read(whole.subarray(offset, size), offset)
        records.push(...more.records)
        expect(more.end).toBeGreaterThanOrEqual(offset)
        offset = more.end
      }
      expect(sizes).toBe(Math.ceil(whole.length / step))
      expect(records).toEqual(RECORDS.slice(0, step < 100 ? 2 : RECORDS.length))
    },
  )

  it('is not corrupt while only a part of its padding is there', () => {
    const { bytes, ends } = writeSegment([{ bytes: recordOf(20) }])
    const page = padded(bytes)
    for (const size of [28, 500, PAGE_BYTES - 1]) {
      expect(read(page.subarray(0, size)).end).toBe(ends[0])
    }
    expect(read(page.subarray(ends[0]), ends[0])).toEqual({ records: [], end: PAGE_BYTES })
  })
})

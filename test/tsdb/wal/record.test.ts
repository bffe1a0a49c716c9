/** What records say that no golden log has. */
import { describe, expect, it } from 'vitest'
import { CorruptError } from '#lib/model/errors.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { decodeRecord, type SamplesRecord } from '#lib/tsdb/wal/record.ts'
import { errorOf } from '../../bytes/error-of.ts'

function record(type: number, fill: (out: ByteWriter) => void = () => undefined): Uint8Array {
  const out = new ByteWriter()
  out.uint8(type)
  fill(out)
  return out.bytes().slice()
}

function labels(out: ByteWriter, ...texts: string[]): void {
  out.uvarint(texts.length / 2)
  for (const text of texts) out.string(text)
}

describe('a record', () => {
  it.each([0, 14, 99, 255])('of unknown type %i is left to newer readers', (type) => {
    expect(decodeRecord(record(type, (out) => out.uint32(7)))).toBeUndefined()
  })

  it('of nothing says nothing', () => {
    expect(decodeRecord(new Uint8Array(0))).toBeUndefined()
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])('of type %i may have no rows', (type) => {
    expect(decodeRecord(record(type))!.refs).toHaveLength(0)
  })

  it('of series has their labels in order, without empty ones', () => {
    const bytes = record(1, (out) => {
      out.uint64(2 ** 40 + 1)
      labels(out, '__name__', 'up', 'job', 'ü😀')
      out.uint64(3)
      labels(out, 'z', '1', 'a', '', 'b', '2')
    })
    expect(decodeRecord(bytes)).toEqual({
      type: 'series',
      refs: [2 ** 40 + 1, 3],
      labels: [
        ['__name__', 'up', 'job', 'ü😀'],
        ['b', '2', 'z', '1'],
      ],
    })
  })

  it('of tombstones has closed intervals', () => {
    const bytes = record(3, (out) => {
      out.uint64(9)
      out.varint(-5)
      out.varint(1_700_000_000_000)
    })
    expect(decodeRecord(bytes)).toEqual({
      type: 'tombstones',
      refs: [9],
      minTimes: [-5],
      maxTimes: [1_700_000_000_000],
    })
  })

  it('of tombstones says that a series left the head, by all of int64', () => {
    const bytes = record(3, (out) => {
      out.uint64(9)
      for (const first of [0xff, 0xfe]) {
        out.uint8(first)
        for (let i = 0; i < 8; i++) out.uint8(0xff)
        out.uint8(1)
      }
    })
    expect(decodeRecord(bytes)).toMatchObject({ minTimes: [-Infinity], maxTimes: [Infinity] })
    const other = bytes.slice()
    other[11] = 0xfe
    expect(errorOf(() => decodeRecord(other))).toBeInstanceOf(CorruptError)
  })

  it('of exemplars has labels of its own', () => {
    const bytes = record(4, (out) => {
      out.uint64(9)
      out.uint64(1000)
      for (const delta of [0, -4]) {
        out.varint(delta)
        out.varint(delta * 10)
        out.float64(delta / 8)
        labels(out, 'trace_id', `t${delta}`)
      }
    })
    expect(decodeRecord(bytes)).toEqual({
      type: 'exemplars',
      refs: Float64Array.of(9, 5),
      timestamps: Float64Array.of(1000, 960),
      values: Float64Array.of(0, -0.5),
      labels: [
        ['trace_id', 't0'],
        ['trace_id', 't-4'],
      ],
    })
  })

  it('of markers has places of chunks', () => {
    const bytes = record(5, (out) => {
      out.uint64(9)
      out.uint64(2 ** 32 + 8)
    })
    expect(decodeRecord(bytes)).toEqual({ type: 'mmap-markers', refs: [9], chunks: [2 ** 32 + 8] })
  })

  it('of metadata passes over fields that came later', () => {
    const bytes = record(6, (out) => {
      for (const type of [1, 4, 200]) {
        out.uvarint(300 + type)
        out.uint8(type)
        out.uvarint(3)
        for (const text of ['HELP', 'what it is', 'COLOUR', 'blue', 'UNIT', 'seconds']) {
          out.string(text)
        }
      }
    })
    expect(decodeRecord(bytes)).toEqual({
      type: 'metadata',
      refs: [301, 304, 500],
      metricTypes: ['counter', 'gaugehistogram', 'unknown'],
      units: ['seconds', 'seconds', 'seconds'],
      helps: ['what it is', 'what it is', 'what it is'],
    })
  })

  it('has timestamps before 1970', () => {
    const bytes = record(2, (out) => {
      out.uint64(1)
      out.uint32(0xffff_ffff)
      out.uint32(0xffff_fffe)
      out.varint(0)
      out.varint(-8)
      out.float64(1)
    })
    expect((decodeRecord(bytes) as SamplesRecord).timestamps).toEqual(Float64Array.of(-10))
  })

  it.each([
    ['a series below 0', 1, -2, 0],
    ['a time beyond 2^53', 1, 0, 2 ** 53 - 1],
  ])('of %s is corrupt', (_, ref, refDelta, timeDelta) => {
    const bytes = record(2, (out) => {
      out.uint64(ref)
      out.uint64(5)
      out.varint(refDelta)
      out.varint(timeDelta)
      out.float64(1)
    })
    expect(errorOf(() => decodeRecord(bytes))).toBeInstanceOf(CorruptError)
  })
})

/** An integer histogram with four buckets from 3 on, counts 1, 2, 3, 4. */
function histogram(out: ByteWriter, schema: number, hint = 2, bounds: number[] = []): void {
  out.varint(0)
  out.varint(0)
  out.uint8(hint)
  out.varint(schema)
  out.float64(0.5)
  out.uvarint(0)
  out.uvarint(10)
  out.float64(7.5)
  out.uvarint(1)
  out.varint(3)
  out.uvarint(4)
  out.uvarint(0)
  out.uvarint(4)
  for (let i = 0; i < 4; i++) out.varint(1)
  out.uvarint(0)
  if (schema !== -53) return
  out.uvarint(bounds.length)
  for (const bound of bounds) out.float64(bound)
}

function histograms(...rows: ((out: ByteWriter) => void)[]): SamplesRecord {
  const bytes = record(7, (out) => {
    out.uint64(6)
    out.uint64(1000)
    for (const row of rows) row(out)
  })
  return decodeRecord(bytes) as SamplesRecord
}

describe('a record of histograms', () => {
  it('shares the layouts of rows that have the same buckets', () => {
    const { histograms: column, values } = histograms(
      (out) => histogram(out, 0),
      (out) => histogram(out, 0),
      (out) => histogram(out, 1),
      (out) => histogram(out, -53, 2, [1, 2]),
      (out) => histogram(out, -53, 2, [1, 2]),
      (out) => histogram(out, -53, 2, [1, 3]),
    )
    const { layouts } = column!
    expect([...values]).toEqual([7.5, 7.5, 7.5, 7.5, 7.5, 7.5])
    expect(layouts[1]).toBe(layouts[0])
    expect(layouts[4]).toBe(layouts[3])
    expect(new Set(layouts.slice(0, 6)).size).toBe(4)
    expect(layouts.slice(0, 6).map((layout) => [layout!.schema, ...layout!.customValues])).toEqual([
      [0],
      [0],
      [1],
      [-53, 1, 2],
      [-53, 1, 2],
      [-53, 1, 3],
    ])
    for (const one of column!.list(6)) expect([...one!.positiveBuckets]).toEqual([1, 2, 3, 4])
  })

  it('is made coarser where its schema is finer than any that is computed with', () => {
    const one = histograms((out) => histogram(out, 9)).histograms!.at(0)!
    expect([one.schema, ...one.positiveBuckets]).toEqual([8, 3, 7])
    expect(one.positiveSpans).toEqual([{ offset: 2, length: 2 }])
  })

  it('leaves out rows of schemas that nobody knows', () => {
    const { refs, histograms: column } = histograms(
      (out) => histogram(out, 60),
      (out) => histogram(out, 2),
    )
    expect(refs).toHaveLength(1)
    expect(column!.at(0)!.schema).toBe(2)
  })

  it.each([
    ['an unknown hint', (out: ByteWriter) => histogram(out, 0, 4)],
    [
      'more bounds than bytes',
      (out: ByteWriter) => {
        histogram(out, -53, 0)
        out.patchUint32(out.length - 4, 0xffff_ff7f)
      },
    ],
  ])('is corrupt with %s', (_, row) => {
    expect(errorOf(() => histograms(row))).toBeInstanceOf(CorruptError)
  })
})

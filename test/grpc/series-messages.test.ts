// Frames of series, written out by hand on both ways, against proto/store.proto.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packHints, seriesResponseHints } from '#lib/grpc/hints-messages.ts'
import {
  decodeSeriesResponse,
  encodeHints,
  encodeSeriesResponse,
  encodeWarning,
  SeriesFrameWriter,
  type Series,
  type SeriesResponse,
} from '#lib/grpc/series-messages.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { FLOAT_HISTOGRAM, HISTOGRAM, XOR } from '#lib/tsdb/chunk/chunk.ts'
import { errorOf, isCorruptOrNone } from '../bytes/error-of.ts'
import { fullMessage, loadProto, plain } from './proto-files.ts'

const type = loadProto('store').lookupType('thanos.SeriesResponse')

const data = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)

const raw: Series = {
  labels: ['__name__', 'up', 'job', 'nöde'],
  chunks: [
    { minTimeMs: -5, maxTimeMs: 1_700_000_000_000, raw: { encoding: XOR, data: data(1, 2) } },
    { minTimeMs: 0, maxTimeMs: 0, raw: { encoding: HISTOGRAM, data: new Uint8Array(300) } },
  ],
}

const aggregated: Series = {
  labels: ['__name__', 'up', 'job', 'z'],
  chunks: [
    {
      minTimeMs: 1,
      maxTimeMs: 2,
      count: { encoding: XOR, data: data(1) },
      sum: { encoding: XOR, data: data(2) },
      min: { encoding: XOR, data: data(3) },
      max: { encoding: XOR, data: data(4) },
      counter: { encoding: FLOAT_HISTOGRAM, data: data(5) },
    },
  ],
}

describe('by the .proto file', () => {
  it.each([0, 1, 2, 3])('choice %i of what a frame may be is kept but for hashes', (choice) => {
    const bytes = type.encode(type.fromObject(fullMessage(type, choice))).finish()
    const again = plain(type, encodeSeriesResponse(decodeSeriesResponse(bytes)))
    expect(again).toEqual(withoutHashes(plain(type, bytes)))
  })

  it('is what protobufjs reads', () => {
    expect(plain(type, encodeSeriesResponse({ series: [raw] }))).toEqual({
      series: {
        labels: [
          { name: '__name__', value: 'up' },
          { name: 'job', value: 'nöde' },
        ],
        chunks: [
          { minTime: -5, maxTime: 1_700_000_000_000, raw: { data: expect.anything() } },
          { minTime: 0, maxTime: 0, raw: { type: 'HISTOGRAM', data: expect.anything() } },
        ],
      },
    })
  })
})

function withoutHashes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutHashes)
  if (value === null || typeof value !== 'object') return value
  const kept = Object.entries(value).filter(([key]) => key !== 'hash')
  return Object.fromEntries(kept.map(([key, part]) => [key, withoutHashes(part)]))
}

describe('both ways', () => {
  it.each<[string, SeriesResponse]>([
    ['one series', { series: [raw] }],
    ['a batch', { series: [raw, aggregated, { labels: ['a', 'b'], chunks: [] }] }],
    ['a warning', { series: [], warning: 'half of it' }],
    ['an empty warning', { series: [], warning: '' }],
    ['hints', { series: [], hints: packHints(seriesResponseHints, { queriedBlocks: [] }) }],
  ])('%s', (_, response) => {
    expect(decodeSeriesResponse(encodeSeriesResponse(response))).toEqual(response)
  })

  it('writes what a frame says about no series', () => {
    expect(decodeSeriesResponse(encodeWarning('ü'))).toEqual({ series: [], warning: 'ü' })
    const hints = { typeUrl: 'type', value: data(1, 2, 3) }
    expect(decodeSeriesResponse(encodeHints(hints))).toEqual({ series: [], hints })
  })

  it('shares the bytes of chunks with the frame', () => {
    const frame = encodeSeriesResponse({ series: [raw] })
    const [chunk] = decodeSeriesResponse(frame).series[0]!.chunks
    expect(chunk!.raw!.data.buffer).toBe(frame.buffer)
  })
})

describe('SeriesFrameWriter', () => {
  function write(frames: SeriesFrameWriter, series: Series): void {
    frames.beginSeries(series.labels)
    for (const { minTimeMs, maxTimeMs, raw } of series.chunks) {
      frames.beginChunk(minTimeMs, maxTimeMs)
      if (raw) frames.part('raw', raw.encoding, raw.data)
      frames.endChunk()
    }
    frames.endSeries()
  }

  it.each([
    [0, 1],
    [1, 1],
    [2, 2],
    [64, 64],
  ])('with a batch size of %i is full with %i', (batchSize, expected) => {
    const frames = new SeriesFrameWriter(batchSize)
    let count = 0
    for (; !frames.isFull; count++) write(frames, raw)
    expect(count).toBe(expected)
    const frame = frames.take()
    expect(decodeSeriesResponse(frame).series).toEqual(Array.from({ length: expected }, () => raw))
    expect('batch' in plain(type, frame)).toBe(expected > 1)
    expect([frames.isFull, frames.count]).toEqual([false, 0])
  })

  it('is full with a megabyte, and then large in the midst of a series too', () => {
    const frames = new SeriesFrameWriter(64)
    const huge = { encoding: XOR, data: new Uint8Array(400_000) }
    const chunks = [0, 1, 2].map((at) => ({ minTimeMs: at, maxTimeMs: at, raw: huge }))
    write(frames, { labels: ['a', 'b'], chunks: chunks.slice(0, 2) })
    expect([frames.isFull, frames.isLarge]).toEqual([false, false])
    write(frames, { labels: ['a', 'c'], chunks: chunks.slice(2) })
    expect([frames.isFull, frames.isLarge]).toEqual([true, true])
    expect(decodeSeriesResponse(frames.take()).series.map(({ chunks }) => chunks.length)).toEqual([
      2, 1,
    ])
  })

  it('gives frames that later ones do not touch', () => {
    const frames = new SeriesFrameWriter(1)
    write(frames, raw)
    const first = frames.take()
    const copy = first.slice()
    write(frames, aggregated)
    frames.take()
    expect(first).toEqual(copy)
  })
})

describe('bad bytes', () => {
  const frame = encodeSeriesResponse({ series: [raw, aggregated] })

  it('throws CorruptError at every cut', () => {
    for (let end = 1; end < frame.length; end++) {
      expect(errorOf(() => decodeSeriesResponse(frame.subarray(0, end)))).toBeInstanceOf(
        CorruptError,
      )
    }
  })

  it('throws nothing else for damage', () => {
    fc.assert(
      fc.property(fc.nat({ max: frame.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const damaged = frame.slice()
        damaged[at] = value
        expect(errorOf(() => decodeSeriesResponse(damaged))).toSatisfy(isCorruptOrNone)
      }),
      { numRuns: 3000 },
    )
  })

  it('says which chunk type it does not know', () => {
    const bytes = encodeSeriesResponse({
      series: [
        {
          labels: [],
          chunks: [{ minTimeMs: 0, maxTimeMs: 0, raw: { encoding: 9, data: data() } }],
        },
      ],
    })
    expect(() => decodeSeriesResponse(bytes)).toThrow('SeriesResponse: chunk type 8 at byte')
  })

  it('refuses a series that outgrows its frame', () => {
    expect(() => decodeSeriesResponse(data(0x0a, 5, 0x0a, 0))).toThrow(
      'SeriesResponse: 5 bytes wanted, 2 left at byte 2',
    )
    expect(() => decodeSeriesResponse(data(0x0a, 3, 0x0a, 2, 0x0a, 0))).toThrow(CorruptError)
  })
})

/** BlockWriter, segments, meta.json and tombstones. */
import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { type BlockMeta, formatBlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { SegmentWriter } from '#lib/tsdb/block/segment-writer.ts'
import { parseTombstones, writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import { readChunk } from '#lib/tsdb/chunk/chunk-frame.ts'

const ULID = '01HF00000000000000000000AA'

function ramp(length: number): SampleColumns {
  const timestamps = Float64Array.from({ length }, (_, i) => i * 1000)
  return { length, timestamps, values: timestamps.map((t) => t / 7) }
}

/** A sink that also notes in which order files came. */
function sink(): {
  write: (file: string, bytes: Uint8Array) => void
  order: string[]
  files: Map<string, Uint8Array>
} {
  const order: string[] = []
  const files = new Map<string, Uint8Array>()
  const write = (file: string, bytes: Uint8Array): void => {
    if (order.at(-1) !== file) order.push(file)
    files.set(file, new Uint8Array(Buffer.concat([files.get(file) ?? new Uint8Array(0), bytes])))
  }
  return { write, order, files }
}

describe('BlockWriter', () => {
  it('gives away chunk files one after the other, then the index', () => {
    const { write, order, files } = sink()
    const writer = new BlockWriter({ write, segmentSize: 2000, pieceSize: 100 })
    for (let i = 0; i < 9; i++) writer.addSeries(labelsFrom({ i: String(i) }), ramp(100))
    const written = writer.finish({ ulid: ULID, minTimeMs: 0, maxTimeMs: 7_200_000 })
    const segments = order.filter((name) => name.startsWith('chunks/'))
    expect(segments.length).toBeGreaterThan(2)
    expect(order).toEqual([...segments.toSorted(), 'index'])
    expect(written.files).toEqual(order.map((path) => ({ path, size: files.get(path)!.length })))
    expect(Math.max(...segments.map((name) => files.get(name)!.length))).toBeLessThanOrEqual(2000)
  })

  it('cuts chunks of at most 120 samples and nearly equal length', () => {
    const { write, files } = sink()
    const writer = new BlockWriter({ write })
    writer.addSeries(labelsFrom({ a: 'b' }), ramp(250))
    const { meta } = writer.finish({ ulid: ULID, minTimeMs: 0, maxTimeMs: 250_000 })
    files.set('meta.json', new TextEncoder().encode(formatBlockMeta(meta)))
    const reader = new BlockReader((name) => files.get(name))
    const [series] = [...reader.index.allSeries()]
    const counts = series!.chunks.map((one) => reader.chunk(one).data[1])
    expect(counts).toEqual([83, 83, 84])
    expect(reader.samples(series!)).toEqual(ramp(250))
    expect([...reader.samples(series!, 100_000, 101_000).timestamps]).toEqual([100_000, 101_000])
  })

  it('describes a level 1 block that is its own source', () => {
    const writer = new BlockWriter({ write: () => undefined })
    writer.addSeries(labelsFrom({ a: 'b' }), ramp(250))
    const { meta, indexStats } = writer.finish({ ulid: ULID, minTimeMs: 0, maxTimeMs: 250_000 })
    expect(meta).toEqual({
      ulid: ULID,
      minTime: 0,
      maxTime: 250_000,
      stats: {
        numSamples: 250,
        numFloatSamples: 250,
        numHistogramSamples: 0,
        numSeries: 1,
        numChunks: 3,
      },
      compaction: { level: 1, sources: [ULID] },
      version: 1,
    })
    expect(indexStats.series_max_size).toBeGreaterThan(20)
    expect(indexStats.chunk_max_size).toBeGreaterThan(100)
  })

  it('rejects series out of order at once', () => {
    const writer = new BlockWriter({ write: () => undefined })
    writer.addSeries(['a', 'b'], ramp(1))
    expect(() => writer.addSeries(['a', 'a'], ramp(1))).toThrow('series ["a","a"] is out of order')
  })

  it('leaves out series without samples', () => {
    const writer = new BlockWriter({ write: () => undefined })
    writer.addSeries(['a', 'b'], ramp(0))
    expect(writer.seriesCount).toBe(0)
  })
})

describe('SegmentWriter', () => {
  it('puts a chunk larger than a segment into one of its own', () => {
    const { write, files } = sink()
    const writer = new SegmentWriter({ write, segmentSize: 100, firstSegment: 4 })
    const places = new ChunkPlaces()
    for (const size of [30, 200, 30]) {
      const data = new Uint8Array(size)
      writer.add({ minTimeMs: 0, maxTimeMs: 1, encoding: 1, data }, places)
    }
    expect([...places.segments.subarray(0, 3)]).toEqual([4, 5, 6])
    expect([...places.offsets.subarray(0, 3)]).toEqual([8, 8, 8])
    expect(writer.finish()).toEqual([
      { path: 'chunks/000005', size: 44 },
      { path: 'chunks/000006', size: 215 },
      { path: 'chunks/000007', size: 44 },
    ])
    expect(writer.maxChunkSize).toBe(207)
    expect(readChunk(files.get('chunks/000006')!, 8).end).toBe(215)
  })
})

describe('SegmentWriter of few files', () => {
  it('goes on in the last of them, whatever its size', () => {
    const { write } = sink()
    const writer = new SegmentWriter({ write, segmentSize: 100, firstSegment: 2, maxSegments: 2 })
    const places = new ChunkPlaces()
    for (let i = 0; i < 6; i++) {
      writer.add({ minTimeMs: 0, maxTimeMs: 1, encoding: 1, data: new Uint8Array(40) }, places)
    }
    expect([...places.segments.subarray(0, 6)]).toEqual([2, 3, 3, 3, 3, 3])
    expect(writer.finish().map(({ path }) => path)).toEqual(['chunks/000003', 'chunks/000004'])
  })
})

describe('meta.json', () => {
  const thanos: BlockMeta = {
    ulid: ULID,
    minTime: 1,
    maxTime: 2,
    stats: { numSamples: 3, numSeries: 1, numChunks: 1 },
    compaction: { level: 2, sources: [ULID], parents: [{ ulid: ULID, minTime: 1, maxTime: 2 }] },
    version: 1,
    thanos: {
      version: 1,
      labels: { cluster: 'eu', replica: '0' },
      downsample: { resolution: 300_000 },
      source: 'sidecar',
      segment_files: ['000001'],
      files: [{ rel_path: 'index', size_bytes: 7 }, { rel_path: 'meta.json' }],
      index_stats: { series_max_size: 9 },
      upload_time: '2026-01-02T03:04:05Z',
    },
  }

  it('comes back, with keys that thaw does not know', () => {
    const more = { ...thanos, x: [1], thanos: { ...thanos.thanos!, y: { z: 1 } } }
    expect(parseBlockMeta(formatBlockMeta(more))).toEqual(more)
  })

  it('takes the upload time of year 1 for none', () => {
    const text = formatBlockMeta(thanos).replace('2026-01-02T03:04:05Z', '0001-01-01T00:00:00Z')
    expect(parseBlockMeta(text).thanos!.upload_time).toBeUndefined()
  })

  it('takes what is missing for what Go takes it for', () => {
    expect(
      parseBlockMeta(`{"ulid":"${ULID}","minTime":1,"maxTime":2,"version":1,"thanos":{}}`),
    ).toEqual({
      ulid: ULID,
      minTime: 1,
      maxTime: 2,
      stats: { numSamples: 0, numSeries: 0, numChunks: 0 },
      compaction: { level: 0, sources: [] },
      version: 1,
      thanos: { labels: {}, downsample: { resolution: 0 }, source: '' },
    })
  })

  it('rejects other versions as unsupported', () => {
    expect(() => parseBlockMeta('{"version":2}')).toThrow('meta.json of version 2')
    const text = formatBlockMeta({ ...thanos, thanos: { ...thanos.thanos!, version: 2 } })
    expect(() => parseBlockMeta(text)).toThrow('thanos section of version 2')
  })

  it('names the field that is wrong', () => {
    const broken =
      (change: object): (() => unknown) =>
      () =>
        parseBlockMeta(JSON.stringify({ ...thanos, ...change }))
    expect(() => parseBlockMeta('{')).toThrow('meta.json is not JSON')
    expect(() => parseBlockMeta('[]')).toThrow('meta.json has no valid object')
    expect(broken({ version: 'x' })).toThrow('meta.json has no valid version')
    expect(broken({ ulid: 'x' })).toThrow('meta.json has no valid ulid')
    expect(broken({ minTime: 1.5 })).toThrow('meta.json has no valid minTime')
    expect(broken({ thanos: { labels: { a: 1 } } })).toThrow(
      'meta.json has no valid thanos.labels.a',
    )
  })
})

describe('tombstones', () => {
  it('of a block where nothing was deleted are nine bytes', () => {
    const bytes = writeTombstones(new Map())
    expect(Buffer.from(bytes).toString('hex')).toBe('0130ba300100000000')
    expect(parseTombstones(bytes)).toEqual(new Map())
  })

  it('hide samples from the reader', () => {
    const { write, files } = sink()
    const writer = new BlockWriter({ write })
    writer.addSeries(labelsFrom({ a: 'b' }), ramp(5))
    const { meta } = writer.finish({ ulid: ULID, minTimeMs: 0, maxTimeMs: 5000 })
    files.set('meta.json', new TextEncoder().encode(formatBlockMeta(meta)))
    const [id] = new BlockReader((name) => files.get(name)).index.allPostings()
    files.set(
      'tombstones',
      writeTombstones(new Map([[id!, [{ minTimeMs: 1000, maxTimeMs: 2000 }]]])),
    )
    const reader = new BlockReader((name) => files.get(name))
    expect([...reader.samples(reader.index.series(id!)).timestamps]).toEqual([0, 3000, 4000])
  })
})

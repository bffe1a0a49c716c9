/** What compaction makes of blocks that no writer should have written. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { compactBlocks } from '#lib/compact/compact-blocks.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { Labels } from '#lib/model/labels.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { SegmentWriter } from '#lib/tsdb/block/segment-writer.ts'
import { decodeChunk, type ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import {
  customBucketSeries,
  histogramSeries,
  WRITTEN_START_MS,
} from '#test/e2e/support/written-series.ts'
import { noise } from '#test/e2e/support/noise.ts'
import { readBlock } from '#test/rewrite/block-contents.ts'
import { columns, labels, putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { uncheckedIndex } from '#test/verify/unchecked-index.ts'

const MADE = testId(900)
const END_MS = 10_000

interface WrongSeries {
  readonly labels: Labels
  /** In the order of the index and of the file. `wrongBy`: how much earlier the index says it is. */
  readonly chunks: readonly { readonly chunk: ReadyChunk; readonly wrongBy: number }[]
}

async function putWrong(bucket: Bucket, id: string, series: readonly WrongSeries[]): Promise<void> {
  const files = new Map<string, Uint8Array[]>()
  const segments = new SegmentWriter({
    write: (file, bytes) => void files.set(file, [...(files.get(file) ?? []), bytes]),
    segmentSize: 2000,
  })
  const places = new ChunkPlaces()
  const entries = series.map(({ labels: own, chunks }) => {
    const metas = chunks.map(({ chunk, wrongBy }): ChunkMeta => {
      places.clear()
      segments.add(chunk, places)
      return {
        minTimeMs: chunk.minTimeMs - wrongBy,
        maxTimeMs: chunk.maxTimeMs - wrongBy,
        segment: places.segments[0]!,
        offset: places.offsets[0]!,
      }
    })
    return { labels: own, chunks: metas }
  })
  segments.finish()
  for (const [file, pieces] of files) await bucket.put(`${id}/${file}`, Buffer.concat(pieces))
  await bucket.put(`${id}/index`, uncheckedIndex({ series: entries }))
  const meta = formatBlockMeta({
    ulid: id,
    minTime: 0,
    maxTime: END_MS,
    stats: { numSamples: 1, numSeries: series.length, numChunks: 1 },
    compaction: { level: 1, sources: [id] },
    version: 1,
    thanos: { labels: { cluster: 'a' }, downsample: { resolution: 0 }, source: 'sidecar' },
  })
  await bucket.put(`${id}/meta.json`, new TextEncoder().encode(meta))
}

async function compactAll(bucket: Bucket): Promise<BlockReader> {
  const { blocks } = await scanBlocks(bucket, new Map())
  await compactBlocks({ bucket, blocks, ulid: MADE, now: () => 0, pieceBytes: 4096 })
  return readBlock(bucket, MADE)
}

/** Samples by labels; and each chunk is where and when the index says. */
function samplesOf(block: BlockReader): Map<string, [number, number][]> {
  const found = new Map<string, [number, number][]>()
  for (const series of block.index.allSeries()) {
    let lastMs = -Infinity
    for (const place of series.chunks) {
      const builder = new ColumnBuilder()
      const { encoding, data } = block.chunk(place)
      decodeChunk(encoding, data, builder)
      const { timestamps, length } = builder
      expect([place.minTimeMs, place.maxTimeMs]).toEqual([timestamps[0], timestamps[length - 1]])
      expect(place.minTimeMs).toBeGreaterThan(lastMs)
      lastMs = place.maxTimeMs
    }
    const { length, timestamps, values } = block.samples(series)
    found.set(
      series.labels.join(' '),
      Array.from({ length }, (_, i) => [timestamps[i]!, values[i]!]),
    )
  }
  return found
}

const chunk = fc
  .record({
    times: fc.uniqueArray(fc.integer({ min: -200, max: END_MS + 200 }), {
      minLength: 1,
      maxLength: 40,
    }),
    wrongBy: fc.constantFrom(0, 0, 0, 7, -300),
    copies: fc.constantFrom(1, 1, 1, 2),
  })
  .map(({ times, wrongBy, copies }) => {
    const sorted = times.sort((a, b) => a - b)
    const [made] = encodeChunks(columns(sorted.map((t) => [t, valueAt(t)])))
    return { sorted, chunks: Array.from({ length: copies }, () => ({ chunk: made!, wrongBy })) }
  })

function valueAt(t: number): number {
  return t * 3 + 1
}

describe('compaction of blocks that are wrong', () => {
  it('sorts chunks, keeps what is there twice once, at its true times, and cuts it to the block', async () => {
    const series = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.array(chunk, { minLength: 1, maxLength: 8 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(series, { minLength: 1, maxLength: 3 }), async (blocks) => {
        const bucket = memoryBucket()
        const wanted = new Map<string, Set<number>>()
        for (const [i, byName] of blocks.entries()) {
          const wrong = Object.entries(byName)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, chunks]): WrongSeries => {
              const times = wanted.get(name) ?? new Set()
              wanted.set(name, times)
              for (const { sorted } of chunks) {
                for (const t of sorted) if (t >= 0 && t < END_MS) times.add(t)
              }
              return {
                labels: labels({ __name__: name }),
                chunks: chunks.flatMap((one) => one.chunks),
              }
            })
          await putWrong(bucket, testId(i + 1), wrong)
        }
        const { blocks: records } = await scanBlocks(bucket, new Map())
        const made = await compactBlocks({
          bucket,
          blocks: records,
          ulid: MADE,
          now: () => 0,
          pieceBytes: 300,
        })
        const found = made ? samplesOf(await readBlock(bucket, MADE)) : new Map()
        const expected = [...wanted]
          .filter(([, times]) => times.size > 0)
          .map(([name, times]) => [
            `__name__ ${name}`,
            [...times].sort((a, b) => a - b).map((t) => [t, valueAt(t)]),
          ])
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected))
        expect(made?.stats.numSamples ?? 0).toBe([...found.values()].flat().length)
      }),
      { numRuns: 40 },
    )
  }, 120_000)

  it.each([
    ['out of order', ['b', 'a']],
    ['there twice', ['a', 'a']],
  ])('names the block whose series are %s', async (_, names) => {
    const bucket = memoryBucket()
    const [made] = encodeChunks(columns([[1, 1]]))
    const series = names.map((name) => ({
      labels: labels({ __name__: name }),
      chunks: [{ chunk: made!, wrongBy: 0 }],
    }))
    await putWrong(bucket, testId(1), series)
    await putBlock(bucket, { id: testId(2), minTimeMs: 0, maxTimeMs: END_MS, series: [] })
    await expect(compactAll(bucket)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining(`${testId(1)}/index`) as string,
    })
  })

  it.each(['a chunk of no samples', 'a chunk of one byte'])(
    'names the block with %s',
    async (what) => {
      const bucket = memoryBucket()
      const data = what.endsWith('byte') ? Uint8Array.of(1) : Uint8Array.of(0, 0, 0)
      const broken = { minTimeMs: 5, maxTimeMs: 6, encoding: 1, data }
      await putWrong(bucket, testId(1), [
        { labels: labels({ a: 'b' }), chunks: [{ chunk: broken, wrongBy: 0 }] },
      ])
      await expect(compactAll(bucket)).rejects.toMatchObject({
        kind: 'corrupt',
        message: expect.stringContaining(testId(1)) as string,
      })
    },
  )

  it('takes series with more labels than are read at once', async () => {
    const bucket = memoryBucket()
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [`label_${i}`, `value ${i} ${'x'.repeat(i % 50)}`]),
    )
    const all = ['a', 'b', 'c'].map((name) => ({
      labels: labels({ __name__: name, ...many }),
      samples: columns([[1, 1]]),
    }))
    await putBlock(bucket, { id: testId(1), minTimeMs: 0, maxTimeMs: END_MS, series: all })
    await putBlock(bucket, { id: testId(2), minTimeMs: 0, maxTimeMs: END_MS, series: all.slice(1) })
    const found = [...(await compactAll(bucket)).index.allSeries()]
    expect(found.map((series) => series.labels)).toEqual(all.map((series) => series.labels))
  })
})

describe('native histograms', () => {
  const endMs = WRITTEN_START_MS + 2 * 3_600_000
  const all = [
    ...histogramSeries(WRITTEN_START_MS, endMs, true),
    ...customBucketSeries(WRITTEN_START_MS, endMs, true),
  ]

  it('of all kinds are what they were, when parts of them lie in several blocks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.nat({ max: 1000 }),
        async (count, seed) => {
          const bucket = memoryBucket()
          for (let block = 0; block < count; block++) {
            const series = all.map((one, i) =>
              partOf(one, (n) => noise(seed + i, n >> 3) * count < block + 1),
            )
            await putBlock(bucket, {
              id: testId(block + 1),
              minTimeMs: WRITTEN_START_MS,
              maxTimeMs: endMs,
              series,
            })
          }
          const made = await compactAll(bucket)
          for (const series of made.index.allSeries()) {
            const before = all.find((one) => one.labels.join() === series.labels.join())!
            expect(JSON.stringify(shapesOf(made.samples(series)))).toBe(
              JSON.stringify(shapesOf(before.samples)),
            )
          }
          expect(made.meta.stats.numSeries).toBe(all.length)
        },
      ),
      { numRuns: 4 },
    )
  }, 120_000)
})

function partOf({ labels: own, samples }: TestSeries, isIn: (n: number) => boolean): TestSeries {
  const { length, timestamps, values, histograms } = samples
  const list = histograms!.list(length)
  const kept = Array.from({ length }, (_, n) => n).filter((n) => isIn(n))
  return {
    labels: own,
    samples: {
      length: kept.length,
      timestamps: Float64Array.from(kept, (n) => timestamps[n]!),
      values: Float64Array.from(kept, (n) => values[n]!),
      histograms: HistogramColumn.of(kept.map((n) => list[n])),
    },
  }
}

/** All but what is said of the sample before. */
function shapesOf({ length, timestamps, values, histograms }: SampleColumns): unknown[] {
  const list = histograms?.list(length) ?? []
  return Array.from({ length }, (_, i) => {
    const one = list[i]
    if (!one || isStale(values, i)) return [timestamps[i], values[i]]
    const isGauge = one.counterResetHint === 'gauge'
    const buckets = (spans: typeof one.positiveSpans, counts: Float64Array): string => {
      const filled: string[] = []
      let index = 0
      let at = 0
      for (const { offset, length: size } of spans) {
        index += offset
        for (let n = 0; n < size; n++, index++, at++)
          if (counts[at] !== 0) filled.push(`${index}:${counts[at]}`)
      }
      return filled.join(' ')
    }
    return [
      timestamps[i],
      one.schema,
      one.count,
      one.sum,
      one.zeroThreshold,
      one.zeroCount,
      isGauge,
      [...one.customValues],
      buckets(one.positiveSpans, one.positiveBuckets),
      buckets(one.negativeSpans, one.negativeBuckets),
    ]
  })
}

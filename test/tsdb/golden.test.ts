/** Reads the golden blocks, compares with what their producers say, and writes them again byte for byte. */
import { rowLayout } from '#lib/model/row-layout.ts'
import { describe, expect, it } from 'vitest'
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from '#lib/model/histogram.ts'
import { labelsFrom, labelsKey, labelsToRecord } from '#lib/model/labels.ts'
import { isStale } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeHistograms } from '#lib/tsdb/chunk/histogram.ts'
import { encodeXor } from '#lib/tsdb/chunk/xor.ts'
import { type AnswerHistogram, type GoldenBlock, goldenBlock, goldenBlocks } from './golden.ts'
import { floatSeries, startedSeries } from '../data/made-series.ts'

describe.each(goldenBlocks())('the block of $producer', (golden) => {
  const reader = new BlockReader(golden.files)
  const all = [...reader.index.allSeries()]

  it('has the floats that went in, bit for bit', () => {
    for (const made of floatSeries()) {
      const key = labelsKey(labelsFrom(Object.fromEntries(made.labels)))
      const series = all.find(({ labels }) => labelsKey(labels) === key)!
      const { length, timestamps, values } = reader.samples(series)
      expect([...timestamps]).toEqual(made.samples.map(({ t }) => t))
      expect([...values]).toEqual(made.samples.map(({ v }) => v))
      expect(length).toBe(made.samples.length)
    }
  })

  it('counts in meta.json what is in it', () => {
    const { stats } = reader.meta
    let samples = 0
    for (const series of all) samples += reader.samples(series).length
    const chunks = all.reduce((sum, series) => sum + series.chunks.length, 0)
    expect([samples, all.length, chunks]).toEqual([
      stats.numSamples,
      stats.numSeries,
      stats.numChunks,
    ])
  })

  it('has label names, values and postings that lead to its series', () => {
    const { index } = reader
    const seen = new Set<string>()
    for (const name of index.labelNames()) {
      for (const value of index.labelValues(name)) {
        for (const id of index.postings(name, value)) {
          expect(labelsToRecord(index.series(id).labels)[name]).toBe(value)
          seen.add(`${id} ${name}`)
        }
      }
    }
    expect(seen.size).toBe(all.reduce((sum, { labels }) => sum + labels.length / 2, 0))
  })

  it('is encoded again to the same chunks', () => {
    for (const series of all) {
      for (const meta of series.chunks) {
        const { encoding, data } = reader.chunk(meta)
        if (encoding > 3) continue
        const builder = new ColumnBuilder()
        decodeChunk(encoding, data, builder)
        const { length, timestamps, values, histograms } = builder.columns()
        const shapes = histograms?.list(length) as readonly FloatHistogram[]
        const again =
          encoding === 1
            ? encodeXor(timestamps, values, 0, length)
            : encodeHistograms(
                encoding === 2 ? 'integer' : 'float',
                data[2]! >>> 6,
                rowLayout(shapes[0]!),
                timestamps,
                values,
                shapes,
              )
        expect(withoutTrailingZero(golden, again, data)).toEqual(data)
      }
    }
  })
})

const answered = goldenBlocks().filter(({ answer }) => answer !== undefined)

describe.each(answered)('the block of $producer', (golden) => {
  const reader = new BlockReader(golden.files)
  const all = [...reader.index.allSeries()]

  it('has exactly the samples that Prometheus answers', () => {
    const result = golden.answer!.data.result.map(({ metric, values = [], histograms = [] }) => ({
      metric,
      values: values.map(([t, v]) => [t, Number(v.replace('Inf', 'Infinity'))]),
      histograms: histograms.map(([t, histogram]) => [t, rounded(histogram)]),
    }))
    const names = new Set(result.map(({ metric }) => metric['__name__']))
    const asked = all.filter(({ labels }) => names.has(labels[1]))
    const ours = asked.map((series) => {
      const { length, timestamps, values, histograms } = reader.samples(series)
      const floats: unknown[] = []
      const natives: unknown[] = []
      for (let i = 0; i < length; i++) {
        if (isStale(values, i)) continue
        const histogram = histograms?.at(i)
        if (histogram) natives.push([timestamps[i]! / 1000, rounded(answerOf(histogram))])
        else floats.push([timestamps[i]! / 1000, values[i]])
      }
      return { metric: labelsToRecord(series.labels), values: floats, histograms: natives }
    })
    const byName = (a: (typeof result)[0], b: (typeof result)[0]): number =>
      JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1
    expect(ours.sort(byName as never)).toEqual(result.sort(byName))
  })
})

describe('writing the block of Prometheus 3.14 again', () => {
  it.each(['prometheus-3.14', 'prometheus-3.14-histograms', 'prometheus-3.14-start-times'])(
    'gives the bytes of %s',
    (producer) => {
      const golden = goldenBlock(producer)
      const reader = new BlockReader(golden.files)
      const { writer, written } = collectingWriter()
      for (const series of reader.index.allSeries()) {
        const chunks = series.chunks.map((meta) => {
          const { encoding, data } = reader.chunk(meta)
          return { ...meta, encoding, data }
        })
        writer.addChunks(series.labels, chunks)
      }
      const { minTime, maxTime, ulid } = reader.meta
      const { meta } = writer.finish({ ulid, minTimeMs: minTime, maxTimeMs: maxTime })
      expect(written('chunks/000001')).toEqual(golden.files('chunks/000001'))
      expect(written('index')).toEqual(golden.files('index'))
      const text = new TextDecoder().decode(golden.files('meta.json'))
      expect(formatBlockMeta({ ...meta, compaction: reader.meta.compaction })).toBe(text)
    },
  )

  it('gives them from samples too, where Prometheus cuts chunks as thaw does', () => {
    const golden = goldenBlock('prometheus-3.14')
    const reader = new BlockReader(golden.files)
    const { writer, written } = collectingWriter()
    for (const series of reader.index.allSeries()) {
      // Prometheus cuts by its guess of the end of the block; the pieces are ours only for short series.
      if (series.chunks.length === 1) writer.addSeries(series.labels, reader.samples(series))
    }
    writer.finish({ ulid: golden.ulid, minTimeMs: 0, maxTimeMs: 1 })
    const ours = written('chunks/000001')
    const singles = [...reader.index.allSeries()].filter(({ chunks }) => chunks.length === 1)
    const theirs = singles.map(({ chunks }) => reader.chunk(chunks[0]!))
    expect(singles.length).toBeGreaterThan(2)
    let at = 8
    for (const { data } of theirs) {
      const size = data.length < 128 ? 1 : 2
      expect(ours.subarray(at + size + 1, at + size + 1 + data.length)).toEqual(data)
      at += size + 1 + data.length + 4
    }
    expect(at).toBe(ours.length)
  })
})

describe('start timestamps', () => {
  const reader = new BlockReader(goldenBlock('prometheus-3.14-start-times').files)

  it.each([...startedSeries()])('of %s are those that were sent', (name, made) => {
    for (const metric of [name, `${name}_histogram`]) {
      const series = reader.index.series(reader.index.postings('__name__', metric)[0]!)
      const { timestamps, startTimestamps } = reader.samples(series)
      expect([...timestamps]).toEqual(made.map(({ t }) => t))
      expect([...startTimestamps!]).toEqual(made.map(({ st }) => st))
    }
  })

  it('come with encodings 4, 5 and 6', () => {
    const seen = new Set<number>()
    for (const series of reader.index.allSeries()) {
      for (const meta of series.chunks) seen.add(reader.chunk(meta).encoding)
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([4, 5, 6])
  })
})

/** Prometheus before 3 put a zero byte behind a chunk whose last write ended on a byte border. */
function withoutTrailingZero(
  golden: GoldenBlock,
  ours: Uint8Array,
  theirs: Uint8Array,
): Uint8Array {
  if (golden.producer !== 'prometheus-2.42' || ours.length + 1 !== theirs.length) return ours
  return Uint8Array.of(...ours, 0)
}

function collectingWriter(): { writer: BlockWriter; written: (file: string) => Uint8Array } {
  const pieces = new Map<string, Uint8Array[]>()
  const writer = new BlockWriter({
    write: (file, bytes) => void pieces.set(file, [...(pieces.get(file) ?? []), bytes]),
  })
  return { writer, written: (file) => new Uint8Array(Buffer.concat(pieces.get(file) ?? [])) }
}

/** As the HTTP API prints it: buckets with something in them, by their bounds. */
function answerOf(histogram: FloatHistogram): AnswerHistogram {
  const { schema, zeroThreshold, zeroCount, customValues } = histogram
  const custom = schema === CUSTOM_BUCKETS_SCHEMA
  const bound = (i: number): number =>
    custom ? (i < 0 ? -Infinity : (customValues[i] ?? Infinity)) : 2 ** (i * 2 ** -schema)
  const buckets: [number, string, string, string][] = []
  const side = (spans: readonly Span[], counts: Float64Array, sign: 1 | -1): void => {
    let index = 0
    let at = 0
    for (const { offset, length } of spans) {
      index += offset
      for (let i = 0; i < length; i++, index++) {
        const count = String(counts[at++])
        if (count === '0') continue
        const [low, high] = [String(sign * bound(index - 1)), String(sign * bound(index))]
        if (sign === 1)
          buckets.push([
            custom && index === 0 ? (low === '-Infinity' ? 3 : 0) : 0,
            low,
            high,
            count,
          ])
        else buckets.push([1, high, low, count])
      }
    }
  }
  side(histogram.negativeSpans, histogram.negativeBuckets, -1)
  buckets.reverse()
  if (zeroCount !== 0) {
    buckets.push([3, String(-zeroThreshold), String(zeroThreshold), String(zeroCount)])
  }
  side(histogram.positiveSpans, histogram.positiveBuckets, 1)
  const count = String(histogram.count)
  const sum = String(histogram.sum)
  return buckets.length > 0 ? { count, sum, buckets } : { count, sum }
}

/** Bounds to twelve digits: Prometheus takes them from a table. Counts stay exact. */
function rounded({ count, sum, buckets = [] }: AnswerHistogram): unknown {
  const bound = (text: string): number =>
    Number(
      Number(text.replace('Inf', 'Infinity').replace('Infinityinity', 'Infinity')).toPrecision(12),
    )
  return {
    count: Number(count),
    sum: Number(sum),
    buckets: buckets.map(([kind, low, high, n]) => [kind, bound(low), bound(high), Number(n)]),
  }
}

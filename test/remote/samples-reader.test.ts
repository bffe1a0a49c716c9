/** Answers of samples: what the server's side wrote comes back, every bit of it, and integer histograms as Prometheus writes them. */
import { describe, expect, it } from 'vitest'
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { encodeSnappy } from '#lib/bytes/snappy.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { isStale, writeStale } from '#lib/model/samples.ts'
import { ReadResponseWriter } from '#lib/remote/read-samples.ts'
import { decodeReadResponse } from '#lib/remote/samples-reader.ts'
import { columns } from '#test/store/sample-block.ts'
import { decodeSamples } from './read-message.ts'

const LABELS = ['__name__', 'm']

const HISTOGRAM: FloatHistogram = {
  schema: -1,
  zeroThreshold: 0.001,
  zeroCount: 2.5,
  count: 17,
  sum: 99.5,
  positiveSpans: [
    { offset: -3, length: 2 },
    { offset: 1, length: 1 },
  ],
  negativeSpans: [{ offset: 0, length: 1 }],
  positiveBuckets: Float64Array.of(1, 2, 8),
  negativeBuckets: Float64Array.of(3.5),
  customValues: new Float64Array(0),
  counterResetHint: 'gauge',
}

describe('decodeReadResponse', () => {
  it('gives what was written, a result for each query', () => {
    const values = Float64Array.of(1, NaN, 0, 99.5)
    writeStale(values, 2)
    const histograms = HistogramColumn.of([undefined, undefined, undefined, HISTOGRAM])
    const timestamps = Float64Array.of(-1, 0, 2 ** 45, 2 ** 45 + 1)
    const writer = new ReadResponseWriter(1e6)
    writer.beginResult()
    writer.endResult()
    writer.beginResult()
    writer.add(LABELS, { length: 4, timestamps, values, histograms })
    writer.add([...LABELS, 'n', 'ü'], columns([[5, -0]]))
    writer.endResult()
    const results = [...decodeReadResponse(writer.finish(), 1e6)].map((result) => [...result])
    expect(results.map((series) => series.map(({ labels }) => labels))).toEqual([
      [],
      [LABELS, [...LABELS, 'n', 'ü']],
    ])
    const { samples } = results[1]![0]!
    expect(samples.timestamps).toEqual(timestamps)
    expect(new Uint8Array(samples.values.buffer)).toEqual(new Uint8Array(values.buffer))
    expect(isStale(samples.values, 2)).toBe(true)
    expect(samples.histograms!.at(3)).toEqual(HISTOGRAM)
    expect(results[1]![1]!.samples.values).toEqual(Float64Array.of(-0))
  })

  it('adds up the differences of integer histograms', () => {
    const out = new ProtoWriter()
    const result = out.begin(1)
    const series = out.begin(1)
    const one = out.begin(4)
    out.int(1, 12)
    out.double(3, 18.5)
    out.sint(4, 0)
    out.double(5, 0.5)
    out.int(6, 1)
    const span = out.begin(11)
    out.sint(1, -2)
    out.int(2, 3)
    out.end(span)
    const deltas = out.begin(12)
    out.end(deltas)
    for (const delta of [4, -3, 5]) out.sint(12, delta)
    out.int(14, 1)
    out.int(15, 7000)
    out.end(one)
    out.end(series)
    out.end(result)
    const [[found] = []] = [...decodeReadResponse(encodeSnappy(out.bytes()), 1e6)].map((all) => [
      ...all,
    ])
    expect(found!.samples.histograms!.at(0)).toEqual({
      ...HISTOGRAM,
      schema: 0,
      zeroThreshold: 0.5,
      zeroCount: 1,
      count: 12,
      sum: 18.5,
      positiveSpans: [{ offset: -2, length: 3 }],
      negativeSpans: [],
      positiveBuckets: Float64Array.of(4, 1, 6),
      negativeBuckets: new Float64Array(0),
      counterResetHint: 'reset',
    })
    expect([...found!.samples.timestamps]).toEqual([7000])
  })

  it('refuses what unpacks to more than the bound, before it does', () => {
    const writer = new ReadResponseWriter(1e9)
    writer.beginResult()
    writer.add(LABELS, columns(Array.from({ length: 9999 }, (_, i) => [i, 1] as const)))
    writer.endResult()
    const bytes = writer.finish()
    expect(() => [...decodeReadResponse(bytes, 1000)]).toThrow('larger than 1000 bytes')
  })

  it('refuses bytes that are none of it, cut anywhere', () => {
    const writer = new ReadResponseWriter(1e6)
    writer.beginResult()
    writer.add(LABELS, { ...columns([[1, 99.5]]), histograms: HistogramColumn.of([HISTOGRAM]) })
    writer.endResult()
    const bytes = writer.finish()
    expect(decodeSamples(bytes)).toEqual([[{ labels: LABELS, samples: [[1, '17/99.5']] }]])
    for (let size = 0; size < bytes.length; size++) {
      expect(() => decodeSamples(bytes.subarray(0, size))).toThrow(/at byte \d+$/)
    }
  })
})

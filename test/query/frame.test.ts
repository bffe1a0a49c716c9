import { describe, expect, it } from 'vitest'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { DomainError } from '#lib/model/errors.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { FLOAT, HISTOGRAM } from '#lib/promql/result.ts'
import type { QueryValue } from '#lib/promql/result.ts'
import type { SliceAnswer } from '#lib/query/frame.ts'
import { decodeAnswer, encodeAnswer, encodeError, FRAME } from '#lib/query/frame.ts'
import { streamAnswer } from '#lib/query/stream-answer.ts'

const histogram: FloatHistogram = {
  schema: 3,
  zeroThreshold: 1e-128,
  zeroCount: 2,
  count: 10,
  sum: -0,
  positiveSpans: [
    { offset: -5, length: 2 },
    { offset: 3, length: 1 },
  ],
  negativeSpans: [],
  positiveBuckets: Float64Array.of(1, 2, 5),
  negativeBuckets: new Float64Array(0),
  customValues: new Float64Array(0),
  counterResetHint: 'gauge',
}

const answer = (value: QueryValue): SliceAnswer => ({
  grid: { startMs: 1000, stepMs: 15_000, stepCount: 3 },
  value,
  annotations: {
    warnings: ['w'],
    infos: ['i'],
    places: { w: { start: 1, end: 2.5 }, i: { start: 3, end: 4 } },
  },
  warnings: ['half'],
  stats: { samplesRead: 1, peakSamples: 2, seriesRead: 3 },
  cost: { gets: 4, lists: 0, puts: 1, bytes: 5, milliseconds: 6, megabytes: 7 },
})

const values: Record<string, QueryValue> = {
  scalar: { type: 'scalar', values: Float64Array.of(1, NaN, -Infinity) },
  string: { type: 'string', value: 'häß\u{1F600}' },
  vector: {
    type: 'vector',
    series: [
      {
        labels: labelsFrom({ a: 'b' }),
        values: Float64Array.of(1, 2, 3),
        presence: Uint8Array.of(FLOAT, FLOAT, FLOAT),
        histograms: undefined,
      },
      {
        labels: [],
        values: Float64Array.of(0, -0, 5e-324),
        presence: Uint8Array.of(0, FLOAT, HISTOGRAM),
        histograms: HistogramColumn.of([undefined, undefined, histogram]),
      },
    ],
  },
  matrix: {
    type: 'matrix',
    series: [
      {
        labels: labelsFrom({ __name__: 'm' }),
        samples: {
          length: 2,
          timestamps: Float64Array.of(5, 6),
          values: Float64Array.of(7, NaN),
          histograms: undefined,
        },
      },
    ],
  },
}

const never = (): Promise<never> => Promise.reject(new Error('no spill'))

/** The frames of an answer as one run of bytes, cut anew every `size` bytes. */
function* recut(frames: Iterable<Uint8Array>, size: number): Generator<Uint8Array> {
  const bytes = Buffer.concat([...frames])
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('frames', () => {
  it.each(Object.keys(values))('carry a %s, however the bytes are cut', async (type) => {
    const sent = answer(values[type]!)
    for (const size of [1, 7, 1 << 20]) {
      expect(await decodeAnswer(recut(encodeAnswer(sent), size), never)).toEqual(sent)
    }
  })

  it('carry the stale marker bit for bit', async () => {
    const column = new Float64Array(3)
    new Uint32Array(column.buffer).set([2, 0x7ff00000])
    const sent = answer({ type: 'scalar', values: column })
    const { value } = await decodeAnswer(encodeAnswer(sent), never)
    expect(new Uint32Array((value as { values: Float64Array }).values.buffer)).toEqual(
      Uint32Array.of(2, 0x7ff00000, 0, 0, 0, 0),
    )
  })

  it('carry an error with its kind', async () => {
    const sent = [encodeError(new DomainError('execution', 'many-to-many'))]
    await expect(decodeAnswer(sent, never)).rejects.toMatchObject({
      kind: 'execution',
      message: 'many-to-many',
    })
  })

  it('are refused at every length they may be cut off at', async () => {
    const bytes = Buffer.concat([...encodeAnswer(answer(values['vector']!))])
    for (let size = 0; size < bytes.length; size++) {
      await expect(decodeAnswer([bytes.subarray(0, size)], never)).rejects.toMatchObject({
        kind: 'corrupt',
      })
    }
  })

  it.each(['scalar', 'vector', 'matrix'])(
    'are refused where one of a %s is lost, or comes behind the end',
    async (type) => {
      const frames = [...encodeAnswer(answer(values[type]!))]
      expect(frames).toHaveLength(3)
      for (const lost of frames) {
        const rest = frames.filter((frame) => frame !== lost)
        await expect(decodeAnswer(rest, never)).rejects.toMatchObject({ kind: 'corrupt' })
        const behind = decodeAnswer([...frames, lost], never)
        await expect(behind).rejects.toMatchObject({ kind: 'corrupt' })
      }
    },
  )

  it('are refused where they have another number of steps than they say', async () => {
    for (const type of ['scalar', 'vector']) {
      const sent = answer(values[type]!)
      const grid = { ...sent.grid, stepCount: 4 }
      await expect(decodeAnswer(encodeAnswer({ ...sent, grid }), never)).rejects.toMatchObject({
        message: expect.stringContaining('3 of 4 steps'),
      })
    }
  })

  it('are read without a count of series, as they were written before there was one', async () => {
    const sent = answer(values['vector']!)
    const [head, series] = [...encodeAnswer(sent)]
    const { annotations, warnings, stats, cost } = sent
    const payload = Buffer.from(JSON.stringify({ annotations, warnings, stats, cost }))
    const end = Buffer.concat([Buffer.alloc(5), payload])
    end.writeUInt32BE(payload.length + 1)
    end[4] = FRAME.end
    expect(await decodeAnswer([head!, series!, end], never)).toEqual(sent)
  })

  it('go to the bucket past the limit of a stream, and come back as the same answer', async () => {
    const bucket = memoryBucket()
    const series = Array.from({ length: 100 }, (_, i) => ({
      labels: labelsFrom({ i: String(i) }),
      values: new Float64Array(1000).fill(i),
      presence: new Uint8Array(1000).fill(FLOAT),
      histograms: undefined,
    }))
    const grid = { startMs: 1000, stepMs: 15_000, stepCount: 1000 }
    const sent = { ...answer({ type: 'vector', series }), grid }
    const frames: Uint8Array[] = []
    for await (const frame of streamAnswer(sent, { bucket, key: () => 'thaw/spill/1' }, 300_000))
      frames.push(frame)
    expect(frames.reduce((sum, frame) => sum + frame.length, 0)).toBeLessThan(310_000)
    const fetchSpill = async (key: string): Promise<Uint8Array> => (await bucket.get(key)).body
    expect(await decodeAnswer(frames, fetchSpill)).toEqual(sent)
  })
})

import { describe, expect, it } from 'vitest'
import { ProtoReader } from '#lib/bytes/protobuf.ts'
import { decodeSnappy } from '#lib/bytes/snappy.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { type WriteSeries, type WriteVersion, writeRequests } from '#lib/remote/write-request.ts'

const HISTOGRAM: FloatHistogram = {
  schema: 1,
  zeroThreshold: 0.001,
  zeroCount: 1,
  count: 6.5,
  sum: 12.25,
  positiveSpans: [{ offset: -2, length: 2 }],
  negativeSpans: [{ offset: 3, length: 1 }],
  positiveBuckets: new Float64Array([2, 1.5]),
  negativeBuckets: new Float64Array([2]),
  customValues: new Float64Array(0),
  counterResetHint: 'gauge',
}

function columns(pairs: readonly (readonly [number, number | 'stale'])[]): SampleColumns {
  const values = new Float64Array(pairs.length)
  for (const [i, [, value]] of pairs.entries()) {
    if (value === 'stale') writeStale(values, i)
    else values[i] = value
  }
  return { length: pairs.length, timestamps: Float64Array.from(pairs, ([t]) => t), values }
}

const FLOATS: WriteSeries = {
  labels: ['__name__', 'a', 'job', 'a'],
  samples: columns([
    [1000, -0],
    [2000, NaN],
    [3000, 'stale'],
  ]),
}

const MIXED: WriteSeries = {
  labels: ['__name__', 'h'],
  samples: {
    length: 2,
    timestamps: new Float64Array([1000, 2000]),
    values: new Float64Array([7, 12.25]),
    histograms: HistogramColumn.of([undefined, HISTOGRAM]),
  },
}

/** Labels, then `ms=bits` of floats and `ms:fields` of histograms. */
function read(body: Uint8Array, version: WriteVersion): string[][] {
  const reader = new ProtoReader(decodeSnappy(body))
  const series: { labels: (string | number)[]; rest: string[] }[] = []
  const symbols: string[] = []
  while (reader.next()) {
    if (version === '2.0' && reader.field === 4) symbols.push(reader.string())
    else if (reader.field === (version === '1.0' ? 1 : 5)) series.push(readSeries(reader.message()))
    else throw new Error(`field ${reader.field}`)
  }
  if (version === '2.0' && symbols[0] !== '') throw new Error('the first text is not empty')
  expect(new Set(symbols).size).toBe(symbols.length)
  return series.map(({ labels, rest }) => [
    labels.map((one) => (typeof one === 'number' ? symbols[one] : one)).join(','),
    ...rest,
  ])
}

function readSeries(message: ProtoReader) {
  const labels: (string | number)[] = []
  const rest: string[] = []
  while (message.next()) {
    const { field } = message
    if (field === 1) {
      const bytes = message.bytes()
      const inner = new ProtoReader(bytes)
      // A label begins with the tag of its name, packed numbers with the number of a text that is not ''.
      if (bytes[0] === 0x0a) {
        while (inner.next()) labels.push(inner.string())
      } else labels.push(...bytes)
    } else if (field === 2) {
      const sample = message.message()
      const value = new Float64Array(1)
      let time = 0
      while (sample.next()) {
        if (sample.field === 1) sample.doubleInto(value, 0)
        else time = sample.int()
      }
      rest.push(`${time}=${new BigUint64Array(value.buffer)[0]!.toString(16)}`)
    } else {
      const histogram = message.message()
      const fields: number[] = []
      let time = 0
      while (histogram.next()) {
        fields.push(histogram.field)
        if (histogram.field === 15) time = histogram.int()
        else histogram.skip()
      }
      rest.push(`${field}/${time}:${fields.join(' ')}`)
    }
  }
  return { labels, rest }
}

function requestsOf(version: WriteVersion, series: readonly WriteSeries[], maxSamples = 100) {
  const requests = [...writeRequests(series, { version, maxSamples, histograms: true })]
  return requests.map(({ body, ...counts }) => ({ ...counts, series: read(body, version) }))
}

const FLOATS_READ = [
  '__name__,a,job,a',
  '1000=8000000000000000',
  '2000=7ff8000000000000',
  '3000=7ff0000000000002',
]

describe.each<[WriteVersion, number]>([
  ['1.0', 4],
  ['2.0', 3],
])('a request of version %s', (version, field) => {
  it('has every bit of samples, and histograms', () => {
    expect(requestsOf(version, [FLOATS, MIXED])).toEqual([
      {
        samples: 4,
        histograms: 1,
        series: [
          FLOATS_READ,
          ['__name__,h', '1000=401c000000000000', `${field}/2000:2 3 4 5 7 8 10 11 13 14 15`],
        ],
      },
    ])
  })

  it('has at most so many samples, also where that is in the middle of a series', () => {
    const requests = requestsOf(version, [FLOATS, MIXED], 2)
    expect(
      requests.map(({ series }) => series.map(([labels, ...rest]) => [labels, rest.length])),
    ).toEqual([
      [['__name__,a,job,a', 2]],
      [
        ['__name__,a,job,a', 1],
        ['__name__,h', 1],
      ],
      [['__name__,h', 1]],
    ])
  })

  it('is none where there is nothing', () => {
    expect(requestsOf(version, [])).toEqual([])
    expect(requestsOf(version, [{ labels: ['a', 'b'], samples: columns([]) }])).toEqual([])
  })
})

describe('histograms', () => {
  it('are left out where they are not wanted', () => {
    const options = { version: '1.0', maxSamples: 100, histograms: false } as const
    const [only, ...more] = [...writeRequests([MIXED], options)]
    expect(more).toEqual([])
    expect(only).toMatchObject({ samples: 1, histograms: 0 })
    expect(read(only!.body, '1.0')).toEqual([['__name__,h', '1000=401c000000000000']])
  })
})

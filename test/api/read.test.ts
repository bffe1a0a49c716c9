/** Remote read over real blocks, read back by a client's decoder. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Hono } from 'hono'
import { encodeSnappy } from '#lib/bytes/snappy.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { isStale, NO_SAMPLES } from '#lib/model/samples.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { FLOAT_HISTOGRAM, HISTOGRAM, XOR } from '#lib/tsdb/chunk/chunk.ts'
import { thawApp } from '#test/e2e/support/thaw-app.ts'
import { CHUNKS, encodeReadRequest, SAMPLES } from '#lib/remote/read-request.ts'
import { decodeChunks, decodeSamples } from '#test/remote/read-message.ts'
import { columns, every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { testApp } from './fake-backend.ts'
import { goldenBucket } from './golden/world.ts'

const read = (app: Hono, body: Uint8Array<ArrayBuffer>, query = '') =>
  app.request(`/api/v1/read${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
  })

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer())
}

const named = (value: string): Matcher => ({ type: '=', name: '__name__', value })
const START = 1_700_000_000_000
const ALL_TIME = { startMs: START - 1e9, endMs: START + 1e9 }

describe('over floats and histograms', () => {
  let app: Hono

  beforeAll(async () => {
    app = thawApp(await goldenBucket())
  })

  it('answers samples within the closed interval, a result for each query', async () => {
    const queries = [
      { startMs: START + 15_000, endMs: START + 45_500, matchers: [named('m')] },
      { ...ALL_TIME, matchers: [named('nope')] },
      { ...ALL_TIME, matchers: [named('m'), { type: '!~', name: 'a', value: 'x|z' } as const] },
    ]
    const response = await read(app, encodeReadRequest(queries))
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
    })
    expect(decodeSamples(await bytesOf(response))).toEqual([
      [
        {
          labels: ['__name__', 'm', 'a', 'x'],
          samples: [
            [START + 15_000, NaN],
            [START + 30_000, Infinity],
            [START + 45_500, 1e-7],
          ],
        },
      ],
      [],
      [{ labels: ['__name__', 'm', 'a', 'y<z>'], samples: [[START, 0.1]] }],
    ])
  })

  it('answers the same as chunks', async () => {
    const matchers = [
      { type: '=~', name: '__name__', value: 'm|.*histogram|custom.*|single' } as const,
    ]
    const query = { ...ALL_TIME, matchers }
    const sampled = decodeSamples(
      await bytesOf(await read(app, encodeReadRequest([query], [SAMPLES]))),
    )[0]!
    const response = await read(app, encodeReadRequest([query], [7, CHUNKS, SAMPLES]))
    expect(response.headers.get('content-type')).toBe(
      'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
    )
    const chunked = decodeChunks(await bytesOf(response))
    expect(chunked.map((one) => one.labels)).toEqual(sampled.map((one) => one.labels))
    for (const [i, { samples }] of chunked.entries()) {
      const { timestamps, values, histograms } = samples
      const points = Array.from({ length: samples.length }, (_, at) => {
        const histogram = histograms?.at(at)
        return [timestamps[at], histogram ? `${histogram.count}/${histogram.sum}` : values[at]]
      })
      expect(points).toEqual(sampled[i]!.samples)
    }
    const encodings = new Set(chunked.flatMap((one) => one.encodings))
    expect(encodings).toEqual(new Set([XOR, HISTOGRAM, FLOAT_HISTOGRAM]))
  })

  it('keeps stale markers', async () => {
    const query = { ...ALL_TIME, matchers: [named('flapping')] }
    const [series] = decodeChunks(
      await bytesOf(await read(app, encodeReadRequest([query], [CHUNKS]))),
    )
    const stale = Array.from({ length: series!.samples.length }, (_, i) =>
      isStale(series!.samples.values, i),
    )
    expect(new Set(stale)).toEqual(new Set([true, false]))
  })

  it('answers labels alone to who asks for series', async () => {
    const hints = { stepMs: 0, func: 'series', grouping: [], by: false, rangeMs: 0 }
    const query = { ...ALL_TIME, matchers: [named('m')], hints }
    const bodies = await Promise.all(
      [SAMPLES, CHUNKS].map(async (type) =>
        bytesOf(await read(app, encodeReadRequest([query], [type]))),
      ),
    )
    expect(decodeSamples(bodies[0]!)[0]!.map((one) => one.samples)).toEqual([[], []])
    expect(decodeChunks(bodies[1]!).map((one) => one.encodings)).toEqual([[], []])
  })
})

describe('over replicas', () => {
  it('merges them unless told not to', async () => {
    const bucket = memoryBucket()
    for (const [i, replica] of ['a', 'b'].entries()) {
      await putBlock(bucket, {
        id: testId(i),
        minTimeMs: START,
        maxTimeMs: START + 7_200_000,
        externalLabels: { replica },
        series: [
          {
            labels: labels({ __name__: 'up' }),
            samples: every(15_000, START, START + 60_000, () => 1),
          },
        ],
      })
    }
    const app = thawApp(bucket, { replicaLabels: ['replica'] })
    const body = encodeReadRequest([{ ...ALL_TIME, matchers: [named('up')] }])
    const of = async (query: string) =>
      decodeSamples(await bytesOf(await read(app, body, query)))[0]!.map((one) => one.labels)
    expect(await of('')).toEqual([['__name__', 'up']])
    expect(await of('?dedup=false')).toEqual([
      ['__name__', 'up', 'replica', 'a'],
      ['__name__', 'up', 'replica', 'b'],
    ])
  })
})

describe('the request', () => {
  const body = encodeReadRequest([{ ...ALL_TIME, matchers: [named('m')] }])

  it('hands hints on', async () => {
    const { app, asked } = testApp()
    const hints = { stepMs: 60_000, func: 'rate', grouping: ['a', 'b'], by: true, rangeMs: 300_000 }
    const matchers = [named('m')]
    await read(app, encodeReadRequest([{ startMs: -5, endMs: 7, matchers, hints }]))
    expect(asked.selects).toMatchObject([
      {
        request: { matchers, startMs: -5, endMs: 7, hints: { ...hints, labelsOnly: false } },
        scope: { dedup: true, partialResponse: false },
      },
    ])
  })

  it.each([
    ['no bytes', new Uint8Array(0), /^snappy: corrupt input$/],
    ['garbage', Uint8Array.of(5, 1, 2), /^snappy: corrupt input$/],
    [
      'a length it does not have',
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f),
      /^snappy: decoded length 4294967295 exceeds limit 33554432$/,
    ],
    ['no protobuf', encodeSnappy(Uint8Array.of(0xff)), /^proto: /],
    [
      'a type nobody has',
      encodeReadRequest([], [5]),
      /^server does not support any of the requested response types: \[5\]; supported: \[SAMPLES STREAMED_XOR_CHUNKS\]$/,
    ],
    [
      'a pattern that is none',
      encodeReadRequest([{ ...ALL_TIME, matchers: [{ type: '=~', name: 'a', value: '(' }] }]),
      /error parsing regexp/,
    ],
  ])('with %s is refused', async (_, sent, message) => {
    const response = await read(testApp().app, sent)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect((await response.text()).trimEnd()).toMatch(message)
  })

  it('is refused when it is too large', async () => {
    const response = await read(testApp().app, new Uint8Array(33 * 1024 * 1024))
    expect([response.status, await response.text()]).toEqual([
      400,
      'request is larger than 33554432 bytes\n',
    ])
  })

  it('is refused past the limit of samples, counted for each query', async () => {
    const stored = [
      {
        labels: labels({ __name__: 'm' }),
        samples: columns([
          [START, 1],
          [START + 1, 2],
        ]),
      },
    ]
    const limits = { timeoutMs: 1000, maxAnswerBytes: 1e6, remoteReadSamples: 2 }
    const query = { ...ALL_TIME, matchers: [named('m')] }
    const twice = encodeReadRequest([query, query])
    expect((await read(testApp({ stored }, { limits }).app, twice)).status).toBe(200)
    const less = { ...limits, remoteReadSamples: 1 }
    const response = await read(testApp({ stored }, { limits: less }).app, twice)
    expect([response.status, await response.text()]).toEqual([400, 'exceeded sample limit (1)\n'])
  })

  it.each([SAMPLES, CHUNKS])('is refused when the answer is too large, type %i', async (type) => {
    const stored = [
      { labels: labels({ __name__: 'm' }), samples: every(1, START, START + 5000, Math.sin) },
    ]
    const limits = { timeoutMs: 1000, maxAnswerBytes: 10_000, remoteReadSamples: 1e6 }
    const asked = encodeReadRequest([{ ...ALL_TIME, matchers: [named('m')] }], [type])
    const response = await read(testApp({ stored }, { limits }).app, asked)
    expect(response.status).toBe(422)
    expect(await response.text()).toMatch(/larger than 10000 bytes; ask for fewer series/)
  })

  it('fails as text with the status of its error', async () => {
    const fails = new DomainError('unavailable', 'the bucket is gone')
    const response = await read(testApp({ fails }).app, body)
    expect([response.status, await response.text()]).toEqual([503, 'the bucket is gone\n'])
    const bug = await read(testApp({ fails: new TypeError('insides') }).app, body)
    expect([bug.status, (await bug.text()).includes('insides')]).toEqual([500, false])
  })

  it('puts a long series into several frames', async () => {
    const stored = [
      { labels: labels({ __name__: 'a' }), samples: every(1000, START, START + 6e8, Math.sin) },
      { labels: labels({ __name__: 'b' }), samples: NO_SAMPLES },
    ]
    const query = { ...ALL_TIME, matchers: [{ type: '!=', name: '__name__', value: '' } as const] }
    const response = await read(testApp({ stored }).app, encodeReadRequest([query], [CHUNKS]))
    const frames = decodeChunks(await bytesOf(response))
    expect(frames.length).toBeGreaterThan(4)
    expect(frames.at(-1)!.labels).toEqual(['__name__', 'b'])
    const parts = frames.slice(0, -1)
    expect(parts.every((one) => one.labels[1] === 'a')).toBe(true)
    expect(parts.reduce((sum, { samples }) => sum + samples.length, 0)).toBe(600_000)
  })
})

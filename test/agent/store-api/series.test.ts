/** Series of the agent's StoreAPI, over Prometheuses of this process. */
import { readdir, readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { storeService } from '#lib/grpc/services.ts'
import { seriesRequest } from '#lib/grpc/store-messages.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { ChunkedReadWriter } from '#lib/remote/read-chunks.ts'
import { decodeChunk, XOR, XOR2 } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { open } from '#test/grpc/running-server.ts'
import { every } from '#test/store/sample-block.ts'
import { labelsOf, storeApiOver } from './client.ts'
import { fakePrometheus, seriesOf } from './fake-prometheus.ts'

const EU = { cluster: 'eu', replica: 'a' }
const equal = (name: string, value: string): Matcher => ({ type: '=', name, value })
const ANY: Matcher = { type: '=~', name: '__name__', value: '.+' }

describe('external labels', () => {
  it('are added, in order, also where that is another order', async () => {
    const sets = [
      { __name__: 'm' },
      { __name__: 'm', a: '1' },
      { __name__: 'm', a: '1', z: '1' },
      { __name__: 'n' },
    ]
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([unit])
    expect(labelsOf(await series({}))).toEqual([
      'm{a="1", cluster="eu", replica="a"}',
      'm{a="1", cluster="eu", replica="a", z="1"}',
      'm{cluster="eu", replica="a"}',
      'n{cluster="eu", replica="a"}',
    ])
  })

  it('win over labels of the series, and then all is sorted', async () => {
    const sets = [
      { __name__: 'm', cluster: 'own', z: '2' },
      { __name__: 'm', cluster: 'zzz', z: '1' },
    ]
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([unit])
    expect(labelsOf(await series({}))).toEqual([
      'm{cluster="eu", replica="a", z="1"}',
      'm{cluster="eu", replica="a", z="2"}',
    ])
  })

  it('are removed when a client says so, external or not', async () => {
    const sets = [
      { __name__: 'm', host: '1', z: '2' },
      { __name__: 'm', host: '2', z: '1' },
    ]
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([unit])
    expect(labelsOf(await series({ withoutReplicaLabels: ['replica'] }))).toEqual([
      'm{cluster="eu", host="1", z="2"}',
      'm{cluster="eu", host="2", z="1"}',
    ])
    expect(labelsOf(await series({ withoutReplicaLabels: ['replica', 'host'] }))).toEqual([
      'm{cluster="eu", z="1"}',
      'm{cluster="eu", z="2"}',
    ])
  })

  it('are matched here, and Prometheus hears the rest', async () => {
    const fake = await fakePrometheus(EU, seriesOf({ __name__: 'm' }, { __name__: 'n' }))
    const { series } = await storeApiOver([fake.unit])
    const matchers = [equal('cluster', 'eu'), equal('__name__', 'm')]
    expect(labelsOf(await series({ matchers }))).toEqual(['m{cluster="eu", replica="a"}'])
    expect(fake.reads[0]!.matchers).toEqual([equal('__name__', 'm')])
    expect(await series({ matchers: [equal('cluster', 'us'), ANY] })).toEqual([])
    expect(fake.reads).toHaveLength(1)
  })

  it('alone are too little', async () => {
    const { unit } = await fakePrometheus(EU)
    const { series } = await storeApiOver([unit])
    await expect(series({ matchers: [equal('cluster', 'eu')] })).rejects.toThrow(
      '3 INVALID_ARGUMENT: no matchers specified (excluding external labels)',
    )
  })

  it('that come up within an answer end it, and the next is sorted', async () => {
    const fake = await fakePrometheus(
      EU,
      seriesOf({ __name__: 'm', cluster: 'own', z: '2' }, { __name__: 'm', cluster: 'zz', z: '1' }),
    )
    fake.answers.set('/api/v1/labels', ['__name__', 'z'])
    const { series } = await storeApiOver([fake.unit])
    await expect(series({})).rejects.toThrow(/14 UNAVAILABLE: .*changed meanwhile, ask again/)
    fake.answers.delete('/api/v1/labels')
    expect(labelsOf(await series({}))).toHaveLength(2)
  })
})

describe('a request', () => {
  it('asks for nothing older than there is', async () => {
    const fake = await fakePrometheus(EU, seriesOf({ __name__: 'm' }))
    fake.unit.state.minTimeMs = 500
    const { series } = await storeApiOver([fake.unit])
    await series({ minTime: 1, maxTime: 900 })
    expect(fake.reads[0]).toMatchObject({ startMs: 500, endMs: 900 })
    expect(await series({ minTime: 1, maxTime: 499 })).toEqual([])
    expect(fake.reads).toHaveLength(1)
  })

  it('for labels only goes to the API, and gives each once', async () => {
    const sets = [
      { __name__: 'm', host: '2' },
      { __name__: 'm', host: '1' },
    ]
    const fake = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([fake.unit])
    const frames = await series({ skipChunks: true, limit: 7, minTime: 500, maxTime: Infinity })
    expect(labelsOf(frames)).toEqual([
      'm{cluster="eu", host="1", replica="a"}',
      'm{cluster="eu", host="2", replica="a"}',
    ])
    expect(frames.every(({ series: [one] }) => one!.chunks.length === 0)).toBe(true)
    expect(fake.requests).toEqual([
      '/api/v1/series?match[]={__name__=~".+"}&start=0.5&end=9007199254740.99&limit=7',
    ])
    const removed = await series({ skipChunks: true, withoutReplicaLabels: ['host'] })
    expect(labelsOf(removed)).toEqual(['m{cluster="eu", replica="a"}'])
  })

  it('gets as many series in a frame as it wants, and no more series than it wants', async () => {
    const sets = Array.from({ length: 10 }, (_, i) => ({ __name__: 'm', i: String(i) }))
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([unit])
    const sizes = async (responseBatchSize: number, limit = 0) =>
      (await series({ responseBatchSize, limit })).map((frame) => frame.series.length)
    expect(await sizes(4)).toEqual([4, 4, 2])
    expect(await sizes(5)).toEqual([5, 5])
    expect(await sizes(0, 3)).toEqual([1, 1, 1])
  })

  it('gets the series of its shard', async () => {
    const sets = Array.from({ length: 50 }, (_, i) => ({ __name__: 'm', i: String(i) }))
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([unit])
    const shards = await Promise.all(
      [0, 1, 2].map(async (shardIndex) => {
        const shardInfo = { shardIndex, totalShards: 3, by: true, labels: ['i'] }
        return labelsOf(await series({ shardInfo }))
      }),
    )
    expect(Math.min(...shards.map((shard) => shard.length))).toBeGreaterThan(5)
    expect(shards.flat().sort()).toEqual(labelsOf(await series({})).sort())
  })

  it('gets a series that is larger than a frame in several', async () => {
    const samples = every(1000, 0, 400_000_000, (t) => Math.sin(t))
    const { unit } = await fakePrometheus(EU, [{ labels: ['__name__', 'm'], samples }])
    const { series } = await storeApiOver([unit])
    const frames = await series({ responseBatchSize: 10 })
    expect(frames.length).toBeGreaterThan(2)
    expect(new Set(labelsOf(frames))).toEqual(new Set(['m{cluster="eu", replica="a"}']))
    const chunks = frames.flatMap((frame) => frame.series.flatMap((one) => one.chunks))
    expect(chunks).toHaveLength(Math.ceil(400_000 / 120))
  })

  it('gets label sets of any size', async () => {
    const many = Array.from({ length: 300 }, (_, i) => [`l${1000 + i}`, `v${i}`] as const)
    const sets = [
      { __name__: 'long', text: 'ü'.repeat(1_000_000) },
      { __name__: 'many', ...Object.fromEntries(many) },
    ]
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series } = await storeApiOver([unit])
    const frames = await series({ responseBatchSize: 64 })
    const found = frames.flatMap((frame) => frame.series.map(({ labels }) => labels))
    expect(found.map((labels) => labels.length)).toEqual([8, 606])
    expect(found[0]).toEqual([
      '__name__',
      'long',
      'cluster',
      'eu',
      'replica',
      'a',
      'text',
      sets[0]!.text,
    ])
  })

  it('gets encodings that the StoreAPI has', async () => {
    const fake = await fakePrometheus(EU)
    const data = await xor2Answer()
    fake.answers.set('/api/v1/labels', ['__name__'])
    fake.answers.set('/api/v1/read', (response: ServerResponse) => {
      const type = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'
      response.writeHead(200, { 'content-type': type }).end(data)
    })
    const { series } = await storeApiOver([fake.unit])
    const [frame] = await series({})
    const { encoding, data: bytes } = frame!.series[0]!.chunks[0]!.raw!
    const columns = new ColumnBuilder()
    decodeChunk(encoding, bytes, columns)
    expect(encoding).toBe(XOR)
    expect(columns.columns().length).toBeGreaterThan(0)
  })

  it('that is none, or has a pattern that is none, is the fault of who asks', async () => {
    const { unit } = await fakePrometheus(EU)
    const { series, client } = await storeApiOver([unit])
    const matchers: Matcher[] = [{ type: '=~', name: 'a', value: '(' }]
    await expect(series({ matchers })).rejects.toThrow('3 INVALID_ARGUMENT')
    const broken = Buffer.concat([seriesRequest.encode({ minTime: 1 }), Buffer.of(0x1a, 0x7f)])
    const read = async () => {
      for await (const _ of open(client, storeService.series, broken)) break
    }
    await expect(read()).rejects.toThrow('3 INVALID_ARGUMENT')
  })
})

describe('limits', () => {
  const sets = Array.from({ length: 5 }, (_, i) => ({ __name__: 'm', i: String(i) }))

  it('end a request for too many series, and are counted', async () => {
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series, dropped } = await storeApiOver([unit], { limits: { series: 4, samples: 0 } })
    await expect(series({})).rejects.toThrow(
      '8 RESOURCE_EXHAUSTED: limit of 4 series for one request violated',
    )
    expect(dropped).toEqual(['series'])
    expect(await series({ limit: 4 })).toHaveLength(4)
  })

  it('count 120 samples for each chunk', async () => {
    const { unit } = await fakePrometheus(EU, seriesOf(...sets))
    const { series, dropped } = await storeApiOver([unit], { limits: { series: 0, samples: 480 } })
    await expect(series({})).rejects.toThrow('limit of 480 samples for one request violated')
    expect(dropped).toEqual(['chunks'])
    expect(await series({ skipChunks: true })).toHaveLength(5)
  })

  it('end what must be sorted and is too large, and give the memory back', async () => {
    const own = sets.map((set) => ({ ...set, replica: 'own' }))
    const { unit } = await fakePrometheus(EU, seriesOf(...own))
    const { series } = await storeApiOver([unit], { sortBytes: 2000 })
    await expect(series({})).rejects.toThrow('8 RESOURCE_EXHAUSTED: series must be sorted')
    const matchers = [equal('i', '1')]
    for (let i = 0; i < 10; i++) expect(await series({ matchers })).toHaveLength(1)
  })
})

describe('several Prometheuses', () => {
  it('are one answer in order', async () => {
    const sets = ['1', '2', '3'].map((i) => ({ __name__: 'm', i }))
    const eu = await fakePrometheus({ cluster: 'eu' }, seriesOf(...sets))
    const us = await fakePrometheus(
      { cluster: 'us' },
      seriesOf(...sets.slice(1), { __name__: 'a' }),
    )
    const { series } = await storeApiOver([eu.unit, us.unit])
    expect(labelsOf(await series({}))).toEqual([
      'a{cluster="us"}',
      'm{cluster="eu", i="1"}',
      'm{cluster="eu", i="2"}',
      'm{cluster="eu", i="3"}',
      'm{cluster="us", i="2"}',
      'm{cluster="us", i="3"}',
    ])
    const matchers = [equal('cluster', 'us'), equal('i', '3')]
    expect(labelsOf(await series({ matchers }))).toEqual(['m{cluster="us", i="3"}'])
    expect(eu.reads).toHaveLength(1)
  })

  it('are one series where they are equal without replica labels', async () => {
    const a = await fakePrometheus({ replica: 'a' }, seriesOf({ __name__: 'm' }, { __name__: 'n' }))
    const b = await fakePrometheus({ replica: 'b' }, seriesOf({ __name__: 'n' }))
    const { series } = await storeApiOver([a.unit, b.unit])
    const frames = await series({ withoutReplicaLabels: ['replica'] })
    expect(labelsOf(frames)).toEqual(['m', 'n'])
    expect(frames.map((frame) => frame.series[0]!.chunks.length)).toEqual([1, 2])
  })

  it('answer without those that do not, with a warning, unless half an answer is not wanted', async () => {
    const eu = await fakePrometheus({ cluster: 'eu' }, seriesOf({ __name__: 'm' }))
    const us = await fakePrometheus({ cluster: 'us' })
    us.answers.set('/api/v1/read', (response: ServerResponse) =>
      response.writeHead(503).end('down'),
    )
    const { series } = await storeApiOver([eu.unit, us.unit])
    const frames = await series({})
    expect(labelsOf(frames)).toEqual(['m{cluster="eu"}'])
    expect(frames.map(({ warning }) => warning)).toEqual([
      undefined,
      `${us.unit.prometheus.url} answered 503: down`,
    ])
    const refused = series({ partialResponseStrategy: 'ABORT' })
    await expect(refused).rejects.toThrow('14 UNAVAILABLE')
    await expect(series({ matchers: [equal('cluster', 'us'), ANY] })).rejects.toThrow(
      'answered 503',
    )
  })

  it('are an error when none answers', async () => {
    const fakes = await Promise.all(['eu', 'us'].map((cluster) => fakePrometheus({ cluster })))
    for (const { answers } of fakes) {
      answers.set('/api/v1/read', (response: ServerResponse) => response.writeHead(500).end('no'))
    }
    const { series } = await storeApiOver(fakes.map(({ unit }) => unit))
    await expect(series({})).rejects.toThrow(/14 UNAVAILABLE: .*answered 500: no; .*answered 500/)
  })
})

describe('a Prometheus', () => {
  it('that has not said its labels yet is unavailable', async () => {
    const { unit } = await fakePrometheus({})
    const { series } = await storeApiOver([unit])
    await expect(series({})).rejects.toThrow('14 UNAVAILABLE: prometheus has not answered yet')
  })

  it('is let go when the client goes, within a stream', async () => {
    const fake = await fakePrometheus(EU)
    const closed = Promise.withResolvers<void>()
    const writer = new ChunkedReadWriter(1e9)
    const samples = every(1000, 0, 1_000_000, (t) => Math.sin(t))
    for (let i = 0; i < 200; i++) writer.add(0, ['__name__', `m${1000 + i}`], samples)
    const body = writer.take()
    fake.answers.set('/api/v1/labels', ['__name__'])
    fake.answers.set('/api/v1/read', (response: ServerResponse) => {
      response.on('close', closed.resolve)
      const type = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'
      response.writeHead(200, { 'content-type': type }).write(body)
    })
    const { client } = await storeApiOver([fake.unit])
    const request = seriesRequest.encode({ maxTime: 9, matchers: [ANY] })
    const stream = open(client, storeService.series, request)
    stream.on('error', () => {})
    for await (const frame of stream) {
      expect(frame).toBeInstanceOf(Uint8Array)
      break
    }
    stream.cancel()
    await closed.promise
  })
})

/** A streamed answer with a chunk that Prometheus 3.14 wrote with --enable-feature=xor2-encoding. */
async function xor2Answer(): Promise<Uint8Array> {
  const root = 'test/data/prometheus-3.14-start-times'
  const block = (await readdir(root)).find((name) => /^[0-9A-Z]{26}$/.test(name))!
  const segment = new ByteReader(await readFile(join(root, block, 'chunks', '000001')), 8)
  let encoding = 0
  let data: Uint8Array = new Uint8Array(0)
  while (encoding !== XOR2) {
    const size = segment.uvarint()
    encoding = segment.uint8()
    data = segment.take(size)
    segment.skip(4)
  }
  const out = new ProtoWriter()
  const series = out.begin(1)
  const label = out.begin(1)
  out.string(1, '__name__')
  out.string(2, 'm')
  out.end(label)
  const chunk = out.begin(2)
  out.int(3, encoding)
  out.bytesOf(4, data)
  out.end(chunk)
  out.end(series)
  const message = out.bytes()
  const frame = new ByteWriter()
  frame.uvarint(message.length)
  frame.uint32(crc32c(message))
  frame.append(message)
  return frame.bytes()
}

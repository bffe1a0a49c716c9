/** A StoreAPI over a bucket, asked without a network. */
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { GrpcCall, GrpcService } from '#lib/grpc/calls.ts'
import { Gate } from '#lib/grpc/gate.ts'
import { type InfoResponse, infoResponse } from '#lib/grpc/info-messages.ts'
import { decodeSeriesResponse, type SeriesResponse } from '#lib/grpc/series-messages.ts'
import * as messages from '#lib/grpc/store-messages.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { blockSeriesStore, type BlockSeriesStoreParts } from '#lib/store-api/block-series-store.ts'
import { NO_LIMITS } from '#lib/store-api/request-limits.ts'
import { infoApiService, storeApiService } from '#lib/store-api/store-service.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'

export interface SeriesAnswer {
  readonly frames: readonly SeriesResponse[]
  readonly labels: readonly Labels[]
  readonly warnings: readonly string[]
}

export interface TestStore {
  series(request: Partial<messages.SeriesRequest>): Promise<SeriesAnswer>
  names(request: Partial<messages.LabelNamesRequest>): Promise<messages.LabelNamesResponse>
  values(request: Partial<messages.LabelValuesRequest>): Promise<messages.LabelValuesResponse>
  info(): Promise<InfoResponse>
}

export const EVER = { minTime: -Infinity, maxTime: Infinity }

export function testStore(
  bucket: Bucket,
  parts: Partial<BlockSeriesStoreParts> = {},
  nowMs = 0,
): TestStore {
  const now = (): number => nowMs
  const store = blockSeriesStore({
    bucket,
    index: new BucketIndexReader(bucket, { now, maxAgeMs: 0 }),
    cache: new StoreCache(64 * 1024 * 1024),
    limits: NO_LIMITS,
    times: () => ({ startMs: -Infinity, endMs: Infinity }),
    shows: () => true,
    ...parts,
  })
  return storeOver([
    storeApiService({ store, gate: new Gate(2), now }),
    infoApiService(store, 'store'),
  ])
}

export function storeOver(services: readonly GrpcService[], signal = NEVER): TestStore {
  const call: GrpcCall = { signal, peer: 'test', header: () => '' }
  const methods = new Map(
    services.flatMap((service) => service.methods.map((one) => [one.definition.originalName, one])),
  )
  const ask = async (name: string, request: Uint8Array): Promise<Uint8Array[]> => {
    const method = methods.get(name)
    const frames: Uint8Array[] = []
    const sink = {
      write: (frame: Uint8Array): Promise<void> => {
        frames.push(frame)
        return Promise.resolve()
      },
    }
    if (method?.kind === 'unary') return [await method.handle(request, call)]
    if (method?.kind === 'server_stream') await method.handle(request, call, sink)
    return frames
  }
  return {
    async series(request) {
      const bytes = await ask('Series', messages.seriesRequest.encode({ ...EVER, ...request }))
      const frames = bytes.map(decodeSeriesResponse)
      const series = frames.flatMap((frame) => frame.series)
      return {
        frames,
        labels: series.map(({ labels }) => labels),
        warnings: frames.flatMap(({ warning }) => warning ?? []),
      }
    },
    async names(request) {
      const ever = { start: -Infinity, end: Infinity, ...request }
      const [answer] = await ask('LabelNames', messages.labelNamesRequest.encode(ever))
      return messages.labelNamesResponse.decode(answer!)
    },
    async values(request) {
      const ever = { start: -Infinity, end: Infinity, ...request }
      const [answer] = await ask('LabelValues', messages.labelValuesRequest.encode(ever))
      return messages.labelValuesResponse.decode(answer!)
    },
    async info() {
      const [answer] = await ask('Info', new Uint8Array(0))
      return infoResponse.decode(answer!)
    },
  }
}

const NEVER = new AbortController().signal

/** `name="value"`, `name!="value"`, `name=~"…"`, `name!~"…"`. */
export function matchers(...texts: readonly string[]): Matcher[] {
  return texts.map((text) => {
    const [, name, type, value] = /^(\w+)(=~|!~|!=|=)"(.*)"$/.exec(text)!
    return { name: name!, type: type as Matcher['type'], value: value! }
  })
}

/** Raw samples of a series that may be in many frames, as `[time, value]`. */
export function samplesOf({ frames }: SeriesAnswer, wanted: Labels): [number, number][] {
  const builder = new ColumnBuilder()
  const samples: [number, number][] = []
  for (const { labels, chunks } of frames.flatMap(({ series }) => series)) {
    if (labels.join() !== wanted.join()) continue
    for (const { raw } of chunks) {
      builder.reset()
      decodeChunk(raw!.encoding, raw!.data, builder)
      const { length, timestamps, values } = builder.columns()
      for (let i = 0; i < length; i++) samples.push([timestamps[i]!, values[i]!])
    }
  }
  return samples
}

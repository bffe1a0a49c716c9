/** A client's side of remote read: requests into bytes, and answers out of them. */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { ProtoReader, ProtoWriter } from '#lib/bytes/protobuf.ts'
import { decodeSnappy, encodeSnappy } from '#lib/bytes/snappy.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { RemoteReadHints } from '#lib/remote/read-request.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns } from '#lib/tsdb/chunk/columns.ts'
import type { SampleColumns } from '#lib/model/samples.ts'

export const SAMPLES = 0
export const CHUNKS = 1

export interface AskedQuery {
  readonly startMs: number
  readonly endMs: number
  readonly matchers: readonly Matcher[]
  readonly hints?: RemoteReadHints
}

export function encodeReadRequest(
  queries: readonly AskedQuery[],
  acceptedTypes: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter()
  for (const { startMs, endMs, matchers, hints } of queries) {
    const query = out.begin(1)
    out.int(1, startMs)
    out.int(2, endMs)
    for (const { type, name, value } of matchers) {
      const matcher = out.begin(3)
      out.int(1, ['=', '!=', '=~', '!~'].indexOf(type))
      out.string(2, name)
      out.string(3, value)
      out.end(matcher)
    }
    if (hints !== undefined) {
      const start = out.begin(4)
      out.int(1, hints.stepMs)
      out.string(2, hints.func)
      out.int(3, startMs)
      out.int(4, endMs)
      for (const label of hints.grouping) out.string(5, label)
      out.int(6, hints.by ? 1 : 0)
      out.int(7, hints.rangeMs)
      out.end(start)
    }
    out.end(query)
  }
  for (const type of acceptedTypes) out.int(2, type)
  return encodeSnappy(out.bytes())
}

export interface ReadSeries {
  readonly labels: readonly string[]
  /** [ms, value], or [ms, 'count/sum'] of a histogram. */
  readonly samples: readonly (readonly [number, number | string])[]
}

/** A list of series for each query. */
export function decodeSamples(body: Uint8Array): ReadSeries[][] {
  const reader = new ProtoReader(decodeSnappy(body))
  const results: ReadSeries[][] = []
  while (reader.next()) {
    const result = reader.message()
    const series: ReadSeries[] = []
    while (result.next()) series.push(readSeries(result.message()))
    results.push(series)
  }
  return results
}

function readSeries(reader: ProtoReader): ReadSeries {
  const labels: string[] = []
  const samples: [number, number | string][] = []
  while (reader.next()) {
    const message = reader.message()
    if (reader.field === 1) labels.push(...readLabel(message))
    else samples.push(readSample(message, reader.field === 4))
  }
  return { labels, samples: samples.sort(([a], [b]) => a - b) }
}

function readLabel(message: ProtoReader): string[] {
  const texts: string[] = []
  while (message.next()) texts.push(message.string())
  return texts
}

function readSample(message: ProtoReader, histogram: boolean): [number, number | string] {
  const doubles = new Map<number, number>()
  let time = 0
  while (message.next()) {
    if (message.field === (histogram ? 15 : 2)) time = message.int()
    else if (message.field === 1 || (histogram && message.field <= 3)) {
      doubles.set(message.field, message.double())
    } else message.skip()
  }
  if (!histogram) return [time, doubles.get(1)!]
  return [time, `${doubles.get(2)}/${doubles.get(3)}`]
}

export interface ChunkedSeries {
  readonly queryIndex: number
  readonly labels: readonly string[]
  readonly encodings: readonly number[]
  readonly samples: SampleColumns
}

/** Frame by frame, checksums and times of chunks compared. */
export function decodeChunks(body: Uint8Array): ChunkedSeries[] {
  const frames = new ByteReader(body)
  const series: ChunkedSeries[] = []
  while (frames.remaining > 0) {
    const size = frames.uvarint32()
    const crc = frames.uint32()
    const bytes = frames.take(size)
    if (crc32c(bytes) !== crc) throw new Error('checksum of a frame')
    series.push(readFrame(new ProtoReader(bytes)))
  }
  return series
}

function readFrame(reader: ProtoReader): ChunkedSeries {
  const labels: string[] = []
  const encodings: number[] = []
  const columns = new ColumnBuilder()
  let queryIndex = 0
  while (reader.next()) {
    if (reader.field === 2) {
      queryIndex = reader.int()
      continue
    }
    const message = reader.message()
    while (message.next()) {
      if (message.field === 1) labels.push(...readLabel(message.message()))
      else encodings.push(readChunk(message.message(), columns))
    }
  }
  return { queryIndex, labels, encodings, samples: copyColumns(columns.columns()) }
}

function readChunk(message: ProtoReader, into: ColumnBuilder): number {
  const numbers = new Map<number, number>()
  let data = new Uint8Array(0)
  while (message.next()) {
    if (message.field === 4) data = new Uint8Array(message.bytes())
    else numbers.set(message.field, message.int())
  }
  const from = into.length
  decodeChunk(numbers.get(3)!, data, into)
  const { timestamps } = into
  if (timestamps[from] !== numbers.get(1) || timestamps[into.length - 1] !== numbers.get(2)) {
    throw new Error('a chunk is not of the time it says')
  }
  return numbers.get(3)!
}

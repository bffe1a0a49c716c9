/** Reads series out of a running Prometheus by its remote read: as streamed chunks, or as samples where it has no chunks to give. */
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { FrameSplitter, readFrame } from '#lib/remote/chunks-reader.ts'
import { CHUNKS, encodeReadRequest, SAMPLES } from '#lib/remote/read-request.ts'
import { decodeReadResponse } from '#lib/remote/samples-reader.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { type HttpAnswer, readBytes, readText } from '#lib/http-client/answer.ts'
import { type PrometheusClient, refusal } from './prometheus-client.ts'

export interface RemoteQuery {
  readonly matchers: readonly Matcher[]
  /** Closed interval. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

export interface RemoteSeries {
  /** With the external labels that Prometheus knows, where the series does not have labels of their names. */
  readonly labels: Labels
  /** In order of time; the first and last may have samples outside of the interval. */
  readonly chunks: readonly ReadyChunk[]
}

/** An answer of samples can't be read piece by piece. */
const MAX_SAMPLED_BYTES = 256 * 1024 * 1024

/**
 * Series after series, as Prometheus orders them: by their labels without the external ones. Nothing is held but the
 * series that is read, and Prometheus waits while the caller does. Ends with a DomainError; to stop early ends the request.
 */
export async function* remoteRead(
  prometheus: Pick<PrometheusClient, 'url' | 'request'>,
  { matchers, minTimeMs, maxTimeMs }: RemoteQuery,
  signal: AbortSignal,
): AsyncGenerator<RemoteSeries> {
  const query = { startMs: safe(minTimeMs), endMs: safe(maxTimeMs), matchers }
  const answer = await prometheus.request('/api/v1/read', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-read-version': '0.1.0',
    },
    body: encodeReadRequest([query], [CHUNKS, SAMPLES]),
    signal,
  })
  try {
    if (answer.status !== 200) {
      const text = await readText(answer, 64 * 1024)
      throw refusal(prometheus.url, { status: answer.status, text })
    }
    const type = answer.headers['content-type'] ?? ''
    if (type.startsWith('application/x-streamed-protobuf')) yield* streamed(answer)
    else if (type.startsWith('application/x-protobuf')) yield* sampled(answer)
    else {
      const text = `${prometheus.url}/api/v1/read answered with content of type "${type}"`
      throw new DomainError('unavailable', text)
    }
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    // Of the connection, or of Prometheus at this moment: nothing that is stored.
    const text = `${prometheus.url}/api/v1/read: ${cause.message}`
    throw new DomainError('unavailable', text, { cause })
  } finally {
    answer.discard()
  }
}

async function* streamed(answer: HttpAnswer): AsyncGenerator<RemoteSeries> {
  const frames = new FrameSplitter()
  let open: { readonly labels: Labels; readonly chunks: ReadyChunk[] } | undefined
  for await (const piece of answer.body) {
    for (const frame of frames.push(piece)) {
      for (const { labels, chunks } of readFrame(frame).series) {
        if (open !== undefined && compareLabels(open.labels, labels) === 0) {
          open.chunks.push(...chunks)
          continue
        }
        if (open !== undefined) yield open
        open = { labels, chunks: [...chunks] }
      }
    }
  }
  frames.end()
  if (open !== undefined) yield open
}

async function* sampled(answer: HttpAnswer): AsyncGenerator<RemoteSeries> {
  const body = await readBytes(answer, MAX_SAMPLED_BYTES)
  for (const result of decodeReadResponse(body, MAX_SAMPLED_BYTES)) {
    for (const { labels, samples } of result) {
      // Prometheus may give series without any sample.
      if (samples.length > 0) yield { labels, chunks: encodeChunks(samples) }
    }
  }
}

/** What a number of the protocol can say exactly. */
function safe(ms: number): number {
  return Math.min(Math.max(ms, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}

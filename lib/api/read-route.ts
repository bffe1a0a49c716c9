/** `/api/v1/read`: Prometheus's remote read, in both of its answers. */
import { DomainError } from '#lib/model/errors.ts'
import { NO_SAMPLES } from '#lib/model/samples.ts'
import type { SeriesSet } from '#lib/storage/storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { BROKEN_FRAME, ChunkedReadWriter } from '#lib/remote/read-chunks.ts'
import type { RemoteReadQuery, RemoteReadRequest } from '#lib/remote/read-request.ts'
import {
  chooseResponseType,
  decodeReadRequest,
  MAX_READ_REQUEST_BYTES,
} from '#lib/remote/read-request.ts'
import { ReadResponseWriter } from '#lib/remote/read-samples.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { Answer } from './answer.ts'
import { timeoutMs, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { readLimited } from './form.ts'
import { readWholeScope } from './scope-params.ts'

export async function remoteRead(call: Call): Promise<Answer> {
  const body = await readLimited(call.request, {
    limit: MAX_READ_REQUEST_BYTES,
    message: `request is larger than ${MAX_READ_REQUEST_BYTES} bytes`,
  })
  const request = decodeReadRequest(body)
  const type = chooseResponseType(request.acceptedTypes)
  const { maxAnswerBytes } = call.parts.limits
  if (type === 'samples') {
    const bytes = await writeSamples(call, request, new ReadResponseWriter(maxAnswerBytes))
    const headers = { 'content-encoding': 'snappy' }
    return { ...answerOf(bytes, 'application/x-protobuf'), headers }
  }
  const pieces = writeChunks(call, request, new ChunkedReadWriter(maxAnswerBytes))
  const streamed = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'
  return { ...answerOf(pieces, streamed), breakOff: BROKEN_FRAME }
}

function answerOf(body: Answer['body'], contentType: string): Answer {
  return { status: 200, contentType, body, cacheable: true }
}

async function writeSamples(
  call: Call,
  { queries }: RemoteReadRequest,
  writer: ReadResponseWriter,
): Promise<Uint8Array<ArrayBuffer>> {
  const limit = call.parts.limits.remoteReadSamples
  for (const query of queries) {
    const set = await selectFor(call, query)
    let count = 0
    writer.beginResult()
    for (const [i, labels] of set.labels.entries()) {
      const samples = set.samples(i)
      count += samples.length
      if (count > limit) throw new DomainError('invalid', `exceeded sample limit (${limit})`)
      writer.add(labels, samples)
    }
    writer.endResult()
  }
  return writer.finish()
}

async function* writeChunks(
  call: Call,
  { queries }: RemoteReadRequest,
  writer: ChunkedReadWriter,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { pieceBytes = Infinity } = call.parts.limits
  for (const [index, query] of queries.entries()) {
    const set = await selectFor(call, query)
    for (const [i, labels] of set.labels.entries()) {
      writer.add(index, labels, set.samples(i))
      if (writer.length >= pieceBytes) yield writer.take()
    }
  }
  yield writer.take()
}

/** One after the other: the samples of one query at a time are enough to hold. */
async function selectFor(call: Call, query: RemoteReadQuery): Promise<SeriesSet> {
  const { startMs, endMs, matchers, hints } = query
  // A pattern that is none is the client's fault, whatever blocks there are.
  for (const matcher of matchers) compileMatcher(matcher)
  const { stepMs, rangeMs, func, grouping, by } = hints
  const labelsOnly = func === 'series'
  const request = {
    matchers,
    startMs,
    endMs,
    hints: { ...NO_HINTS, stepMs, rangeMs, func, grouping, by, labelsOnly },
  }
  const set = await withDeadline(timeoutMs(call), call.client, (signal) =>
    call.parts.backend.select(request, readWholeScope(call), signal),
  )
  // What asks for series wants their labels.
  return labelsOnly ? { ...set, samples: () => NO_SAMPLES } : set
}

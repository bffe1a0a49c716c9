/** Lambda's API for callers: Invoke and InvokeWithResponseStream, as the AWS SDK speaks them. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { encodeEvent } from './event-stream.ts'
import type { FunctionPool } from './function-pool.ts'
import { ThrottledError } from './function-pool.ts'
import type { Invoker } from './invoker.ts'
import { LIMITS } from './limits.ts'
import { readBodyWithin } from './loopback.ts'

const ROUTE =
  /^\/(?:2015-03-31|2021-11-15)\/functions\/([^/]+)\/(invocations|response-streaming-invocations)(?:\?|$)/

/** What Lambda does with a failed event unless it is told otherwise. */
const EVENT_RETRIES = 2

export class InvokeApi {
  readonly #invoker: Invoker

  constructor(invoker: Invoker) {
    this.#invoker = invoker
  }

  /** False when the request is not for this API. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const match = ROUTE.exec(request.url ?? '')
    if (match === null || request.method !== 'POST') return false
    const reference = referenceOf(decodeURIComponent(match[1] ?? ''), request.url ?? '')
    const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse'
    const limit = type === 'Event' ? LIMITS.asyncRequestBytes : LIMITS.requestBytes
    const payload = await readBodyWithin(request, limit)
    const pool = this.#invoker.find(reference)
    if (pool === undefined) {
      refuse(response, 404, 'ResourceNotFoundException', `Function not found: ${reference}`)
    } else if (payload === undefined) {
      refuse(
        response,
        413,
        'RequestTooLargeException',
        `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
      )
    } else if (type === 'DryRun') {
      response.writeHead(204).end()
    } else if (type === 'Event') {
      this.#invoker.invokeLater(reference, event(payload), EVENT_RETRIES)
      response.writeHead(202, { 'x-amzn-requestid': randomUUID() }).end()
    } else {
      await this.#invoke(pool, match[2] ?? '', request, response, event(payload))
    }
    return true
  }

  async #invoke(
    pool: FunctionPool,
    operation: string,
    request: IncomingMessage,
    response: ServerResponse,
    payload: Uint8Array,
  ): Promise<void> {
    const withLog = request.headers['x-amz-log-type'] === 'Tail'
    try {
      if (operation === 'invocations') await buffered(pool, response, payload, withLog)
      else await streamed(pool, response, payload, withLog)
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error
      refuse(response, 429, 'TooManyRequestsException', error.message, {
        Reason: 'ConcurrentInvocationLimitExceeded',
      })
    }
  }
}

/** A version or an alias is in the name of the function or beside it. */
function referenceOf(name: string, url: string): string {
  const qualifier = new URL(url, 'http://local').searchParams.get('Qualifier')
  return qualifier === null ? name : `${name}:${qualifier}`
}

/** A caller that sends nothing sends an empty event. */
function event(payload: Buffer): Uint8Array {
  return payload.length === 0 ? Buffer.from('{}') : payload
}

async function buffered(
  pool: FunctionPool,
  response: ServerResponse,
  payload: Uint8Array,
  withLog: boolean,
): Promise<void> {
  const chunks: Uint8Array[] = []
  const { failure, requestId, logTail } = await pool.invoke({
    payload,
    write: (chunk) => void chunks.push(chunk),
  })
  const body = failure?.payload ?? Buffer.concat(chunks)
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-amzn-requestid': requestId,
    'x-amz-executed-version': pool.spec.version,
    ...(failure === undefined ? {} : { 'x-amz-function-error': 'Unhandled' }),
    ...(withLog ? { 'x-amz-log-result': Buffer.from(logTail).toString('base64') } : {}),
  })
  response.end(body)
}

async function streamed(
  pool: FunctionPool,
  response: ServerResponse,
  payload: Uint8Array,
  withLog: boolean,
): Promise<void> {
  const { failure, logTail } = await pool.invoke({
    payload,
    streaming: true,
    accepted: (requestId) => {
      response.writeHead(200, {
        'content-type': 'application/vnd.amazon.eventstream',
        'x-amzn-requestid': requestId,
        'x-amz-executed-version': pool.spec.version,
      })
      response.flushHeaders()
    },
    write: (chunk) =>
      void response.write(encodeEvent('PayloadChunk', 'application/octet-stream', chunk)),
  })
  const complete = {
    ...(failure === undefined
      ? {}
      : { ErrorCode: failure.type, ErrorDetails: Buffer.from(failure.payload).toString() }),
    ...(withLog ? { LogResult: Buffer.from(logTail).toString('base64') } : {}),
  }
  response.end(
    encodeEvent('InvokeComplete', 'application/json', Buffer.from(JSON.stringify(complete))),
  )
}

function refuse(
  response: ServerResponse,
  status: number,
  type: string,
  message: string,
  facts: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-amzn-errortype': type,
    'x-amzn-requestid': randomUUID(),
  })
  response.end(JSON.stringify({ Type: 'User', message, ...facts }))
}

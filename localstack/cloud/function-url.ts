/** A function's own URL: any path, payload format 2.0, and the answer whole or as it is made. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { FunctionUrlSpec } from './assembly-urls.ts'
import { IAM } from './authorizer.ts'
import { ThrottledError } from './function-pool.ts'
import { encodeRequest, splitUrl, writeResult } from './http-payload.ts'
import { PreludeReader } from './http-prelude.ts'
import type { Invoker } from './invoker.ts'
import { LIMITS } from './limits.ts'
import { readBodyWithin } from './loopback.ts'

export interface FunctionUrlOptions {
  readonly spec: FunctionUrlSpec
  readonly invoker: Invoker
  readonly now: () => number
  /** Context of an authorizer for everybody, whatever the URL asks for. */
  readonly openWith?: Readonly<Record<string, string>> | undefined
}

export class FunctionUrl {
  readonly #options: FunctionUrlOptions

  constructor(options: FunctionUrlOptions) {
    this.#options = options
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { spec, now } = this.#options
    const [path, query] = splitUrl(request.url ?? '/')
    const body = await readBodyWithin(request, LIMITS.requestBytes)
    if (body === undefined) return say(response, 413, 'Request Entity Too Large')
    const authorizer = this.#authorizer(request)
    if (authorizer === undefined) return say(response, 403, 'Forbidden')
    const event = encodeRequest({
      request,
      requestId: randomUUID(),
      path,
      query,
      body,
      routeKey: '$default',
      pathParameters: {},
      nowMs: now(),
    })
    const requestContext = { ...(event['requestContext'] as object), ...authorizer }
    const payload = Buffer.from(JSON.stringify({ ...event, requestContext }))
    if (payload.length > LIMITS.requestBytes) return say(response, 413, 'Request Entity Too Large')
    try {
      if (spec.streams) await this.#stream(payload, response)
      else await this.#buffer(payload, response)
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error
      say(response, 429, 'Rate Exceeded.')
    }
  }

  /** Undefined: not let in. There is no IAM here: whoever has signed at all is let in. */
  #authorizer(request: IncomingMessage): object | undefined {
    const { spec, openWith } = this.#options
    if (openWith !== undefined) return { authorizer: { lambda: openWith } }
    if (spec.authorization === 'none') return {}
    const isSigned = request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ') === true
    return isSigned ? { authorizer: IAM } : undefined
  }

  async #buffer(payload: Uint8Array, response: ServerResponse): Promise<void> {
    const { spec, invoker } = this.#options
    const result = await invoker.invoke(spec.reference, payload)
    if (result.failure !== undefined || !writeResult(response, result.payload)) {
      say(response, 502, 'Internal Server Error')
    }
  }

  /** A function is not told that its client is gone: it goes on, and what it writes is dropped. */
  async #stream(payload: Uint8Array, response: ServerResponse): Promise<void> {
    const { spec, invoker } = this.#options
    const reader = new PreludeReader()
    const end = await invoker.get(spec.reference).invoke({
      payload,
      streaming: true,
      write: async (chunk, contentType) => {
        const body = reader.push(chunk, contentType)
        if (reader.prelude === undefined || response.closed) return
        if (!response.headersSent) {
          response.writeHead(reader.prelude.status, reader.prelude.headers)
          response.flushHeaders()
        }
        if (body.length > 0 && !response.write(body)) await drained(response)
      },
    })
    if (end.failure === undefined && response.headersSent) response.end()
    else if (response.headersSent) response.destroy()
    else say(response, 502, 'Internal Server Error')
  }
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.closed) return
  const over = new AbortController()
  const { signal } = over
  const events = ['drain', 'close'].map((event) => once(response, event, { signal }))
  await Promise.race(events).finally(() => over.abort())
  // The one that was not waited for any more rejects.
  await Promise.allSettled(events)
}

function say(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ Message: message }))
}

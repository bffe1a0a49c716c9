/** A fetch app as the handler of a function URL that streams: the body goes out as it is made, no faster than it is taken. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { DomainError } from '#lib/model/errors.ts'
import { type FetchApp, type HttpEvent, requestOf } from './http.ts'

/** What Lambda's Node runtime offers as a global. */
declare const awslambda: {
  streamifyResponse(handler: (event: HttpEvent, out: Writable) => Promise<void>): unknown
  readonly HttpResponseStream: { from(out: Writable, prelude: HttpPrelude): Writable }
}

/** What goes before the body. */
export interface HttpPrelude {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies?: readonly string[] | undefined
}

/** What Lambda lets through of one answer, with room for the prelude. */
export const MAX_STREAM_BYTES = 200 * 1024 * 1024 - 64 * 1024

/** Of the pieces that an answer is made in. */
export const STREAM_PIECE_BYTES = 1024 * 1024

export function streamHttp(app: Promise<FetchApp>): unknown {
  return awslambda.streamifyResponse(async (event, out) => {
    await answerStreaming(await app, event, {
      closed: out,
      begin: (prelude) => awslambda.HttpResponseStream.from(out, prelude),
    })
  })
}

export interface StreamTarget {
  /** Closes when nobody takes the answer any more. */
  readonly closed: Writable
  readonly begin: (prelude: HttpPrelude) => Writable
}

/**
 * Rejects where the answer breaks off, and the runtime then tells the platform so. Whoever goes away ends the work, as far as the platform
 * tells the function.
 */
export async function answerStreaming(
  app: FetchApp,
  event: HttpEvent,
  { closed, begin }: StreamTarget,
): Promise<void> {
  const gone = new AbortController()
  const close = (): void =>
    gone.abort(new DomainError('canceled', 'nobody takes the answer any more'))
  closed.once('close', close)
  closed.once('error', close)
  try {
    const response = await app.fetch(requestOf(event, gone.signal), {
      event,
      clientSubject: undefined,
    })
    gone.signal.throwIfAborted()
    const out = begin(preludeOf(response))
    // Without a write there is no prelude, and the client would wait for ever.
    if (response.body === null) out.write('')
    else await send(response.body, out, gone.signal)
    closed.off('close', close)
    out.end()
  } finally {
    closed.off('close', close)
  }
}

async function send(
  body: ReadableStream<Uint8Array>,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  let isEmpty = true
  for await (const chunk of body) {
    signal.throwIfAborted()
    isEmpty = false
    if (!out.write(chunk)) await once(out, 'drain', { signal })
  }
  if (isEmpty) out.write('')
}

function preludeOf(response: Response): HttpPrelude {
  const headers: Record<string, string> = {}
  for (const [name, value] of response.headers) {
    // It is sent in chunks, and cookies have a place of their own.
    if (name !== 'set-cookie' && name !== 'content-length') headers[name] = value
  }
  const cookies = response.headers.getSetCookie()
  return { statusCode: response.status, headers, ...(cookies.length > 0 && { cookies }) }
}

/** A Lambda handler that answers with a stream of bytes. */
import type { Writable } from 'node:stream'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** What Lambda's Node runtime offers as a global. */
declare const awslambda: {
  streamifyResponse(handler: (event: unknown, response: Writable) => Promise<void>): unknown
}

/** Backpressure included; an exception before the first byte becomes a function error. */
export function streamHandler(answer: (event: unknown) => AsyncIterable<Uint8Array>): unknown {
  return awslambda.streamifyResponse(async (event, response) => {
    await pipeline(Readable.from(answer(event), { objectMode: false }), response)
  })
}

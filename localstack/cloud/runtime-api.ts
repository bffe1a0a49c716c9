/** The Runtime API of one execution environment: the HTTP side that Lambda's runtime client talks to. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import { listenOnLoopback, readBody } from './loopback.ts'

export interface Invocation {
  readonly requestId: string
  readonly functionArn: string
  readonly deadlineMs: number
  readonly payload: Uint8Array
}

export interface AnswerFacts {
  readonly streaming: boolean
  readonly contentType: string
}

/** What the runtime tells. Each invocation ends in one `finished` or `failed`, and then one `waiting`. */
export interface RuntimeListener {
  /** The runtime asks for work: it is initialized, and done with what it had. */
  waiting(): void
  /** A piece of the answer. */
  wrote(chunk: Uint8Array, answer: AnswerFacts): void | Promise<void>
  finished(): void
  failed(error: FunctionFailure): void
  initFailed(error: FunctionFailure): void
}

/** An error as the runtime reports it. `payload` is the JSON that the caller of Invoke gets. */
export interface FunctionFailure {
  readonly type: string
  readonly payload: Uint8Array
}

const PREFIX = '/2018-06-01/runtime'

export class RuntimeApi {
  readonly #listener: RuntimeListener
  readonly #server: Server
  #next: ServerResponse | undefined
  #requestId: string | undefined

  constructor(listener: RuntimeListener) {
    this.#listener = listener
    this.#server = createServer((request, response) => void this.#answer(request, response))
    // A runtime that is busy, or stands still between requests, comes back over the connection that it has.
    this.#server.keepAliveTimeout = 0
    // An answer may be written for as long as a function runs.
    this.#server.requestTimeout = 0
  }

  /** Resolves with `host:port`. */
  async listen(): Promise<string> {
    return `127.0.0.1:${await listenOnLoopback(this.#server, 0)}`
  }

  /** Hands over an invocation to a runtime that waits. */
  deliver({ requestId, functionArn, deadlineMs, payload }: Invocation): void {
    const next = this.#next
    if (next === undefined) throw new Error('bug: an invocation for a runtime that does not wait')
    this.#next = undefined
    this.#requestId = requestId
    next.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': requestId,
      'lambda-runtime-deadline-ms': String(deadlineMs),
      'lambda-runtime-invoked-function-arn': functionArn,
      // The runtime client hands it to the SDK, which sends it along with every request.
      'lambda-runtime-trace-id': traceIdOf(requestId),
    })
    next.end(payload)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = request.url ?? ''
      if (path === `${PREFIX}/invocation/next`) {
        this.#next = response
        this.#waitingWhenAnswered()
        return
      }
      if (path === `${PREFIX}/init/error`) {
        this.#listener.initFailed(failureOf(await readBody(request)))
      } else if (path === `${PREFIX}/invocation/${this.#requestId}/response`) {
        await this.#response(request)
      } else if (path === `${PREFIX}/invocation/${this.#requestId}/error`) {
        this.#listener.failed(failureOf(await readBody(request)))
        this.#requestId = undefined
      } else {
        response.writeHead(404).end()
        return
      }
      response.writeHead(202).end()
      this.#waitingWhenAnswered()
    } catch {
      // The process went away in the middle; its exit says so to whom it concerns.
      response.destroy()
    }
  }

  /** The answer and the next request come over two connections, in either order. */
  #waitingWhenAnswered(): void {
    if (this.#next !== undefined && this.#requestId === undefined) this.#listener.waiting()
  }

  async #response(request: IncomingMessage): Promise<void> {
    const streaming = request.headers['lambda-runtime-function-response-mode'] === 'streaming'
    const contentType = request.headers['content-type'] ?? ''
    for await (const chunk of request) {
      await this.#listener.wrote(chunk as Buffer, { streaming, contentType })
    }
    const type = request.trailers['lambda-runtime-function-error-type']
    const body = request.trailers['lambda-runtime-function-error-body']
    if (type === undefined) this.#listener.finished()
    else this.#listener.failed({ type, payload: Buffer.from(body ?? '', 'base64') })
    this.#requestId = undefined
  }
}

/** X-Ray's form, of a UUID: `Root=1-<8 digits>-<24 digits>`. */
function traceIdOf(requestId: string): string {
  const digits = requestId.replaceAll('-', '')
  return `Root=1-${digits.slice(0, 8)}-${digits.slice(8)};Parent=${digits.slice(0, 16)};Sampled=0`
}

function failureOf(body: Uint8Array): FunctionFailure {
  const { errorType } = JSON.parse(Buffer.from(body).toString()) as { errorType?: string }
  return { type: errorType ?? 'Error', payload: body }
}

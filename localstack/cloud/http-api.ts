/** An HTTP API of API Gateway: routes, CORS, throttling, authorizers, and requests as events of payload format 2.0. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { HttpApiSpec, RouteSpec } from './assembly-api.ts'
import { Authorizers, type Decision } from './authorizer.ts'
import { ThrottledError } from './function-pool.ts'
import { corsHeaders, preflight } from './http-cors.ts'
import { encodeRequest, splitUrl, writeResult } from './http-payload.ts'
import type { Invoker } from './invoker.ts'
import { LIMITS } from './limits.ts'
import { readBodyWithin } from './loopback.ts'
import { matchRoute } from './routes.ts'

export interface HttpApiOptions {
  readonly spec: HttpApiSpec
  readonly invoker: Invoker
  readonly now: () => number
  /** Context for everybody, instead of asking the function authorizers. */
  readonly openWith?: Readonly<Record<string, string>> | undefined
}

export class HttpApi {
  readonly #options: HttpApiOptions
  #spec: HttpApiSpec
  readonly #authorizers: Authorizers
  #tokens: number
  #refilledMs: number

  constructor(options: HttpApiOptions) {
    this.#options = options
    this.#spec = options.spec
    this.#authorizers = new Authorizers(options)
    this.#tokens = options.spec.throttle?.burst ?? Infinity
    this.#refilledMs = options.now()
  }

  /** From the next request on. Whether that was a change. */
  update(spec: HttpApiSpec): boolean {
    const changed = JSON.stringify(spec) !== JSON.stringify(this.#spec)
    this.#spec = spec
    return changed
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { cors, routes } = this.#spec
    const origin = request.headers.origin
    if (cors !== undefined && origin !== undefined) {
      if (preflight(request, response, cors)) return
      for (const [name, value] of corsHeaders(cors, origin)) response.setHeader(name, value)
    }
    if (!this.#takeToken()) return say(response, 429, 'Too Many Requests')
    const [path, query] = splitUrl(request.url ?? '/')
    const match = matchRoute(routes, request.method ?? 'GET', path)
    if (match === undefined) return say(response, 404, 'Not Found')
    const body = await readBodyWithin(request, LIMITS.gatewayBodyBytes)
    if (body === undefined) return say(response, 413, 'Request Entity Too Large')

    const requestId = randomUUID()
    const event = encodeRequest({
      request,
      requestId,
      path,
      query,
      body,
      routeKey: match.route.key,
      pathParameters: match.parameters,
      nowMs: this.#options.now(),
    })
    const decision = await this.#decide(match.route, event)
    if ('status' in decision) return say(response, decision.status, MESSAGES[decision.status])
    const { context } = decision
    const { requestContext } = event
    const payload = Buffer.from(
      JSON.stringify({
        ...event,
        requestContext: {
          ...(requestContext as object),
          ...(context !== undefined && { authorizer: context }),
        },
      }),
    )
    // What fits the gateway need not fit the function behind it.
    if (payload.length > LIMITS.requestBytes) return say(response, 413, 'Request Entity Too Large')
    response.setHeader('apigw-requestid', requestId)
    await this.#invoke(match.route, payload, response)
  }

  async #invoke(route: RouteSpec, payload: Uint8Array, response: ServerResponse): Promise<void> {
    const timedOut = Promise.withResolvers<undefined>()
    const timeoutMs = Math.min(route.timeoutMs, LIMITS.gatewayTimeoutMs)
    const timer = setTimeout(() => timedOut.resolve(undefined), timeoutMs)
    try {
      const invoked = this.#options.invoker.invoke(route.functionName, payload)
      // After the timeout the function goes on, and nobody listens.
      invoked.catch(() => {})
      const result = await Promise.race([invoked, timedOut.promise])
      if (result === undefined) return say(response, 503, 'Service Unavailable')
      if (result.failure !== undefined || !writeResult(response, result.payload)) {
        say(response, 500, 'Internal Server Error')
      }
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error
      say(response, 503, 'Service Unavailable')
    } finally {
      clearTimeout(timer)
    }
  }

  async #decide(route: RouteSpec, event: Record<string, unknown>): Promise<Decision> {
    try {
      return await this.#authorizers.decide(route, event)
    } catch (error) {
      if (!(error instanceof ThrottledError)) throw error
      return { status: 500 }
    }
  }

  #takeToken(): boolean {
    const { throttle } = this.#spec
    if (throttle === undefined) return true
    const { rate, burst } = throttle
    const nowMs = this.#options.now()
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * rate)
    this.#refilledMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

const MESSAGES = {
  401: 'Unauthorized',
  403: 'Forbidden',
  500: 'Internal Server Error',
} as const

function say(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ message }))
}

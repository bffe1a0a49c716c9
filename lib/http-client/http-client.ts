/** Requests over HTTP as Prometheus's own configuration says: credentials, TLS, proxies, redirects; answers as streams. */
import * as http from 'node:http'
import * as https from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DomainError } from '#lib/model/errors.ts'
import { authorizer } from './authorize.ts'
import type { HttpClient, HttpRequest } from './answer.ts'
import { type HttpClientConfig, parseHttpClientConfig } from './config.ts'
import { Connections } from './connections.ts'
import { basicAuthorization, hostOf } from './proxy.ts'
import { reasonOf } from './reason.ts'
import { portOf } from './tunnel.ts'

const MAX_REDIRECTS = 10

export interface HttpClientParts {
  /** Header of every request. */
  readonly userAgent: string
  /** Names proxies, where the configuration wants those of the environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Unix ms, for tokens that end. */
  readonly now: () => number
}

export function httpClient(config: HttpClientConfig, parts: HttpClientParts): HttpClient {
  const { userAgent, env = {}, now } = parts
  const connections = new Connections(config, env)
  const authorization = authorizer(
    config.authorization,
    (route) => httpClient({ ...parseHttpClientConfig(''), ...route }, parts),
    now,
  )

  /** Credentials and configured headers are only for whom they were meant: a redirect to another origin goes without. */
  async function headersFor(request: HttpRequest, trusted: boolean): Promise<OutgoingHeaders> {
    const headers: OutgoingHeaders = {
      'user-agent': userAgent,
      ...(config.transport.compression && { 'accept-encoding': 'gzip' }),
    }
    if (trusted) {
      for (const { name, values } of config.headers) {
        headers[name.toLowerCase()] = await Promise.all(values.map((value) => value.read()))
      }
      const value = await authorization.header(request.signal)
      if (value !== undefined) headers['authorization'] = value
      Object.assign(headers, request.headers)
    }
    return headers
  }

  async function send(request: HttpRequest, trusted: boolean): Promise<http.IncomingMessage> {
    const url = new URL(request.url)
    const { agent, proxy } = await connections.routeTo(url)
    const headers = await headersFor(request, trusted)
    const towards = proxy ?? url
    const proxyAuthorization = proxy && basicAuthorization(proxy)
    if (proxyAuthorization !== undefined) headers['proxy-authorization'] = proxyAuthorization
    const options: https.RequestOptions = {
      agent,
      method: request.method ?? 'GET',
      host: hostOf(towards),
      port: portOf(towards),
      path: proxy === undefined ? `${url.pathname}${url.search}` : url.href,
      headers: { ...headers, host: url.host },
      signal: request.signal,
    }
    const make = (): http.ClientRequest =>
      (towards.protocol === 'https:' ? https : http).request(options)
    return exchange(make, request.body, config.transport)
  }

  async function follow(given: HttpRequest): Promise<http.IncomingMessage> {
    const { origin } = new URL(given.url)
    let request = given
    for (let redirects = 0; ; redirects++) {
      const trusted = new URL(request.url).origin === origin
      const answer = await send(request, trusted)
      const status = answer.statusCode ?? 0
      if (status === 401 && trusted) authorization.refused()
      const next = config.followRedirects ? redirectOf(request, answer) : undefined
      if (next === undefined) return answer
      answer.resume()
      request = next
      if (redirects === MAX_REDIRECTS) {
        throw new DomainError('unavailable', `more than ${MAX_REDIRECTS} redirects`)
      }
    }
  }

  return {
    async request(given) {
      const timeout = given.timeoutMs === undefined ? undefined : deadline(given.timeoutMs)
      const signals = [given.signal, timeout?.signal].filter((signal) => signal !== undefined)
      const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0]
      const fault = (error: unknown, what: string): DomainError => {
        if (given.signal?.aborted) return new DomainError('canceled', 'canceled', { cause: error })
        if (timeout?.signal.aborted) {
          const text = `no answer from ${withoutQuery(given.url)} in ${given.timeoutMs} ms`
          return new DomainError('timeout', text, { cause: error })
        }
        if (error instanceof DomainError) return error
        const text = `${what} ${new URL(given.url).origin}: ${reasonOf(error)}`
        return new DomainError('unavailable', text, { cause: error })
      }
      try {
        if (signal?.aborted) throw signal.reason
        const message = await follow({ ...given, signal })
        const stream = unzipped(message)
        stream.once('close', () => timeout?.clear())
        return {
          status: message.statusCode ?? 0,
          headers: message.headers,
          body: translated(stream, (error) => fault(error, 'the answer broke off at')),
          discard: () => stream.destroy(),
        }
      } catch (error) {
        timeout?.clear()
        throw fault(error, 'no connection to')
      }
    },
    close() {
      connections.close()
      authorization.close()
    },
  }
}

type OutgoingHeaders = Record<string, string | string[]>

/** A request on a kept connection may meet its end; then it is sent once more. */
async function exchange(
  make: () => http.ClientRequest,
  body: Uint8Array | undefined,
  transport: HttpClientConfig['transport'],
): Promise<http.IncomingMessage> {
  for (let tries = 0; ; tries++) {
    const request = make()
    try {
      return await answerTo(request, body, transport)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (tries > 0 || !request.reusedSocket || (code !== 'ECONNRESET' && code !== 'EPIPE')) {
        throw error
      }
    }
  }
}

function answerTo(
  request: http.ClientRequest,
  body: Uint8Array | undefined,
  { dialTimeoutMs, tlsHandshakeTimeoutMs, responseHeaderTimeoutMs }: HttpClientConfig['transport'],
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const within = (ms: number, what: string): void => {
      clearTimeout(timer)
      if (ms > 0) timer = setTimeout(() => request.destroy(new Error(`${what} in ${ms} ms`)), ms)
    }
    const both = dialTimeoutMs > 0 && tlsHandshakeTimeoutMs > 0
    within(both ? dialTimeoutMs + tlsHandshakeTimeoutMs : 0, 'no connection')
    request.once('finish', () => within(responseHeaderTimeoutMs, 'no head of an answer'))
    request.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.once('response', (answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    request.end(body)
  })
}

/** As browsers and Go do: after 301, 302 and 303 the request is a GET without a body. */
function redirectOf(
  request: HttpRequest,
  { statusCode, headers }: http.IncomingMessage,
): HttpRequest | undefined {
  const { location } = headers
  if (location === undefined || !URL.canParse(location, request.url)) return undefined
  const url = new URL(location, request.url)
  if (!/^https?:$/.test(url.protocol)) return undefined
  const { href } = Object.assign(url, { username: '', password: '' })
  if (statusCode === 307 || statusCode === 308) return { ...request, url: href }
  if (request.keepMethod) return undefined
  if (statusCode === 301 || statusCode === 302 || statusCode === 303) {
    return { ...request, url: href, method: 'GET', body: undefined }
  }
  return undefined
}

function unzipped(message: http.IncomingMessage): Readable {
  // Whoever reads the end hears of the error.
  message.on('error', () => {})
  if (message.headers['content-encoding'] !== 'gzip') return message
  return pipeline(message, createGunzip(), () => {})
}

async function* translated(
  stream: Readable,
  fault: (error: unknown) => DomainError,
): AsyncGenerator<Buffer> {
  try {
    for await (const part of stream as AsyncIterable<Buffer>) yield part
  } catch (error) {
    throw fault(error)
  }
}

function deadline(ms: number): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  return { signal: controller.signal, clear: () => clearTimeout(timer) }
}

function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '')
}

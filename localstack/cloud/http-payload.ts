/** Payload format 2.0: an HTTP request as an event, and what a function returns as an HTTP response. */
import type { IncomingMessage, ServerResponse } from 'node:http'

import { ACCOUNT } from './intrinsics.ts'
import { decode } from './routes.ts'

export interface RequestFacts {
  readonly request: IncomingMessage
  readonly requestId: string
  readonly path: string
  readonly query: string
  readonly body: Buffer
  readonly routeKey: string
  readonly pathParameters: Readonly<Record<string, string>>
  readonly nowMs: number
}

/** The body of any other type, a form too, or of none, comes in base64. */
const TEXT = /^(text\/|application\/(json|javascript|xml)\b)/

export function encodeRequest(facts: RequestFacts): Record<string, unknown> {
  const { request, path, query, body, routeKey, pathParameters } = facts
  const { cookie, ...others } = request.headers
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(',') : value
  }
  const sourceIp = request.socket.remoteAddress ?? '127.0.0.1'
  headers['x-forwarded-for'] ??= sourceIp
  headers['x-forwarded-proto'] ??= 'https'
  headers['x-forwarded-port'] ??= '443'
  const isText = TEXT.test(headers['content-type'] ?? '')
  const rawPath = decodedPath(path)
  const domainName = headers['host'] ?? 'localhost'
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/;\s*/) }),
    headers,
    ...(query === '' ? {} : { queryStringParameters: parameters(query) }),
    requestContext: {
      accountId: ACCOUNT,
      apiId: 'local',
      domainName,
      domainPrefix: domainName.split(/[.:]/)[0],
      http: {
        method: request.method,
        path: rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: facts.requestId,
      routeKey,
      stage: '$default',
      time: commonLogTime(facts.nowMs),
      timeEpoch: facts.nowMs,
    },
    ...(Object.keys(pathParameters).length === 0 ? {} : { pathParameters }),
    ...(body.length === 0 ? {} : { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  }
}

/** Path and query; both still percent-encoded. */
export function splitUrl(url: string): [string, string] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

/** The gateway hands the path over decoded, and ends it where that makes a question mark appear. */
function decodedPath(path: string): string {
  const decoded = decode(path)
  const mark = decoded.indexOf('?')
  return mark < 0 ? decoded : decoded.slice(0, mark)
}

function parameters(query: string): Record<string, string> {
  const joined: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    joined[name] = name in joined ? `${joined[name]},${value}` : value
  }
  return joined
}

/** `21/Nov/2026:06:57:16 +0000`. */
function commonLogTime(ms: number): string {
  const [, day, month, year, time] =
    /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString()) ?? []
  return `${day}/${month}/${year}:${time} +0000`
}

interface Result {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string | number | boolean>>
  readonly cookies?: readonly string[]
  readonly body?: string
  readonly isBase64Encoded?: boolean
}

/** False when what the function returned is no response. */
export function writeResult(response: ServerResponse, payload: Buffer): boolean {
  let result: unknown
  try {
    result = JSON.parse(payload.toString())
  } catch {
    return false
  }
  // What names no status is itself the body of a success.
  if (typeof result !== 'object' || result === null || !('statusCode' in result)) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(typeof result === 'string' ? result : payload)
    return true
  }
  const { statusCode, headers = {}, cookies = [], body = '', isBase64Encoded } = result as Result
  if (!Number.isInteger(statusCode) || typeof body !== 'string') return false
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  if (!lower.has('content-type')) lower.set('content-type', 'text/plain;charset=UTF-8')
  for (const [name, value] of lower) {
    // The function does not know how many bytes go over the wire, and CORS is the gateway's.
    if (name === 'content-length' || response.hasHeader(name)) continue
    response.setHeader(name, String(value))
  }
  if (cookies.length > 0) response.setHeader('set-cookie', [...cookies])
  const bytes = Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8')
  response.writeHead(statusCode as number, { 'content-length': bytes.length })
  response.end(bytes)
  return true
}

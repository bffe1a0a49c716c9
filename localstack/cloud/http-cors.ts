/** CORS as an HTTP API does it: preflights answered without the function, headers of the function replaced. */
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { CorsSpec } from './assembly-api.ts'

/** Answers a preflight; false when the request is none. */
export function preflight(
  request: IncomingMessage,
  response: ServerResponse,
  cors: CorsSpec,
): boolean {
  const asked = request.headers['access-control-request-method']
  if (request.method !== 'OPTIONS' || asked === undefined) return false
  const headers = corsHeaders(cors, request.headers.origin ?? '')
  const allowed = headers.length > 0 && contains(cors.AllowMethods, asked)
  if (allowed) {
    for (const [name, value] of headers) response.setHeader(name, value)
    response.setHeader('access-control-allow-methods', (cors.AllowMethods ?? []).join(','))
    response.setHeader('access-control-allow-headers', (cors.AllowHeaders ?? []).join(','))
    if (cors.MaxAge !== undefined) response.setHeader('access-control-max-age', cors.MaxAge)
  }
  response.writeHead(204).end()
  return true
}

/** None when the origin may not call. */
export function corsHeaders(cors: CorsSpec, origin: string): [string, string][] {
  if (!contains(cors.AllowOrigins, origin)) return []
  const anyone = cors.AllowOrigins?.includes('*') === true
  const headers: [string, string][] = [['access-control-allow-origin', anyone ? '*' : origin]]
  if (!anyone) headers.push(['vary', 'origin'])
  if (cors.ExposeHeaders !== undefined) {
    headers.push(['access-control-expose-headers', cors.ExposeHeaders.join(',')])
  }
  return headers
}

function contains(list: readonly string[] = [], item: string): boolean {
  return list.includes('*') || list.includes(item)
}

/** The HTTP API of Prometheus and of Thanos's querier: Request → Response, the same on Lambda and on a laptop. */
import { Hono, type Context } from 'hono'
import type { Caller } from '#lib/model/caller.ts'
import { DomainError } from '#lib/model/errors.ts'
import {
  errorAnswer,
  NO_CONTENT,
  plainError,
  textErrorAnswer,
  type Answer,
  type WholeAnswer,
} from './answer.ts'
import { encodeBody } from './compression.ts'
import { canceled } from '#lib/promql/deadline.ts'
import { admit } from './door.ts'
import { readForm, readUrlForm } from './form.ts'
import type { ApiParts } from './parts.ts'
import { beginPieces, joinPieces, streamBody } from './pieces.ts'
import { scopeOf } from './route-scopes.ts'
import { API, routesOf, type Route } from './routes.ts'
import { tenantOf } from './tenant.ts'

export function apiApp(parts: ApiParts): Hono {
  const app = new Hono()
  for (const [path, route] of routesOf(parts)) app.all(path, (c) => serve(parts, c, route, path))
  app.options(`${API}/*`, (c) => respond(parts, c, NO_CONTENT, { cors: true, compress: true }))
  app.notFound((c) => refuse(parts, c, plainError(404, '404 page not found')))
  app.onError((error, c) => {
    const answer = errorAnswer(error)
    log(parts, c, answer.status, error)
    return refuse(parts, c, answer)
  })
  return app
}

async function serve(parts: ApiParts, c: Context, route: Route, path: string): Promise<Response> {
  const { method } = c.req.raw
  // A preflight has no credentials, and is told nothing but methods and headers.
  if (method !== 'OPTIONS') {
    const { env, req } = c
    const asked = { request: req.raw, env, path, scope: scopeOf(path), raw: route.raw }
    const admission = await admit(parts.door, asked, (error) => log(parts, c, 503, error))
    if ('refusal' in admission) return await respond(parts, c, admission.refusal, route)
    if (route.methods.includes(method)) {
      const answer = await answerOrError(parts, c, route, admission.caller)
      return await respond(parts, c, answer, route)
    }
  }
  if (method === 'OPTIONS' && c.req.path.startsWith(API)) {
    return await respond(parts, c, NO_CONTENT, { cors: true, compress: true })
  }
  const allow = [...route.methods, 'OPTIONS'].sort().join(', ')
  if (method === 'OPTIONS') return new Response(null, { headers: { allow } })
  return await refuse(parts, c, plainError(405, 'Method Not Allowed', { allow }))
}

async function answerOrError(
  parts: ApiParts,
  c: Context,
  route: Route,
  caller: Caller | undefined,
): Promise<Answer> {
  const request = c.req.raw
  const answerOf = route.raw ? textErrorAnswer : errorAnswer
  try {
    const form = route.raw ? readUrlForm(request) : await readForm(request)
    const answer = await route.handle({
      parts,
      request,
      form,
      pathPart: labelPart(request.url),
      client: request.signal,
      caller,
      // Only what has to do with data asks whose it is: a probe needs no tenant.
      get tenant() {
        return tenantOf(request.headers, parts.scope.tenancy, { caller, subject: clientSubject(c) })
      },
    })
    if (answer.body instanceof Uint8Array) return answer
    const make = parts.limits.pieceBytes === undefined ? joinPieces : beginPieces
    return { ...answer, body: await make(answer.body) }
  } catch (error) {
    // A body that breaks off throws whatever the server below throws.
    if (request.signal.aborted) return answerOf(canceled())
    const answer = answerOf(error)
    if (answer.status >= 500 && !(error instanceof DomainError && error.kind === 'timeout')) {
      log(parts, c, answer.status, error)
    }
    return answer
  }
}

/** Distinguished name of the client's certificate, where whoever received the request knows it. */
function clientSubject(c: Context): string | undefined {
  return (c.env as { readonly clientSubject?: string | undefined } | undefined)?.clientSubject
}

/** The `:name` of `/label/:name/values`, as the client encoded it. */
function labelPart(url: string): string {
  const path = url.split(/[?#]/, 1)[0]!.split('/')
  return path[path.length - 2]!
}

type Transport = Pick<Route, 'cors' | 'compress'>

async function refuse(parts: ApiParts, c: Context, answer: Answer): Promise<Response> {
  return await respond(parts, c, answer, { cors: false, compress: false })
}

async function respond(
  parts: ApiParts,
  c: Context,
  answer: Answer,
  { cors, compress }: Transport,
): Promise<Response> {
  const headers = headersOf(answer)
  if (cors) setCors(headers, c.req.header('origin'))
  if (compress) headers.append('vary', 'Accept-Encoding')
  if (answer.status === 204) return new Response(null, { status: 204, headers })
  const accept = compress ? (c.req.header('accept-encoding') ?? '') : ''
  const { maxResponseBytes, streamUrl } = parts.limits
  if (!(answer.body instanceof Uint8Array)) {
    const { body, encoding } = streamBody(answer.body, {
      acceptEncoding: accept,
      maxBytes: maxResponseBytes,
      breakOff: answer.breakOff,
      failed: (error) => log(parts, c, answer.status, error),
    })
    if (encoding !== undefined) headers.set('content-encoding', encoding)
    return new Response(body, { status: answer.status, headers })
  }
  try {
    const { body, encoding } = await encodeBody(answer.body, accept, maxResponseBytes, streamUrl)
    if (encoding !== undefined) headers.set('content-encoding', encoding)
    headers.set('content-length', String(body.length))
    return new Response(body, { status: answer.status, headers })
  } catch (error) {
    const refusal: WholeAnswer = errorAnswer(error)
    for (const [name, value] of headersOf(refusal)) headers.set(name, value)
    headers.delete('content-encoding')
    return new Response(refusal.body, { status: refusal.status, headers })
  }
}

function headersOf(answer: Answer): Headers {
  const headers = new Headers(answer.headers)
  if (answer.contentType !== undefined) headers.set('content-type', answer.contentType)
  if (!answer.cacheable) headers.set('cache-control', 'no-store')
  return headers
}

/** Any origin may read: the credential, not the page, decides who sees what. */
function setCors(headers: Headers, origin: string | undefined): void {
  headers.append('vary', 'Origin')
  if (origin === undefined || origin === '') return
  headers.set('access-control-allow-origin', origin)
  headers.set('access-control-allow-headers', 'Accept, Authorization, Content-Type, Origin')
  headers.set('access-control-allow-methods', 'GET, POST, OPTIONS')
  headers.set('access-control-expose-headers', 'Date')
}

function log(parts: ApiParts, c: Context, status: number, error: unknown): void {
  parts.log?.({
    message: error instanceof Error ? error.message : String(error),
    method: c.req.raw.method,
    path: c.req.path,
    status,
    error,
  })
}

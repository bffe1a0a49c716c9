/** The HTTP API of Prometheus and of Thanos's querier: Request → Response, the same on Lambda and on a laptop. */
import { Hono, type Context } from 'hono'
import { DomainError } from '#lib/model/errors.ts'
import { errorAnswer, NO_CONTENT, type Answer } from './answer.ts'
import type { Call } from './call.ts'
import { encodeBody } from './compression.ts'
import { canceled } from './deadline.ts'
import { explainInstant, explainRange } from './explain-routes.ts'
import * as expression from './expression-routes.ts'
import { readForm } from './form.ts'
import { labelNames, labelValues, series } from './label-routes.ts'
import type { ApiParts } from './parts.ts'
import { queryInstant, queryRange } from './query-routes.ts'
import * as server from './server-routes.ts'
import { tenantOf } from './tenant.ts'

type Handler = (call: Call) => Answer | Promise<Answer>

interface Route {
  readonly methods: readonly string[]
  readonly handle: Handler
}

const get = (handle: Handler): Route => ({ methods: ['GET'], handle })
const getOrPost = (handle: Handler): Route => ({ methods: ['GET', 'POST'], handle })
const getOrHead = (handle: Handler): Route => ({ methods: ['GET', 'HEAD'], handle })

const API = '/api/v1'

/** Under `/api/v1`. These have cross-origin headers and compression. */
const API_ROUTES: Readonly<Record<string, Route>> = {
  '/query': getOrPost(queryInstant),
  '/query_range': getOrPost(queryRange),
  '/query_explain': getOrPost(explainInstant),
  '/query_range_explain': getOrPost(explainRange),
  '/query_exemplars': getOrPost(expression.queryExemplars),
  '/format_query': getOrPost(expression.formatQuery),
  '/parse_query': getOrPost(expression.parseQuery),
  '/labels': getOrPost(labelNames),
  '/label/:name/values': getOrPost(labelValues),
  '/series': getOrPost(series),
  '/metadata': get(server.metadata),
  '/rules': get(server.rules),
  '/alerts': get(server.alerts),
  '/targets': get(server.targets),
  '/targets/metadata': get(server.targetsMetadata),
  '/alertmanagers': get(server.alertmanagers),
  '/scrape_pools': get(server.scrapePools),
  '/notifications': get(server.notifications),
  '/features': get(server.features),
  '/status/buildinfo': get(server.buildInfo),
  '/status/runtimeinfo': get(server.runtimeInfo),
  '/status/flags': get(server.flags),
  '/status/config': get(server.config),
  '/status/walreplay': get(server.walReplay),
}

export function apiApp(parts: ApiParts): Hono {
  const app = new Hono()
  for (const [path, route] of Object.entries(API_ROUTES)) {
    app.all(API + path, (c) => serve(parts, c, route, true))
  }
  const rest: Record<string, Route> = {
    '/-/healthy': getOrHead(server.healthy),
    '/-/ready': getOrHead(server.ready),
    '/version': get(server.version),
    ...(parts.metrics === undefined ? {} : { '/metrics': get(server.metrics) }),
  }
  for (const [path, route] of Object.entries(rest)) {
    app.all(path, (c) => serve(parts, c, route, false))
  }
  app.options(`${API}/*`, (c) => respond(parts, c, NO_CONTENT, true))
  app.notFound(() => plainError(404, '404 page not found\n'))
  app.onError((error, c) => {
    const answer = errorAnswer(error)
    log(parts, c, answer.status, error)
    return new Response(answer.body, { status: answer.status, headers: headersOf(answer) })
  })
  return app
}

async function serve(parts: ApiParts, c: Context, route: Route, api: boolean): Promise<Response> {
  const { method } = c.req.raw
  if (!route.methods.includes(method)) {
    if (api && method === 'OPTIONS') return await respond(parts, c, NO_CONTENT, api)
    const allow = [...route.methods, 'OPTIONS'].sort().join(', ')
    if (method === 'OPTIONS') return new Response(null, { headers: { allow } })
    return plainError(405, 'Method Not Allowed\n', { allow })
  }
  return await respond(parts, c, await answerOrError(parts, c, route.handle), api)
}

async function answerOrError(parts: ApiParts, c: Context, handle: Handler): Promise<Answer> {
  const request = c.req.raw
  try {
    const form = await readForm(request)
    const tenant = tenantOf(request.headers, parts.scope.tenancy, clientSubject(c))
    const pathPart = labelPart(request.url)
    return await handle({ parts, form, tenant, pathPart, client: request.signal })
  } catch (error) {
    // A body that breaks off throws whatever the server below throws.
    if (request.signal.aborted) return errorAnswer(canceled())
    const answer = errorAnswer(error)
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

async function respond(
  parts: ApiParts,
  c: Context,
  answer: Answer,
  api: boolean,
): Promise<Response> {
  const headers = headersOf(answer)
  if (!api) return new Response(answer.body, { status: answer.status, headers })
  setCors(headers, c.req.header('origin'))
  headers.append('vary', 'Accept-Encoding')
  if (answer.status === 204) return new Response(null, { status: 204, headers })
  const accept = c.req.header('accept-encoding') ?? ''
  try {
    const { body, encoding } = await encodeBody(answer.body, accept, parts.limits.maxResponseBytes)
    if (encoding !== undefined) headers.set('content-encoding', encoding)
    headers.set('content-length', String(body.length))
    return new Response(body, { status: answer.status, headers })
  } catch (error) {
    const refusal = errorAnswer(error)
    for (const [name, value] of headersOf(refusal)) headers.set(name, value)
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

function plainError(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })
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

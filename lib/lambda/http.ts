/** A fetch app as the handler of an API Gateway HTTP API (payload 2.0) or a function URL. */

export interface HttpEvent {
  readonly rawPath: string
  readonly rawQueryString: string
  readonly cookies?: readonly string[] | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: string | undefined
  readonly isBase64Encoded: boolean
  readonly requestContext: {
    readonly domainName?: string | undefined
    readonly stage?: string | undefined
    readonly http: { readonly method: string; readonly sourceIp?: string | undefined }
    /** What the authorizer found out, the tenant among it. */
    readonly authorizer?: unknown
    /** Of a gateway that asks its clients for a certificate. */
    readonly authentication?:
      | { readonly clientCert?: { readonly subjectDN?: string | undefined } | undefined }
      | null
      | undefined
  }
}

export interface HttpResult {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies?: readonly string[] | undefined
  readonly body: string
  readonly isBase64Encoded: boolean
}

export interface FetchApp {
  fetch(request: Request, env: HttpEnvironment): Response | Promise<Response>
}

export interface HttpEnvironment {
  readonly event: HttpEvent
  /** Distinguished name of the client's certificate. */
  readonly clientSubject: string | undefined
}

/**
 * The body that still fits 6 MiB of payload after base64, with room for the headers. Give it to the app, which knows
 * what to advise; here it is only the last guard.
 */
export const MAX_LAMBDA_BODY_BYTES = Math.floor(((6 * 1024 * 1024 - 16 * 1024) * 3) / 4)

/** Quotes cost a backslash each as text, so past this base64 is the smaller and the surer. */
const MAX_TEXT_BYTES = 64 * 1024

export function lambdaHttp(app: FetchApp): (event: HttpEvent) => Promise<HttpResult> {
  return async (event) => {
    const clientSubject = event.requestContext.authentication?.clientCert?.subjectDN
    return resultOf(await app.fetch(requestOf(event), { event, clientSubject }))
  }
}

/** `gone` aborts when nobody waits for the answer any more. */
export function requestOf(event: HttpEvent, gone?: AbortSignal): Request {
  const { method } = event.requestContext.http
  const headers = new Headers()
  for (const [name, value] of Object.entries(event.headers)) {
    if (value !== undefined) headers.set(name, value)
  }
  if (event.cookies !== undefined && event.cookies.length > 0) {
    headers.set('cookie', event.cookies.join('; '))
  }
  const { body } = event
  const hasBody = body !== undefined && method !== 'GET' && method !== 'HEAD'
  return new Request(urlOf(event), {
    method,
    headers,
    ...(gone && { signal: gone }),
    ...(hasBody ? { body: Buffer.from(body, event.isBase64Encoded ? 'base64' : 'utf8') } : {}),
  })
}

function urlOf({ rawPath, rawQueryString, headers, requestContext }: HttpEvent): string {
  const host = headers['host'] ?? requestContext.domainName ?? 'localhost'
  const path = encodePath(withoutStage(rawPath, requestContext.stage))
  // Kept as it came: match[] and its escapes are the app's to read. A fragment sign would end the query.
  const query = rawQueryString === '' ? '' : `?${rawQueryString.replaceAll('#', '%23')}`
  return `https://${host}${path}${query}`
}

function withoutStage(path: string, stage: string | undefined): string {
  if (stage === undefined || stage === '$default') return path
  const prefix = `/${stage}`
  if (path === prefix) return '/'
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
}

/** The gateway may hand the path decoded; what cannot stand in a URL is encoded again. */
function encodePath(path: string): string {
  return path
    .toWellFormed()
    .replace(/%(?![0-9a-fA-F]{2})/g, '%25')
    .replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/g, encodeURIComponent)
}

async function resultOf(response: Response): Promise<HttpResult> {
  const headers: Record<string, string> = {}
  for (const [name, value] of response.headers) {
    // The gateway counts for itself, and cookies have a place of their own.
    if (name !== 'set-cookie' && name !== 'content-length') headers[name] = value
  }
  const cookies = response.headers.getSetCookie()
  const body = Buffer.from(await response.arrayBuffer())
  if (body.length > MAX_LAMBDA_BODY_BYTES) return tooLarge(body.length)
  const text = body.length <= MAX_TEXT_BYTES && isText(response.headers)
  return {
    statusCode: response.status,
    headers,
    ...(cookies.length > 0 ? { cookies } : {}),
    body: body.toString(text ? 'utf8' : 'base64'),
    isBase64Encoded: !text,
  }
}

function isText(headers: Headers): boolean {
  if (headers.has('content-encoding')) return false
  const type = headers.get('content-type')
  return type === null || /^(?:text\/|application\/(?:json|x-ndjson|yaml)\b)/.test(type)
}

function tooLarge(size: number): HttpResult {
  const error = `an answer of ${size} bytes does not fit the ${MAX_LAMBDA_BODY_BYTES} bytes of a function's answer`
  return {
    statusCode: 422,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({ status: 'error', errorType: 'execution', error }),
    isBase64Encoded: false,
  }
}

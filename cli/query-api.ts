/** Asks a Prometheus HTTP API, whoever serves it: thaw, Prometheus, Thanos. */
import { reasonOf } from '#lib/http-client/reason.ts'
import { DomainError, type ErrorKind } from '#lib/model/errors.ts'

/** A sample as the API writes it: seconds, and the value as text. */
export type ApiSample = readonly [time: number, value: string]

export interface ApiHistogram {
  readonly count: string
  readonly sum: string
  readonly buckets?: readonly (readonly [number, string, string, string])[] | undefined
}

export interface ApiSeries {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: ApiSample | undefined
  readonly values?: readonly ApiSample[] | undefined
  readonly histogram?: readonly [number, ApiHistogram] | undefined
  readonly histograms?: readonly (readonly [number, ApiHistogram])[] | undefined
}

export type ApiData =
  | { readonly resultType: 'vector'; readonly result: readonly ApiSeries[] }
  | { readonly resultType: 'matrix'; readonly result: readonly ApiSeries[] }
  | { readonly resultType: 'scalar'; readonly result: ApiSample }
  | { readonly resultType: 'string'; readonly result: ApiSample }

export interface ApiAnswer {
  readonly data: ApiData
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** The answer was an error of the API, with Prometheus's own text. */
export class ApiError extends DomainError {
  readonly errorType: string

  constructor(kind: ErrorKind, errorType: string, message: string) {
    super(kind, message)
    this.errorType = errorType
  }
}

export interface QueryApi {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

/** `path` is `query` or `query_range`. POST, so that long expressions pass; GET where that is refused. */
export async function askApi(
  { url, headers, signal, fetch }: QueryApi,
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<ApiAnswer> {
  const endpoint = `${baseUrl(url)}/api/v1/${path}`
  const form = new URLSearchParams(parameters)
  let response = await request(fetch, endpoint, { method: 'POST', body: form, headers, signal })
  if ([403, 405, 501].includes(response.status)) {
    response = await request(fetch, `${endpoint}?${form.toString()}`, { headers, signal })
  }
  return readAnswer(response, endpoint)
}

function baseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new DomainError('invalid', `--url "${text}" is no http:// or https:// URL`)
  }
  return text.replace(/\/+$/, '')
}

async function request(
  fetch: QueryApi['fetch'],
  url: string,
  init: RequestInit,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, init)
    return { status: response.status, text: await response.text() }
  } catch (cause) {
    if (init.signal?.aborted) throw new DomainError('canceled', 'canceled', { cause })
    throw new DomainError(
      'unavailable',
      `nothing answers at ${new URL(url).origin} (${reasonOf(cause)}), start it with \`thaw local\` or name another with --url`,
    )
  }
}

function readAnswer(
  { status, text }: { status: number; text: string },
  endpoint: string,
): ApiAnswer {
  const body = parseBody(text)
  if (body?.status === 'success' && body.data !== undefined) {
    return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] }
  }
  if (status === 401 || (status === 403 && body?.status !== 'error')) {
    throw new DomainError(
      'unauthorized',
      `${endpoint} answered ${status}, give credentials with --user or --token-file`,
    )
  }
  if (body?.status === 'error') {
    const errorType = body.errorType ?? 'error'
    throw new ApiError(kindOf(status), errorType, `${errorType}: ${body.error ?? ''}`)
  }
  const start = text.trim().split('\n')[0]!.slice(0, 200)
  throw new DomainError(
    kindOf(status),
    `${endpoint} answered ${status} and no Prometheus JSON: ${start}`,
  )
}

interface ApiBody {
  readonly status?: string
  readonly data?: ApiData
  readonly errorType?: string
  readonly error?: string
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

function parseBody(text: string): ApiBody | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : undefined
  } catch {
    return undefined
  }
}

function kindOf(status: number): ErrorKind {
  if (status === 400) return 'invalid'
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 404) return 'not-found'
  if (status === 422) return 'execution'
  return 'unavailable'
}

/** Asks an HTTP API of Prometheus: a server by its URL, or an app in this process. */
export type Params = Readonly<Record<string, string | number | readonly string[]>>

export interface ApiAnswer {
  readonly httpStatus: number
  readonly status: 'success' | 'error'
  readonly data?: unknown
  readonly errorType?: string | undefined
  readonly error?: string | undefined
  readonly warnings?: readonly string[] | undefined
  readonly infos?: readonly string[] | undefined
}

/** `path` is below `/api/v1/`. */
export type Ask = (path: string, params?: Params) => Promise<ApiAnswer>

/** Longer than anything here may take: an answer that never comes is an error and not a test that hangs. */
const TIMEOUT_MS = 40_000

export function askUrl(url: string, timeoutMs = TIMEOUT_MS): Ask {
  return async (path, params = {}) =>
    readAnswer(
      await fetch(`${url}/api/v1/${path}?${searchOf(params)}`, {
        signal: AbortSignal.timeout(timeoutMs),
      }),
    )
}

export function askApp(app: { request(url: string): Response | Promise<Response> }): Ask {
  return async (path, params = {}) =>
    readAnswer(await app.request(`http://thaw/api/v1/${path}?${searchOf(params)}`))
}

async function readAnswer(response: Response): Promise<ApiAnswer> {
  const text = await response.text()
  try {
    return { ...(JSON.parse(text) as ApiAnswer), httpStatus: response.status }
  } catch {
    throw new Error(`${response.status} is no JSON: ${text.slice(0, 500)}`)
  }
}

function searchOf(params: Params): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) {
      search.append(name, one)
    }
  }
  return search.toString()
}

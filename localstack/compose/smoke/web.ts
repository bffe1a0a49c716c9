/** Questions over HTTP, whose refusals are errors in plain words. */

const TIMEOUT_MS = 20_000

export async function text(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const body = await response.text()
  if (!response.ok)
    throw new Error(`${url} answers ${response.status}: ${body.trim().slice(0, 300)}`)
  return body.trim()
}

export async function json(url: string): Promise<unknown> {
  return JSON.parse(await text(url))
}

export interface Found {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string] | undefined
}

/** `rangeSeconds`: of the last ones, in steps of 15; an instant query without it. */
export async function ask(
  api: string,
  query: string,
  rangeSeconds?: number,
): Promise<readonly Found[]> {
  const now = Date.now() / 1000
  const params = new URLSearchParams({ query })
  if (rangeSeconds !== undefined) {
    params.set('start', String(now - rangeSeconds))
    params.set('end', String(now))
    params.set('step', '15')
  }
  const route = rangeSeconds === undefined ? 'query' : 'query_range'
  const { data } = (await json(`${api}/api/v1/${route}?${params.toString()}`)) as {
    readonly data: { readonly result: readonly Found[] }
  }
  return data.result
}

/** Of a query with one series. */
export async function valueOf(api: string, query: string): Promise<string> {
  const [found] = await ask(api, query)
  if (found?.value === undefined) throw new Error(`nothing for ${query}`)
  return found.value[1]
}

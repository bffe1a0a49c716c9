/** Asks the HTTP API: with credentials, without, with wrong ones; and for the newest samples that the bucket has. */
import type { PrometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { readCredentials } from '#lib/auth/credentials.ts'
import { hashOf, idOfText, type Token } from '#lib/auth/token.ts'
import type { Freshness } from '#lib/doctor/api.ts'
import type { ApiFacts, Build } from '#lib/doctor/api.ts'
import type { Known } from '#lib/doctor/finding.ts'
import type { Source } from '#lib/doctor/sources.ts'
import { refusalText } from '#lib/doctor/tokens.ts'
import { DomainError } from '#lib/model/errors.ts'
import { formatLabels, type Labels } from '#lib/model/labels.ts'
import { getText, jsonOf } from './http-asker.ts'
import { known, type Patience } from './patience.ts'

export interface Api {
  readonly client: PrometheusClient
  /** Of the credentials that were given. */
  readonly headers: Readonly<Record<string, string>>
}

const BUILD = '/api/v1/status/buildinfo'
/** In the form of a token, and of nobody. */
const WRONG = { authorization: `Bearer thaw_00000000000000000000000000_${'x'.repeat(43)}` }

export async function askDoor({ client, headers }: Api, patience: Patience): Promise<ApiFacts> {
  const ask = (given: Readonly<Record<string, string>>) =>
    known(patience, (signal) => getText(client, BUILD, { headers: given, signal }))
  const [build, withoutToken, wrongToken] = await Promise.all([ask(headers), ask({}), ask(WRONG)])
  const gaveToken = headers['authorization'] !== undefined
  const common = { url: client.url, gaveToken, withoutToken, wrongToken }
  if ('failed' in build) return { ...common, build }
  const { status, text, body, clockAheadMs } = build.value
  const about = (jsonOf(body) as { data?: Build } | undefined)?.data
  return { ...common, clockAheadMs, build: { value: { status, text, build: about } } }
}

/** The token that was given, as the bucket knows it, and why it is refused. Undefined where the credentials are none of thaw's. */
export function givenToken(
  headers: Api['headers'],
  tokens: readonly Token[],
  nowMs: number,
): { readonly token: Token | undefined; readonly why: string | undefined } | undefined {
  const credentials = readCredentials(headers['authorization'])
  const id = typeof credentials === 'string' ? undefined : idOfText(credentials.text)
  if (typeof credentials === 'string' || id === undefined) return undefined
  const token = tokens.find((one) => one.id === id)
  const why = token && refusalText(token, hashOf(credentials.text), nowMs)
  return { token, why }
}

/** Of two weeks ago nobody asks how fresh it is. */
const RECENT_MS = 7 * 24 * 3_600_000
const MOST_SOURCES = 20

/** Of each source, whether a query finds what the bucket says is its newest. */
export async function askFreshness(
  api: Api,
  sources: readonly Source[],
  nowMs: number,
  patience: Patience,
): Promise<readonly Freshness[]> {
  const recent = sources.flatMap(
    ({ labels, newestBlockMs = -Infinity, newestPackMs = -Infinity }) => {
      // Samples of a block are before its end.
      const bucketMs = Math.max(newestBlockMs - 1, newestPackMs)
      return nowMs - bucketMs < RECENT_MS ? [{ labels, bucketMs: Math.min(bucketMs, nowMs) }] : []
    },
  )
  return Promise.all(
    recent.slice(0, MOST_SOURCES).map(async ({ labels, bucketMs }) => {
      const metric = await known(patience, (signal) => someMetric(api, labels, bucketMs, signal))
      if ('failed' in metric) return { labels, bucketMs, found: metric, metric: 'any metric' }
      const found = await newestSample(
        api,
        { metric: metric.value, labels, atMs: bucketMs },
        patience,
      )
      return { labels, bucketMs, found, metric: metric.value }
    }),
  )
}

/** `up` where there is one, as nearly everybody has it. */
async function someMetric(
  api: Api,
  labels: Labels,
  bucketMs: number,
  signal: AbortSignal,
): Promise<string> {
  const names = async (match: string): Promise<readonly string[]> => {
    const [start, end] = [bucketMs - 60_000, bucketMs].map((ms) => String(ms / 1000))
    const query = new URLSearchParams({ 'match[]': match, start: start!, end: end!, limit: '1' })
    return (await ask(api, `label/__name__/values?${query.toString()}`, signal)) as string[]
  }
  const [up] = await names(selector('up', labels))
  const [any] = up === undefined ? await names(formatLabels(labels)) : [up]
  return any ?? 'up'
}

export async function newestSample(
  api: Api,
  {
    metric,
    labels,
    atMs,
  }: { readonly metric: string; readonly labels: Labels; readonly atMs: number },
  patience: Patience,
): Promise<Known<number | undefined>> {
  return known(patience, async (signal) => {
    const query = new URLSearchParams({
      query: `max(timestamp(${selector(metric, labels)}))`,
      time: String(atMs / 1000),
    })
    const data = (await ask(api, `query?${query.toString()}`, signal)) as {
      readonly result?: readonly { readonly value?: readonly [number, string] }[]
    }
    const value = data.result?.[0]?.value?.[1]
    return value === undefined ? undefined : Number(value) * 1000
  })
}

function selector(metric: string, labels: Labels): string {
  return formatLabels(['__name__', metric, ...labels])
}

async function ask({ client, headers }: Api, path: string, signal: AbortSignal): Promise<unknown> {
  const { status, body, text } = await getText(client, `/api/v1/${path}`, { headers, signal })
  const json = jsonOf(body) as { status?: string; data?: unknown; error?: string } | undefined
  if (json?.status === 'success') return json.data
  throw new DomainError('unavailable', `it answers ${status}: ${json?.error ?? text}`)
}

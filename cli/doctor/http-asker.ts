/** Asks servers by HTTP as the agent asks its Prometheus; credentials may be in the URL. */
import { agentHttpClient } from '#agent/prometheus/prometheus-client.ts'
import { type PrometheusClient, prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import type { Env } from '#agent/objstore.ts'
import { readText } from '#lib/http-client/answer.ts'
import type { Patience } from './patience.ts'

export interface TextAnswer {
  readonly status: number
  readonly body: string
  /** In one line, and not all of it. */
  readonly text: string
  /** Its clock less ours, by the second. */
  readonly clockAheadMs?: number | undefined
}

const MAX_BYTES = 32 * 1024 * 1024
const SHOWN_CHARS = 200
const HALF_SECOND_MS = 500

export function asker(url: string, env: Env, { answerMs }: Patience): PrometheusClient {
  return prometheusClient({ url, timeoutMs: answerMs, http: agentHttpClient('', env) })
}

/** Any status is an answer. */
export async function getText(
  client: PrometheusClient,
  path: string,
  more: {
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly signal: AbortSignal
  },
): Promise<TextAnswer> {
  const askedMs = Date.now()
  const answer = await client.request(path, more)
  const { date } = answer.headers
  const body = await readText(answer, MAX_BYTES)
  const theirMs = Date.parse(date ?? '') + HALF_SECOND_MS
  return {
    status: answer.status,
    body,
    text: body.trim().replaceAll(/\s+/g, ' ').slice(0, SHOWN_CHARS),
    ...(!Number.isNaN(theirMs) && { clockAheadMs: theirMs - (askedMs + Date.now()) / 2 }),
  }
}

export function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

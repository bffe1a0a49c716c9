/** Asks an HTTP API on this machine: its name is in no DNS, and it may have a certificate of its own. */
import { readFileSync } from 'node:fs'
import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiAnswer, Ask, Params } from './ask.ts'

export interface GatewayRequest {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

export interface GatewayAnswer {
  readonly status: number
  readonly text: string
}

export type Gateway = (path: string, request?: GatewayRequest) => Promise<GatewayAnswer>

export interface GatewayPlace {
  readonly url: string
  /** Its file. Without one it is plain HTTP. */
  readonly certificate?: string | undefined
}

export function openGateway({ url, certificate }: GatewayPlace): Gateway {
  const agent =
    certificate === undefined
      ? new PlainAgent({ keepAlive: true })
      : new Agent({ keepAlive: true, ca: readFileSync(certificate) })
  return async (path, { method = 'GET', headers = {}, body } = {}) => {
    for (;;) {
      const answer = await send(`${url}${path}`, { agent, method, headers, body })
      // The gateway lets so many requests through in a second.
      if (answer.status !== 429) return answer
      await sleep(50)
    }
  }
}

interface Sent {
  readonly agent: PlainAgent
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

function send(url: string, { agent, method, headers, body }: Sent): Promise<GatewayAnswer> {
  return new Promise((resolve, reject) => {
    const sent = (url.startsWith('https:') ? request : plainRequest)(
      url,
      {
        agent,
        method,
        headers,
        lookup: (_, { all }, found) =>
          all === true
            ? found(null, [{ address: '127.0.0.1', family: 4 }])
            : found(null, '127.0.0.1', 4),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** As Grafana's data source asks: with basic authentication, and POST of a form where Prometheus takes one. */
export function askAsGrafana(gateway: Gateway, authorization: string): Ask {
  return async (path, params = {}) => {
    const form = formOf(params)
    const isPost = /^(query|query_range|query_exemplars|labels|series)$/.test(path)
    const { status, text } = isPost
      ? await gateway(`/api/v1/${path}`, {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
          body: form,
        })
      : await gateway(`/api/v1/${path}?${form}`, { headers: { authorization } })
    try {
      return { ...(JSON.parse(text) as ApiAnswer), httpStatus: status }
    } catch {
      throw new Error(`${status} is no JSON: ${text.slice(0, 500)}`)
    }
  }
}

function formOf(params: Params): string {
  const entries = Object.entries(params).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, String(one)]),
  )
  return new URLSearchParams(entries).toString()
}

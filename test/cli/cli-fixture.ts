/** Runs `thaw` in this process, and a Prometheus API that answers what the test says. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import { thawProgram } from '#cli/program.ts'

export const NOW = Date.UTC(2026, 0, 31, 12)

export interface CliResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** At 2026-01-31T12:00:00Z unless said. */
export async function thaw(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nowMs = NOW,
): Promise<CliResult> {
  let out = ''
  let err = ''
  const context = {
    env,
    now: () => nowMs,
    write: (text: string) => void (out += text),
    writeError: (text: string) => void (err += text),
    signal: new AbortController().signal,
    killSignal: new AbortController().signal,
    onHangup: () => {},
  }
  const code = await runCommand(thawProgram(context), argv, context.writeError)
  return { code, out, err }
}

export interface FakeApi {
  readonly url: string
  answer: { status: number; body: string }
  /** Methods that are answered 405. */
  refused: string[]
  readonly requests: {
    method: string
    path: string
    form: Record<string, string>
    headers: Record<string, unknown>
  }[]
}

const servers: (() => Promise<void>)[] = []

afterEach(async () => {
  while (servers.length > 0) await servers.pop()!()
})

export async function fakeApi(data: unknown, more: object = {}): Promise<FakeApi> {
  const api: FakeApi = {
    url: '',
    answer: { status: 200, body: JSON.stringify({ status: 'success', data, ...more }) },
    refused: [],
    requests: [],
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://api')
      const body = Buffer.concat(chunks).toString()
      api.requests.push({
        method: request.method ?? '',
        path: url.pathname,
        form: Object.fromEntries([...url.searchParams, ...new URLSearchParams(body)]),
        headers: request.headers,
      })
      if (api.refused.includes(request.method ?? '')) response.writeHead(405).end()
      else response.writeHead(api.answer.status).end(api.answer.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return Object.assign(api, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

/** Asks an app anything, and its server with requests that never end. */
import { connect } from 'node:net'
import { once } from 'node:events'
import type { Hono } from 'hono'
import { listen } from '#lib/api/node-server.ts'
import { MAX_FORM_BYTES } from '#lib/api/form.ts'
import type { ApiLogEntry } from '#lib/api/parts.ts'
import { thawApp } from '#test/e2e/support/thaw-app.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import { goldenBucket } from '../golden/world.ts'
import { flawOf } from './check.ts'
import { randomRequest, type FuzzRequest } from './requests.ts'

export interface FuzzReport {
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>
  /** Requests whose answers are not what they must be, with the reason. */
  readonly flaws: readonly string[]
}

export interface FuzzTarget {
  readonly app: Hono
  /** Errors that were no answer's business: bugs. */
  readonly logged: readonly ApiLogEntry[]
}

export async function fuzzTarget(): Promise<FuzzTarget> {
  const logged: ApiLogEntry[] = []
  const app = thawApp(await goldenBucket(), {
    now: () => 1_700_000_100_000,
    indexAgeMs: 60_000,
    sliceBytes: 1e6,
    log: (entry) => logged.push(entry),
  })
  return { app, logged }
}

const MAX_FLAWS = 20

export async function fuzz(
  { app, logged }: FuzzTarget,
  { count, seed, progress }: { count: number; seed: number; progress?: (done: number) => void },
): Promise<FuzzReport> {
  const random = new RandomSource(seed)
  const routes = app.routes.map(({ path }) => path).filter((path) => !path.includes('*'))
  const statuses = new Map<number, number>()
  const flaws: string[] = []
  for (let i = 0; i < count && flaws.length < MAX_FLAWS; i++) {
    const request = randomRequest(random, routes)
    const before = logged.length
    const { status, flaw } = await askOnce(app, request)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    const bug = logged[before]
    const reason = flaw ?? (bug && `${bug.message} ${String((bug.error as Error).stack)}`)
    if (reason !== undefined && reason !== '')
      flaws.push(`${reason}\n  ${describeRequest(request)}`)
    progress?.(i + 1)
  }
  return { statuses, flaws }
}

async function askOnce(
  app: Hono,
  request: FuzzRequest,
): Promise<{ status: number; flaw: string | undefined }> {
  const { url, method, headers, body } = request
  return await judge(
    request,
    await app.request(`http://thaw${url}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    }),
  )
}

/** What is wrong with the answer to a request. */
export async function judge(
  { url, method, body }: FuzzRequest,
  response: Response,
): Promise<{ status: number; flaw: string | undefined }> {
  const bytes = Buffer.from(await response.arrayBuffer())
  const { status } = response
  const answer = { status, headers: response.headers, body: bytes }
  if (method === 'HEAD') return { status, flaw: status >= 500 ? `${status}` : undefined }
  return {
    status,
    flaw: flawOf(answer, decoded(url) + decoded(Buffer.from(body ?? []).toString())),
  }
}

function decoded(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

export function describeRequest({ url, method, headers, body }: FuzzRequest): string {
  const sent = Buffer.from(body ?? []).toString('latin1')
  return JSON.stringify({ method, url: url.slice(0, 2000), headers, body: sent.slice(0, 2000) })
}

/** Bodies at and over the limit, by an honest and by a hidden length. Gives the status of each answer. */
export async function largeBodies({ app }: FuzzTarget): Promise<number[]> {
  const statuses: number[] = []
  for (const path of ['/api/v1/query', '/api/v1/series', '/api/v1/labels', '/api/v1/read']) {
    for (const size of [MAX_FORM_BYTES, MAX_FORM_BYTES + 1]) {
      const bytes = new Uint8Array(size).fill(0x61)
      bytes.set(new TextEncoder().encode('time=5&query=1&x='))
      const { status } = await app.request(`http://thaw${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: size > MAX_FORM_BYTES ? streamOf(bytes) : bytes,
        ...(size > MAX_FORM_BYTES && { duplex: 'half' }),
      })
      statuses.push(status)
    }
  }
  return statuses
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(at, (at += 65_536)))
    },
  })
}

/** Requests that break off anywhere; resolves when the server still answers after them all. */
export async function halfSent({ app }: FuzzTarget, count: number, seed: number): Promise<void> {
  const random = new RandomSource(seed)
  const server = await listen(app, { port: 0, host: '127.0.0.1' })
  try {
    for (let i = 0; i < count; i++) {
      const body = 'query=m&time=1700000031'
      const whole = random.pick([
        `POST /api/v1/query HTTP/1.1\r\nHost: thaw\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n${body}`,
        `POST /api/v1/read HTTP/1.1\r\nHost: thaw\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n${body}\r\nzz\r\n`,
        'GET /api/v1/query_range?query=rate(m[5m])&start=1700000000&end=1700000075&step=1 HTTP/1.1\r\nHost: thaw\r\n\r\n',
        'GET /api/v1/query?query=m HTTP/1.1\r\nHost: thaw\r\nX: \x01\x02\r\n\r\n',
        'GARBAGE\r\n\r\n',
        'GET http://%%% HTTP/1.1\r\nHost: ;;\r\n\r\n',
        'GET * HTTP/1.1\r\nHost: thaw\r\n\r\n',
        `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: thaw\r\n\r\n`,
      ])
      const socket = connect(server.port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(whole.slice(0, 1 + random.below(whole.length)))
      await new Promise((resolve) => setTimeout(resolve, random.below(4)))
      if (random.chance(0.5)) socket.destroy()
      else socket.end()
    }
    const response = await fetch(`${server.url}/api/v1/query?query=1&time=5`)
    if (response.status !== 200)
      throw new Error(`${response.status} after ${count} broken requests`)
    await response.arrayBuffer()
  } finally {
    await server.close()
  }
}

/** Our answers against those of a real Prometheus, byte for byte: one without data, and two with that of the worlds. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { thawApp } from '#test/e2e/support/thaw-app.ts'
import { CLIENT_REQUESTS } from './golden/client-requests.ts'
import { DATA_REQUESTS } from './golden/data-requests.ts'
import { FEDERATE_REQUESTS, federateBucket } from './golden/federate-world.ts'
import {
  answerText,
  COMPARED_HEADERS,
  REQUESTS,
  type Golden,
  type GoldenAnswer,
  type GoldenRequest,
} from './golden/requests.ts'
import { toldSource } from './golden/told-source.ts'
import { TOLD_REQUESTS } from './golden/told-requests.ts'
import { toldBucket } from './golden/told-world.ts'
import { goldenBucket } from './golden/world.ts'

describe.each([
  { name: 'empty', requests: REQUESTS, open: async () => memoryBucket() },
  { name: 'data', requests: DATA_REQUESTS, open: () => goldenBucket() },
  { name: 'clients', requests: CLIENT_REQUESTS, open: () => goldenBucket() },
  { name: 'federate', requests: FEDERATE_REQUESTS, open: federateBucket },
  { name: 'told', requests: TOLD_REQUESTS, open: () => toldBucket(), isTold: true },
])('as Prometheus, $name', ({ name, requests, open, isTold = false }) => {
  const file = new URL(`golden/prometheus-3.14.0-${name}.json`, import.meta.url)
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden
  let app: Hono

  beforeAll(async () => {
    const { baseMs = Date.now() } = golden
    app = thawApp(await open(baseMs), {
      now: () => baseMs + 5000,
      sources: isTold ? [toldSource(golden)] : [],
    })
  })

  it('was recorded from the requests as they are now', () => {
    expect(golden.answers.map(({ request }) => request)).toEqual(requests)
  })

  it.each(golden.answers.map((answer) => [titleOf(answer.request), answer] as const))(
    '%s',
    async (_, expected) => {
      expect(await ask(app, expected.request)).toEqual(expected)
    },
  )
})

function titleOf({ method = 'GET', path, headers = {}, body }: GoldenRequest): string {
  return [method, path, ...Object.values(headers), body ?? ''].join(' ').trim()
}

async function ask(app: Hono, request: GoldenRequest): Promise<GoldenAnswer> {
  const { method = 'GET', path, headers = {}, body } = request
  const response = await app.request(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const zipped = response.headers.get('content-encoding') === 'gzip'
  return {
    request,
    status: response.status,
    headers: Object.fromEntries(
      COMPARED_HEADERS.flatMap((name) => {
        const value = response.headers.get(name)
        if (value === null || (method === 'HEAD' && name === 'content-type')) return []
        return [[name, value]]
      }),
    ),
    answer: answerText(zipped ? gunzipSync(bytes) : bytes),
  }
}

/** The golden answers of a real Prometheus once more, through the gateway and the deployed function: nothing on the way changes a byte. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { describeRequest, judge } from '#test/api/fuzz/fuzz.ts'
import { randomRequest } from '#test/api/fuzz/requests.ts'
import { answerText, type Golden, type GoldenRequest } from '#test/api/golden/requests.ts'
import { TOLD_MS, toldBucket } from '#test/api/golden/told-world.ts'
import { goldenBucket } from '#test/api/golden/world.ts'
import { CHUNKS, encodeReadRequest, SAMPLES } from '#lib/remote/read-request.ts'
import { decodeChunks, decodeSamples } from '#test/remote/read-message.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import { startLocalCloud, synthesiseStack } from './support/local-cloud.ts'
import { thawApp } from './support/thaw-app.ts'

let cloudBucket: CloudBucket
let url: string
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  cloudBucket = await startCloudBucket()
  ends.push(() => cloudBucket.stop())
  await goldenBucket(cloudBucket.bucket)
  const assembly = await synthesiseStack()
  ends.push(() => assembly.remove())
  const local = await startLocalCloud({ assembly, bucket: cloudBucket, sliceBytes: 1e6 })
  ends.push(() => local.stop())
  await local.plan()
  url = local.cloud.httpUrl
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

/** Fresh blocks are of the last days; what was recorded is of 2023. */
const SHIFT_MS = Math.floor((Date.now() - TOLD_MS) / 1000) * 1000

/** Times in seconds and as text. */
function shift(text: string): string {
  return text
    .replace(/\b1700000\d{3}\b/g, (seconds) => String(Number(seconds) + SHIFT_MS / 1000))
    .replace(/2023-11-14T[\d:.]+Z/g, (time) => new Date(Date.parse(time) + SHIFT_MS).toISOString())
}

async function ask({ method = 'GET', path, headers = {}, body }: GoldenRequest): Promise<object> {
  const init = { method, headers, ...(body === undefined ? {} : { body }) }
  const response = await get(path, init)
  const bytes = Buffer.from(await response.arrayBuffer())
  const type = response.headers.get('content-type')
  return { status: response.status, type, answer: answerText(bytes) }
}

describe('the deployed API', () => {
  it.each(['data', 'clients'])('answers as Prometheus does: %s', async (name) => {
    const file = new URL(`../api/golden/prometheus-3.14.0-${name}.json`, import.meta.url)
    const { answers } = JSON.parse(await readFile(file, 'utf8')) as Golden
    expect(answers.length).toBeGreaterThan(30)
    // The gateway answers preflight requests itself.
    for (const { request, status, headers, answer } of answers.filter(isNoPreflight)) {
      const type = headers['content-type'] ?? null
      expect({ request, ...(await ask(request)) }).toEqual({ request, status, type, answer })
    }
  })

  it('tells exemplars and metadata as Prometheus does', async () => {
    await toldBucket(cloudBucket.bucket, SHIFT_MS)
    // A function may believe its listing of before for a second.
    while (!(await (await get('/api/v1/metadata')).text()).includes('queue_bytes')) await sleep(50)
    const file = new URL('../api/golden/prometheus-3.14.0-told.json', import.meta.url)
    const { answers } = JSON.parse(await readFile(file, 'utf8')) as Golden
    // Without a body, the gateway says of what type it is not.
    const asked = answers.filter(
      ({ request, status }) => /query_exemplars|metadata/.test(request.path) && status !== 204,
    )
    expect(asked.length).toBeGreaterThan(20)
    for (const { request, status, headers, answer } of asked) {
      const { path, body } = request
      const shifted = { ...request, path: shift(path), ...(body && { body: shift(body) }) }
      const type = headers['content-type'] ?? null
      const expected = { path, status, type, answer: shift(answer) }
      expect({ path, ...(await ask(shifted)) }).toEqual(expected)
    }
  })

  it('is read remotely, in both kinds of answer', async () => {
    const matchers = [{ type: '=~', name: '__name__', value: 'm|histogram' } as const]
    const query = { startMs: 1_699_999_200_000, endMs: 1_700_006_400_000, matchers }
    const read = async (type: number): Promise<Uint8Array> => {
      const body = encodeReadRequest([query], [type])
      const response = await get('/api/v1/read', { method: 'POST', body })
      expect(response.status).toBe(200)
      return new Uint8Array(await response.arrayBuffer())
    }
    const names = ['histogram', 'm', 'm']
    expect(decodeSamples(await read(SAMPLES))[0]!.map(({ labels }) => labels[1])).toEqual(names)
    expect(decodeChunks(await read(CHUNKS)).map(({ labels }) => labels[1])).toEqual(names)
  })

  it('answers whatever is asked', async () => {
    const random = new RandomSource(5)
    const routes = thawApp(memoryBucket()).routes.map(({ path }) => path)
    const flaws: string[] = []
    for (let i = 0; i < 1500; i++) {
      const request = randomRequest(
        random,
        routes.filter((path) => !path.includes('*')),
      )
      const { method, headers, body } = request
      // The client unpacks what is packed.
      const sent = { ...headers, 'accept-encoding': 'identity' }
      const init = { method, headers: sent, ...(body !== undefined && { body }) }
      const response = await get(request.url, init)
      const { status, flaw } = await judge(request, response)
      // A URL that is too long never comes to the function.
      if (flaw !== undefined && status !== 431) flaws.push(`${flaw}\n  ${describeRequest(request)}`)
    }
    expect(flaws).toEqual([])
  })

  it('has the bucket as its store, and pages for other programs', async () => {
    const stores = (await (await get('/api/v1/stores')).json()) as {
      data: { store: { name: string; minTime: number }[] }
    }
    expect(stores.data.store).toMatchObject([{ name: 'thaw', minTime: 1_699_999_200_000 }])
    for (const path of ['/-/healthy', '/-/ready', '/federate?match[]=nope', '/metrics']) {
      expect((await get(path)).status).toBe(200)
    }
  })
})

function isNoPreflight({ request }: { readonly request: GoldenRequest }): boolean {
  return request.method !== 'OPTIONS'
}

/** The gateway lets so many requests through in a second. */
async function get(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const response = await fetch(url + path, init)
    if (response.status !== 429) return response
    await response.arrayBuffer()
    await sleep(50)
  }
}

/** The streaming door of the deployed stack: the answers of the front door, its callers, and what does not fit through the other. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { createToken, revokeToken } from '#lib/auth/edit-tokens.ts'
import { MAX_LAMBDA_BODY_BYTES } from '#lib/lambda/http.ts'
import { type AccessScope, SCOPES } from '#lib/model/caller.ts'
import { CHUNKS, encodeReadRequest, SAMPLES } from '#lib/remote/read-request.ts'
import { answerText, type Golden, type GoldenRequest } from '#test/api/golden/requests.ts'
import { goldenBucket } from '#test/api/golden/world.ts'
import { basic } from '#test/auth/made-tokens.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import { decodeChunks, decodeSamples } from '#test/remote/read-message.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import {
  type Assembly,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'

const HOUR = 3_600_000
const START = Math.floor(Date.now() / HOUR - 6) * HOUR
const SERIES = 150
const STEPS = 11_000

let dir: string
let ours: CloudBucket
let golden: CloudBucket
let assembly: Assembly
let open: LocalCloud
let closed: LocalCloud
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-stream-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  ;[ours, golden] = await Promise.all([startCloudBucket(), startCloudBucket()])
  for (const one of [ours, golden]) ends.push(() => one.stop())
  await goldenBucket(golden.bucket)
  const random = new RandomSource(8)
  const of = (tenant: string, i: number) => ({
    labels: labels({ __name__: 'big', tenant_id: tenant, i: String(i).padStart(4, '0') }),
    samples: every(1000, START, START + STEPS * 1000, () => random.next() * 1e6),
  })
  await putBlock(ours.bucket, {
    id: testId(1),
    minTimeMs: START,
    maxTimeMs: START + 4 * HOUR,
    externalLabels: { cluster: 'c' },
    series: Array.from({ length: SERIES }, (_, i) => of(i % 2 === 0 ? 'team-a' : 'team-b', i)),
  })
  assembly = await synthesiseStack({ streamingDoor: 'true' })
  ends.push(() => assembly.remove())
  const shared = { assembly, sliceBytes: 1e6 }
  open = await startLocalCloud({ ...shared, bucket: golden })
  ends.push(() => open.stop())
  closed = await startLocalCloud({ ...shared, bucket: ours, tokens: true })
  ends.push(() => closed.stop())
  await Promise.all([open.plan(), closed.plan()])
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

interface Made {
  readonly name: string
  readonly text: string
}

async function make(
  name: string,
  scopes: readonly AccessScope[],
  more: object = {},
): Promise<Made> {
  const random = (length: number) => randomBytes(length)
  const parts = { bucket: ours.bucket, now: Date.now, newUlid: () => ulid(), random }
  const { text } = await createToken(parts, { name, scopes, ...more })
  // What is not in a list of a second ago is looked for again.
  await sleep(1100)
  return { name, text }
}

/** The gateway lets so many requests through in a second. */
async function get(url: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const response = await fetch(url, init)
    if (response.status !== 429) return response
    await response.arrayBuffer()
    await sleep(50)
  }
}

async function answerOf(url: string, { path, ...request }: GoldenRequest): Promise<object> {
  const { method = 'GET', headers = {}, body } = request
  const response = await get(url + path, { method, headers, ...(body !== undefined && { body }) })
  const text = answerText(Buffer.from(await response.arrayBuffer()))
  const { status } = response
  // Each names a type where there is nothing of any.
  const typed = status === 204 ? [] : ['content-type']
  const named = [...typed, 'content-encoding', 'vary', 'cache-control', 'allow']
  const seen = named.map((name) => `${name}: ${response.headers.get(name)}`)
  return {
    path,
    status,
    seen,
    text: text.replace(/(?<="(?:lastCheck|refreshedAt)":")[^"]+/, 'now'),
  }
}

/** What is about the function that was asked, or about now. */
const OWN = /\/(metrics|status\/(runtimeinfo|flags|buildinfo|self_metrics))$/

const RANGE = `start=${START / 1000}&end=${START / 1000 + STEPS - 1}&step=1`

describe('the streaming door', () => {
  it('answers as the front door does, whatever fits both', async () => {
    const file = new URL('../api/golden/prometheus-3.14.0-data.json', import.meta.url)
    const { answers } = JSON.parse(await readFile(file, 'utf8')) as Golden
    const requests: GoldenRequest[] = [
      ...answers.map(({ request }) => request).filter(({ method }) => method !== 'OPTIONS'),
      ...[...ROUTE_SCOPES.keys()]
        .filter((path) => !OWN.test(path))
        .map((path) => ({
          path: `${path.replace(':name', 'job')}?query=m&match[]=m&time=1700000000`,
        })),
      { path: '/nowhere' },
    ]
    expect(requests.length).toBeGreaterThan(100)
    for (const request of requests) {
      expect(await answerOf(open.streamUrl, request)).toEqual(
        await answerOf(open.cloud.httpUrl, request),
      )
    }
  })

  it('is read remotely, in both kinds of answer', async () => {
    const matchers = [{ type: '=~', name: '__name__', value: 'm|histogram' } as const]
    const query = { startMs: 1_699_999_200_000, endMs: 1_700_006_400_000, matchers }
    for (const type of [SAMPLES, CHUNKS]) {
      const body = encodeReadRequest([query], [type])
      const [front, stream] = await Promise.all(
        [open.cloud.httpUrl, open.streamUrl].map(async (url) => {
          const response = await get(`${url}/api/v1/read`, { method: 'POST', body })
          expect(response.status).toBe(200)
          return new Uint8Array(await response.arrayBuffer())
        }),
      )
      expect(stream).toEqual(front)
      expect(type === SAMPLES ? decodeSamples(stream!) : decodeChunks(stream!)).not.toEqual([])
    }
  })

  it('opens no route to who is not known, and each to the scopes it is for', async () => {
    const tokens = await Promise.all([
      ...SCOPES.map(async (scope) => ({ scopes: [scope], ...(await make(scope, [scope])) })),
      make('all', SCOPES).then((made) => ({ scopes: SCOPES as readonly AccessScope[], ...made })),
    ])
    const revoked = await make('revoked', SCOPES)
    const random = (length: number) => randomBytes(length)
    const parts = { bucket: ours.bucket, now: Date.now, newUlid: () => ulid(), random }
    await revokeToken(parts, 'revoked')
    const nobody = [
      undefined,
      'Bearer x',
      basic('all', 'x'),
      basic('other', tokens[0].text),
      'AWS4-HMAC-SHA256 Credential=x',
      `Bearer ${revoked.text}`,
    ]
    await sleep(11_000)
    const flaws: string[] = []
    const statuses = new Map<number, number>()
    const expectAt = async (
      path: string,
      header: string | undefined,
      scope: string,
      ok: boolean,
    ) => {
      const headers = {
        ...(header !== undefined && { authorization: header }),
        'x-amzn-request-context': '{"authorizer":{"lambda":{"token":"t","scopes":"admin"}}}',
      }
      const asked = `${path.replace(':name', 'i')}?query=count(big)&match[]=x&time=${START / 1000}`
      const response = await get(closed.streamUrl + asked, { headers })
      const text = await response.text()
      const known = header !== undefined && !nobody.includes(header)
      const isRight =
        scope === 'open' || ok
          ? response.status !== 401 && !text.includes('with the scope')
          : known
            ? response.status === 403 && text.includes(`this needs a token with the scope ${scope}`)
            : response.status === 401 &&
              text.includes('credentials are missing or not valid') &&
              response.headers.get('www-authenticate')?.startsWith('Basic') === true
      if (!isRight) flaws.push(`${path} ${header?.slice(0, 12)}: ${response.status} ${text}`)
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    }
    for (const [path, scope] of ROUTE_SCOPES) {
      for (const header of nobody) await expectAt(path, header, scope, false)
      for (const { scopes, name, text } of tokens) {
        const ok = scopes.some((one) => one === scope)
        await expectAt(path, `Bearer ${text}`, scope, ok)
        await expectAt(path, basic(name, text), scope, ok)
      }
    }
    expect(flaws).toEqual([])
    expect(statuses.get(200)).toBeGreaterThan(80)
    const refused = closed.log.filter((line) => /\[thaw-stream\].*"refused"/.test(line)).join('\n')
    for (const reason of ['none', 'malformed', 'unknown', 'user', 'revoked']) {
      expect(refused).toContain(`"reason":"${reason}"`)
    }
    for (const { text } of [...tokens, revoked]) expect(closed.log.join()).not.toContain(text)
  })

  it('shows each the tenant of its token', async () => {
    const { text } = await make('a', ['read'], { tenant: 'team-a' })
    const response = await get(`${closed.streamUrl}/api/v1/label/tenant_id/values`, {
      headers: { authorization: `Bearer ${text}`, 'thanos-tenant': 'team-b' },
    })
    expect(await response.json()).toMatchObject({ data: ['team-a'] })
  })

  it('lets through fifty megabytes, which the front door refuses with where to go', async () => {
    const headers = { authorization: `Bearer ${(await make('large', ['read'])).text}` }
    const path = `/api/v1/query_range?query=big&${RANGE}`
    const refusals = await Promise.all(
      ['identity', 'gzip'].map(async (encoding) => {
        const accept = { ...headers, 'accept-encoding': encoding }
        const response = await get(closed.cloud.httpUrl + path, { headers: accept })
        const { error } = (await response.json()) as { error: string }
        return { status: response.status, error }
      }),
    )
    for (const { status, error } of refusals) {
      expect(status).toBe(422)
      expect(error).toContain(`does not fit the ${MAX_LAMBDA_BODY_BYTES} bytes of the gateway`)
      expect(error).toContain(`or ask ${closed.streamUrl}/, where answers are streamed`)
    }
    for (const encoding of ['identity', 'gzip', 'zstd']) {
      const response = await get(closed.streamUrl + path, {
        headers: { ...headers, 'accept-encoding': encoding },
      })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-encoding')).toBe(
        encoding === 'identity' ? null : encoding,
      )
      const text = await response.text()
      expect(text.length).toBeGreaterThan(50e6)
      const { status, data } = JSON.parse(text) as {
        status: string
        data: { result: { metric: { i: string }; values: [number, string][] }[] }
      }
      expect(status).toBe('success')
      expect(data.result.map(({ values }) => values.length)).toEqual(
        Array.from({ length: SERIES }, () => STEPS),
      )
      expect(data.result.map(({ metric }) => Number(metric.i)).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: SERIES }, (_, i) => i),
      )
    }
    const stats = closed.cloud.stats()['thaw-stream']!
    expect(stats.failures).toBe(0)
  })

  it('is read remotely by the megabyte', async () => {
    const headers = { authorization: `Bearer ${(await make('reader', ['read'])).text}` }
    const matchers = [{ type: '=', name: '__name__', value: 'big' } as const]
    const query = { startMs: START, endMs: START + 4 * HOUR, matchers }
    const body = encodeReadRequest([query], [CHUNKS])
    const read = (url: string) => get(`${url}/api/v1/read`, { method: 'POST', body, headers })
    expect((await read(closed.cloud.httpUrl)).status).toBe(422)
    const response = await read(closed.streamUrl)
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect(bytes.length).toBeGreaterThan(9e6)
    const count = decodeChunks(bytes).reduce((sum, { samples }) => sum + samples.length, 0)
    expect(count).toBe(SERIES * STEPS)
  })

  it('is asked by thaw query', async () => {
    const { text } = await make('cli', ['read'])
    const file = join(dir, 'cli.token')
    await writeFile(file, text)
    const at = `--time=${new Date(START + HOUR).toISOString()}`
    const url = `--url=${closed.streamUrl}/`
    const { out } = await thaw(['query', 'count(big)', url, at, `--token-file=${file}`])
    expect(out).toContain(String(SERIES))
  })

  it('lets in who signs, where IAM says who asks', async () => {
    const signedAssembly = await synthesiseStack({ streamingDoor: 'true', authorizer: 'iam' })
    ends.push(() => signedAssembly.remove())
    const signed = await startLocalCloud({
      assembly: signedAssembly,
      bucket: golden,
      sliceBytes: 1e6,
      tokens: true,
    })
    ends.push(() => signed.stop())
    const ask = async (path: string, headers: Record<string, string>) => {
      const response = await get(signed.streamUrl + path, { headers })
      return { status: response.status, text: await response.text() }
    }
    const url = '/api/v1/label/a/values?start=1699999200&end=1700006400'
    const refused = { status: 403, text: '{"Message":"Forbidden"}' }
    expect(await ask(url, {})).toEqual(refused)
    expect(await ask(url, { authorization: 'Bearer x' })).toEqual(refused)
    const signature = { authorization: 'AWS4-HMAC-SHA256 Credential=x' }
    expect(await ask(url, signature)).toMatchObject({
      status: 200,
      text: expect.stringContaining('"x"') as string,
    })
    expect((await ask('/api/v1/status/flags', signature)).status).toBe(200)
  })
})

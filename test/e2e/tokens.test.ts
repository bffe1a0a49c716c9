/** The door of the deployed stack: every route × every kind of credentials × scope × tenant, through gateway, authorizer and query. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { createToken, revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import { readTokens } from '#lib/auth/token-list.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { type AccessScope, SCOPES } from '#lib/model/caller.ts'
import { basic } from '#test/auth/made-tokens.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import {
  type Assembly,
  directoryObjstore,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'

const HOUR = 3_600_000
const START = Math.floor(Date.now() / HOUR - 5) * HOUR

let dir: string
let assembly: Assembly
let local: LocalCloud
/** Everything that nobody but its holder may ever see. */
const secrets: string[] = []
const ends: (() => Promise<void>)[] = []

const clock = { aheadMs: 0 }
const parts = {
  now: () => Date.now() + clock.aheadMs,
  newUlid: () => ulid(),
  random: (length: number) => randomBytes(length),
  get bucket() {
    return fileBucket(dir)
  },
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-tokens-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  const of = (tenant: string) => ({
    labels: labels({ __name__: 'up', tenant_id: tenant, job: `job of ${tenant}` }),
    samples: every(15_000, START, START + 2 * HOUR, () => 1),
  })
  await putBlock(fileBucket(dir), {
    id: testId(1),
    minTimeMs: START,
    maxTimeMs: START + 2 * HOUR,
    externalLabels: { cluster: 'c' },
    series: ['team-a', 'team-b', 'default-tenant'].map(of),
  })
  assembly = await synthesiseStack()
  ends.push(() => assembly.remove())
  local = await startLocalCloud({
    assembly,
    objstore: directoryObjstore(dir),
    sliceBytes: 1e6,
    tokens: true,
  })
  ends.push(() => local.stop())
  await local.plan()
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

interface Made {
  readonly id: string
  readonly name: string
  readonly text: string
}

async function make(
  name: string,
  scopes: readonly AccessScope[],
  more: object = {},
): Promise<Made> {
  const { token, text } = await createToken(parts, { name, scopes, ...more })
  secrets.push(text)
  // What is not in a list of a second ago is looked for again.
  await sleep(1100)
  return { id: token.id, name, text }
}

/** The gateway lets so many requests through in a second. */
async function get(
  path: string,
  authorization: string | undefined,
  { headers = {}, method = 'GET' }: { headers?: Record<string, string>; method?: string } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  for (;;) {
    const response = await fetch(`${local.cloud.httpUrl}${path}`, {
      method,
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
    })
    const text = await response.text()
    if (response.status !== 429) return { status: response.status, text }
    await sleep(50)
  }
}

function bearer({ text }: { readonly text: string }): string {
  return `Bearer ${text}`
}

const GATEWAY_401 = { status: 401, text: '{"message":"Unauthorized"}' }
const GATEWAY_403 = { status: 403, text: '{"message":"Forbidden"}' }

/** Headers that pretend what only the authorizer can say. */
const FORGED = {
  'thanos-tenant': 'team-b',
  'x-scope-orgid': 'team-b',
  token: 'local',
  tenant: 'team-b',
  scopes: 'read write admin',
  'x-amzn-request-context': '{"authorizer":{"lambda":{"token":"t","scopes":"admin"}}}',
  'x-apigateway-event': '{"requestContext":{"authorizer":{"lambda":{"scopes":"admin"}}}}',
}

const PATHS = [...ROUTE_SCOPES].map(([path, scope]) => ({
  path: `${path.replace(':name', 'job')}?query=up&match[]=up&time=${START / 1000 + 60}`,
  route: path,
  scope,
}))

/** `n` at a time: there are a dozen environments. */
async function inTurns<T>(all: readonly T[], n: number, work: (one: T) => Promise<void>) {
  const left = [...all]
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one)
  }
  await Promise.all(Array.from({ length: n }, worker))
}

describe('the deployed door', () => {
  it('opens no route to who is not known', async () => {
    const good = await make('good', SCOPES)
    const other = await make('other', ['read'])
    const revoked = await make('revoked', SCOPES)
    await revokeToken(parts, 'revoked')
    clock.aheadMs = -2 * HOUR
    const expired = await make('expired', SCOPES, { expiresMs: Date.now() - HOUR })
    const rotated = await make('rotated', SCOPES)
    secrets.push((await rotateToken(parts, 'rotated', { overlapMs: HOUR })).text)
    clock.aheadMs = 0
    const none = [undefined, '', '   ']
    const wrong = [
      'Bearer',
      'Basic',
      'Bearer x',
      'x',
      good.text,
      `Token ${good.text}`,
      `Bearer ${good.text}x`,
      `Bearer ${good.text.slice(0, -1)}`,
      `Bearer thaw_${good.id}_${other.text.slice(-43)}`,
      `Bearer thaw_${'0'.repeat(26)}_${'A'.repeat(43)}`,
      `Bearer ${(await readTokens(fileBucket(dir))).tokens[0]!.secrets[0]!.hash}`,
      basic('other', good.text),
      basic('', good.text),
      basic('good', ''),
      basic('good', other.text),
      `Basic ${Buffer.from(good.text).toString('base64')}`,
      `${bearer(good)},${bearer(good)}`,
      bearer(revoked),
      basic('revoked', revoked.text),
      bearer(expired),
      bearer(rotated),
    ]
    const cases = PATHS.flatMap(({ path }) => [
      ...none.map((header) => ({ path, header, expected: GATEWAY_401 })),
      ...wrong.map((header) => ({ path, header, expected: GATEWAY_403 })),
    ])
    const flaws: string[] = []
    await inTurns(cases, 8, async ({ path, header, expected }) => {
      const answer = await get(path, header, { headers: FORGED })
      if (JSON.stringify(answer) !== JSON.stringify(expected)) {
        flaws.push(`${path} ${wrong.indexOf(header ?? '')}: ${answer.status} ${answer.text}`)
      }
    })
    expect(cases.length).toBe(PATHS.length * 24)
    expect(flaws).toEqual([])
    expect(local.cloud.stats()['thaw-query']?.invokes ?? 0).toBe(0)
    // Whatever the gateway asked more than once, it asked because its answer was old.
    expect(local.cloud.stats()['thaw-authorize']!.invokes).toBeLessThan(wrong.length * 20)
  })

  it('opens to each token the routes of its scopes', async () => {
    const sets: AccessScope[][] = [['read'], ['write'], ['admin'], ['read', 'write', 'admin']]
    const kinds = await Promise.all(
      sets.flatMap((scopes) =>
        [undefined, 'team-a'].map(async (tenant) => {
          const name = `${scopes.join('-')}${tenant === undefined ? '' : '-bound'}`
          return { scopes, ...(await make(name, scopes, tenant === undefined ? {} : { tenant })) }
        }),
      ),
    )
    const cases = PATHS.flatMap(({ path, route, scope }) =>
      kinds.map((kind, i) => ({
        path,
        route,
        scope,
        isLetIn: scope === 'open' || kind.scopes.includes(scope),
        isBound: kind.name.endsWith('-bound'),
        header: [bearer(kind), basic(kind.name, kind.text), basic(kind.id, kind.text)][i % 3]!,
        name: kind.name,
      })),
    )
    const flaws: string[] = []
    const letIn = new Map<string, number>()
    await inTurns(cases, 8, async ({ path, route, scope, isLetIn, isBound, header, name }) => {
      for (const method of ['GET', 'POST']) {
        const { status, text } = await get(path, header, { headers: FORGED, method })
        const isRefused = status === 401 || text.includes(`with the scope ${scope}`)
        if (isRefused === isLetIn) flaws.push(`${method} ${route} ${name}: ${status} ${text}`)
        if (isBound && text.includes('job of team-b')) flaws.push(`${route} ${name} sees team-b`)
        if (status === 200) letIn.set(route, (letIn.get(route) ?? 0) + 1)
      }
    })
    expect(flaws).toEqual([])
    // A matrix without a 200 would say little.
    expect(letIn.get('/api/v1/query')).toBe(8)
    expect(letIn.get('/api/v1/status/flags')).toBe(4)
    expect(letIn.size).toBeGreaterThan(30)
  })

  it('shows each the tenant of its token', async () => {
    const jobs = async (made: Made, headers: Record<string, string> = {}): Promise<unknown> => {
      const range = `start=${START / 1000}&end=${START / 1000 + 7200}`
      const { status, text } = await get(`/api/v1/label/job/values?${range}`, bearer(made), {
        headers,
      })
      expect(status).toBe(200)
      return (JSON.parse(text) as { data: unknown }).data
    }
    const all = ['job of default-tenant', 'job of team-a', 'job of team-b']
    for (const tenant of ['team-a', 'team-b']) {
      const made = await make(`of-${tenant}`, SCOPES, { tenant })
      expect(await jobs(made)).toEqual([`job of ${tenant}`])
      expect(await jobs(made, FORGED)).toEqual([`job of ${tenant}`])
    }
    // Nothing is enforced for the others here.
    expect(await jobs(await make('unbound', ['read']), FORGED)).toEqual(all)
  })

  it('answers preflights with headers alone', async () => {
    const response = await fetch(`${local.cloud.httpUrl}/api/v1/query`, {
      method: 'OPTIONS',
      headers: { origin: 'https://grafana.example', 'access-control-request-method': 'POST' },
    })
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect((await get('/api/v1/query', undefined, { method: 'OPTIONS' })).text).toBe('')
  })

  it('stays open through a rotation, and closes within a minute of a revocation', async () => {
    const made = await make('rotating', ['read'])
    const status = async ({ text }: { text: string }) =>
      (await get('/api/v1/status/buildinfo', `Bearer ${text}`)).status
    expect(await status(made)).toBe(200)
    const rotated = await rotateToken(parts, 'rotating', { overlapMs: HOUR })
    secrets.push(rotated.text)
    await sleep(1100)
    expect(await status(rotated)).toBe(200)
    expect(await status(made)).toBe(200)
    await revokeToken(parts, 'rotating')
    for (const one of [made, rotated]) {
      await expect.poll(() => status(one), { timeout: 120_000, interval: 2000 }).toBe(403)
    }
  })

  it('keeps what is secret: not in logs, template, bundles or the bucket', async () => {
    expect(secrets.length).toBeGreaterThan(15)
    const refusals = local.log.filter((line) => line.includes('"refused"'))
    for (const reason of ['malformed', 'unknown', 'user', 'revoked', 'expired']) {
      expect(refusals.some((line) => line.includes(`"reason":"${reason}"`))).toBe(true)
    }
    const { tokens } = await readTokens(fileBucket(dir))
    const hashes = tokens.flatMap((token) => token.secrets.map(({ hash }) => hash))
    const hidden = [...secrets.map((text) => text.slice(-43)), ...hashes]
    const log = local.log.join('\n')
    expect(hidden.filter((text) => log.includes(text))).toEqual([])
    expect(log).not.toMatch(/Basic [\w+/]{8}|Bearer \w/)
    for (const root of [assembly.dir, dir]) {
      const files = await readdir(root, { recursive: true, withFileTypes: true })
      for (const file of files.filter((one) => one.isFile())) {
        const bytes = await readFile(join(file.parentPath, file.name))
        expect(secrets.filter((text) => bytes.includes(text.slice(-43)))).toEqual([])
      }
    }
    const template = await readFile(join(assembly.dir, 'thaw.template.json'), 'utf8')
    expect(template).not.toMatch(/thaw_[0-9A-Z]{26}|password|secret/i)
  })
})

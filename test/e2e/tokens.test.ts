/** The door of the deployed stack: every route × every kind of credentials × scope × tenant, through gateway, authorizer and query. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { readTokens } from '#lib/auth/token-list.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { SCOPES } from '#lib/model/caller.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import {
  bearer,
  FORGED,
  type Made,
  TokenMaker,
  tryScopes,
  tryUnknown,
} from './support/door-matrix.ts'
import {
  type Assembly,
  directoryObjstore,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'

const HOUR = 3_600_000
const START = Math.floor(Date.now() / HOUR - 5) * HOUR
const SECONDS = START / 1000 + 60

let dir: string
let assembly: Assembly
let local: LocalCloud
const ends: (() => Promise<void>)[] = []

let maker: TokenMaker

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-tokens-'))
  maker = new TokenMaker(fileBucket(dir))
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

describe('the deployed door', () => {
  it('opens no route to who is not known', async () => {
    const { cases, kinds, flaws } = await tryUnknown({ door: get, maker, seconds: SECONDS })
    expect(kinds).toBe(24)
    expect(cases).toBe(ROUTE_SCOPES.size * kinds)
    expect(flaws).toEqual([])
    expect(local.cloud.stats()['thaw-query']?.invokes ?? 0).toBe(0)
    // Whatever the gateway asked more than once, it asked because its answer was old.
    expect(local.cloud.stats()['thaw-authorize']!.invokes).toBeLessThan(kinds * 20)
  })

  it('opens to each token the routes of its scopes', async () => {
    const { flaws, letIn } = await tryScopes({ door: get, maker, seconds: SECONDS })
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
      const made = await maker.make(`of-${tenant}`, SCOPES, { tenant })
      expect(await jobs(made)).toEqual([`job of ${tenant}`])
      expect(await jobs(made, FORGED)).toEqual([`job of ${tenant}`])
    }
    // Nothing is enforced for the others here.
    expect(await jobs(await maker.make('unbound', ['read']), FORGED)).toEqual(all)
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
    const made = await maker.make('rotating', ['read'])
    const status = async ({ text }: { text: string }) =>
      (await get('/api/v1/status/buildinfo', `Bearer ${text}`)).status
    expect(await status(made)).toBe(200)
    const rotated = await maker.rotate('rotating')
    expect(await status(rotated)).toBe(200)
    expect(await status(made)).toBe(200)
    await maker.revoke('rotating')
    for (const one of [made, rotated]) {
      await expect.poll(() => status(one), { timeout: 120_000, interval: 2000 }).toBe(403)
    }
  })

  it('keeps what is secret: not in logs, template, bundles or the bucket', async () => {
    const { secrets } = maker
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
    // Names of secrets may be there, for the role and for `rule`; a reference would put what they hold into the environment.
    expect(template).not.toMatch(/thaw_[0-9A-Z]{26}|password|resolve:secretsmanager/i)
  })
})

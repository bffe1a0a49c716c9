/** The door of the deployed stack: every route × every kind of credentials × scope × tenant, through gateway, authorizer and query. */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { createToken, revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import { readTokens, TOKENS_KEY } from '#lib/auth/token-list.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { SCOPES } from '#lib/model/caller.ts'
import type { DomainError } from '#lib/model/errors.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import {
  bearer,
  FORGED,
  type Made,
  TokenMaker,
  tryScopes,
  tryUnknown,
} from './support/door-matrix.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import {
  type Assembly,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'
import type { Roles } from './support/roles.ts'

const HOUR = 3_600_000
const START = Math.floor(Date.now() / HOUR - 5) * HOUR
const SECONDS = START / 1000 + 60

let cloudBucket: CloudBucket
let assembly: Assembly
let local: LocalCloud
const ends: (() => Promise<void>)[] = []

let maker: TokenMaker

beforeAll(async () => {
  cloudBucket = await startCloudBucket()
  ends.push(() => cloudBucket.stop())
  maker = new TokenMaker(cloudBucket.bucket)
  const of = (tenant: string) => ({
    labels: labels({ __name__: 'up', tenant_id: tenant, job: `job of ${tenant}` }),
    samples: every(15_000, START, START + 2 * HOUR, () => 1),
  })
  await putBlock(cloudBucket.bucket, {
    id: testId(1),
    minTimeMs: START,
    maxTimeMs: START + 2 * HOUR,
    externalLabels: { cluster: 'c' },
    series: ['team-a', 'team-b', 'default-tenant'].map(of),
  })
  assembly = await synthesiseStack()
  ends.push(() => assembly.remove())
  local = await startLocalCloud({ assembly, bucket: cloudBucket, sliceBytes: 1e6, tokens: true })
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
  it('lets nobody in before there is a token', async () => {
    expect((await get('/api/v1/query', 'Bearer x')).status).toBe(403)
    const told = local.log.filter((line) => line.includes('nobody is let in: '))
    expect(told).toHaveLength(1)
  })

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
    const { tokens } = await readTokens(cloudBucket.bucket)
    const hashes = tokens.flatMap((token) => token.secrets.map(({ hash }) => hash))
    const hidden = [...secrets.map((text) => text.slice(-43)), ...hashes]
    const log = local.log.join('\n')
    expect(hidden.filter((text) => log.includes(text))).toEqual([])
    expect(log).not.toMatch(/Basic [\w+/]{8}|Bearer \w/)
    const secretsOf = (bytes: Uint8Array): string[] =>
      secrets.filter((text) => Buffer.from(bytes).includes(text.slice(-43)))
    const files = await readdir(assembly.dir, { recursive: true, withFileTypes: true })
    for (const file of files.filter((one) => one.isFile())) {
      expect(secretsOf(await readFile(join(file.parentPath, file.name)))).toEqual([])
    }
    for await (const { objects } of cloudBucket.bucket.list('')) {
      for (const { key } of objects) {
        expect(secretsOf((await cloudBucket.bucket.get(key)).body)).toEqual([])
      }
    }
    const template = await readFile(join(assembly.dir, 'thaw.template.json'), 'utf8')
    // Names of secrets may be there, for the role and for `rule`; a reference would put what they hold into the environment.
    expect(template).not.toMatch(/thaw_[0-9A-Z]{26}|password|resolve:secretsmanager/i)
  })
})

describe('the tokens', () => {
  /** With the credentials of a function, past the gate: it is not the function that asks. */
  async function as({ environmentOf }: Roles, name: string): Promise<Bucket> {
    const config = parseObjstoreConfig(cloudBucket.objstore, {})
    if (config.type !== 'S3') throw new Error('not in S3')
    const keys = environmentOf(name)
    const own = {
      accessKey: keys['AWS_ACCESS_KEY_ID'],
      secretKey: keys['AWS_SECRET_ACCESS_KEY'],
      sessionToken: keys['AWS_SESSION_TOKEN'],
    }
    return await openBucket({ ...config, s3: { ...config.s3, ...own } })
  }

  it('are read by authorize alone, and written by no function', async (context) => {
    needPeer(context, cloudBucket.roles)
    const roles = local.roles!
    const names = local.cloud.assembly.functions.map(({ name }) => name)
    const outcomes: Record<string, string[]> = {}
    for (const name of names) {
      const own = await as(roles, name)
      const tried = [
        own.get(TOKENS_KEY),
        own.put(TOKENS_KEY, new Uint8Array(1)),
        own.delete(TOKENS_KEY),
      ].map((one: Promise<unknown>) =>
        one.then(
          () => 'yes',
          (error: DomainError) => error.kind,
        ),
      )
      outcomes[name] = await Promise.all(tried)
    }
    const no = 'unauthorized'
    expect(outcomes).toEqual(
      Object.fromEntries(
        names.map((name) => [name, [name === 'thaw-authorize' ? 'yes' : no, no, no]]),
      ),
    )
    expect(names).toHaveLength(6)
  })

  it('lose no edit of several operators at one time', async () => {
    const { bucket } = cloudBucket
    const parts = { bucket, now: Date.now, newUlid: () => ulid(), random: randomBytes }
    const names = Array.from({ length: 6 }, (_, i) => `t${i}`)
    await Promise.all(names.map((name) => createToken(parts, { name, scopes: ['read'] })))
    await Promise.all([
      ...names.slice(0, 3).map((name) => revokeToken(parts, name)),
      ...names.slice(3).map((name) => rotateToken(parts, name, { overlapMs: 1000 })),
    ])
    const { tokens } = await readTokens(bucket)
    const seen = tokens
      .filter(({ name }) => names.includes(name))
      .map(({ name, revokedMs, secrets }) => [
        name,
        revokedMs === undefined ? `${secrets.length} secrets` : 'revoked',
      ])
    expect(Object.fromEntries(seen)).toEqual(
      Object.fromEntries(names.map((name, i) => [name, i < 3 ? 'revoked' : '2 secrets'])),
    )
  })
})

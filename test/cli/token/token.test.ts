/** `thaw token`: what it prints, what it keeps, and that no secret is in either twice. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readTokens } from '#lib/auth/token-list.ts'
import { tokenTable, verifyHeader } from '#lib/auth/verify.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { type CliResult, NOW, thaw } from '../cli-fixture.ts'

const DAY = 86_400_000

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-token-'))
})
afterEach(() => rm(dir, { recursive: true }))

function token(argv: readonly string[], nowMs = NOW): Promise<CliResult> {
  const objstore = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
  return thaw(['token', ...argv, objstore], {}, nowMs)
}

async function verdict(text: string, nowMs = NOW): Promise<string> {
  const { tokens } = await readTokens(fileBucket(dir))
  const answer = verifyHeader(`Bearer ${text}`, tokenTable(tokens), nowMs)
  return 'caller' in answer ? 'yes' : answer.refusal.reason
}

const SECRET = /thaw_[0-9A-Z]{26}_[\w-]{43}/g

function secretOf({ out }: CliResult): string {
  const found = [...out.matchAll(SECRET)].map(([text]) => text)
  expect(found).toHaveLength(1)
  return found[0]!
}

async function created(...argv: string[]): Promise<any> {
  const { code, out, err } = await token(['create', ...argv, '-o', 'json'])
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}

describe('thaw token create', () => {
  it('shows the secret once, and keeps its hash', async () => {
    const answer = await token(['create', 'grafana'])
    expect([answer.code, answer.err]).toEqual([0, ''])
    const secret = secretOf(answer)
    expect(await verdict(secret)).toBe('yes')
    expect(answer.out).toMatch(
      /^token grafana \(\w{26}\): may read; bound to no tenant; expires 2027-01-31T12:00:00Z\n/,
    )
    expect(answer.out).toContain('Basic:   user grafana, and the token as the password')
    expect(await readdir(join(dir, 'thaw'))).toEqual(['tokens.json.gz'])
    const kept = gunzipSync(await readFile(join(dir, 'thaw/tokens.json.gz'))).toString()
    expect(kept).not.toContain(secret.slice(-43))
    for (const argv of [
      ['list', '--all'],
      ['list', '-o', 'json'],
      ['revoke', 'grafana'],
    ]) {
      const { out, err } = await token(argv)
      expect(out + err).not.toMatch(/thaw_[0-9A-Z]{26}/)
      expect(out + err).not.toContain(JSON.parse(kept).tokens[0].secrets[0].hash)
    }
  })

  it('takes tenant, scopes and end, and answers in JSON', async () => {
    const answer = await created(
      'ops',
      '--tenant=team a',
      '--scope=read,write',
      '--scope=admin',
      '--expires=90d',
    )
    expect(answer).toEqual({
      id: expect.stringMatching(/^\w{26}$/),
      name: 'ops',
      tenant: 'team a',
      scopes: ['read', 'write', 'admin'],
      state: 'valid',
      created: '2026-01-31T12:00:00.000Z',
      expires: '2026-05-01T12:00:00.000Z',
      revoked: null,
      rotated: null,
      oldSecretUntil: null,
      token: expect.stringMatching(SECRET),
      basic: { user: 'ops', password: answer.token },
      bearer: `Authorization: Bearer ${answer.token}`,
    })
    expect(await verdict(answer.token, NOW + 90 * DAY)).toBe('expired')
    expect((await created('forever', '--expires=never')).expires).toBeNull()
    expect((await created('day', '--expires=2026-02-02')).expires).toBe('2026-02-02T00:00:00.000Z')
  })

  it.each([
    [[], "missing required argument 'name'"],
    [['a b'], '"a b" is no name of a token'],
    [['a', '--scope=root'], 'write one of read, write, admin'],
    [['a', '--tenant=a/b'], '"a/b" is no tenant'],
    [['a', '--expires=soon'], 'write how long, such as 90d, a time such as 2027-01-31, or never'],
    [['a', '--expires=-1d'], 'write how long'],
    [['a', '--expires=2026-01-01'], 'the token would be expired already'],
    [['a', 'b'], 'too many arguments'],
  ])('refuses %j', async (argv, message) => {
    const { code, out, err } = await token(['create', ...argv])
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(message)
    expect((await readTokens(fileBucket(dir))).tokens).toEqual([])
  })

  it('refuses a name that is taken', async () => {
    const { id } = await created('grafana')
    const { code, err } = await token(['create', 'grafana'])
    expect([code, err]).toEqual([
      1,
      `thaw: there is a token grafana (${id}) already: rotate it, revoke it, or take another name\n`,
    ])
  })
})

describe('thaw token list', () => {
  it('says what each may, and until when', async () => {
    const a = await created('a', '--tenant=t', '--scope=read', '--scope=write')
    const b = await created('b', '--expires=never')
    await created('gone')
    await token(['revoke', 'gone'])
    await token(['rotate', 'b', '--overlap=1h'], NOW + DAY)
    const { out, err } = await token(['list'], NOW + DAY)
    expect(err).toBe('')
    expect(out.replaceAll(/ {2,}/g, '  ')).toBe(
      `NAME  ID  TENANT  MAY  CREATED  EXPIRES  ROTATED  STATE\n` +
        `a  ${a.id}  t  read,write  2026-01-31T12:00:00Z  2027-01-31T12:00:00Z  never  valid\n` +
        `b  ${b.id}  -  read  2026-01-31T12:00:00Z  never  2026-02-01T12:00:00Z  valid, old secret until 2026-02-01T13:00:00Z\n`,
    )
    const all = JSON.parse((await token(['list', '--all', '-o', 'json'])).out) as any[]
    expect(all.map(({ name, state }) => [name, state])).toEqual([
      ['a', 'valid'],
      ['b', 'valid'],
      ['gone', 'revoked'],
    ])
  })

  it('says that nobody is let in where there is none', async () => {
    expect((await token(['list'])).err).toBe('no token: nobody is let in\n')
  })
})

describe('thaw token rotate and revoke', () => {
  it('rotates without a gap', async () => {
    const { token: old } = await created('grafana')
    const rotated = await token(['rotate', 'grafana'])
    const secret = secretOf(rotated)
    expect(rotated.out).toContain('the old secret opens the door until 2026-02-01T12:00:00Z')
    expect([await verdict(old), await verdict(secret)]).toEqual(['yes', 'yes'])
    expect([await verdict(old, NOW + DAY), await verdict(secret, NOW + DAY)]).toEqual([
      'rotated',
      'yes',
    ])
    const at_once = await token([
      'rotate',
      'grafana',
      '--overlap=0s',
      '--expires=30d',
      '-o',
      'json',
    ])
    expect(JSON.parse(at_once.out)).toMatchObject({ expires: '2026-03-02T12:00:00.000Z' })
    expect([await verdict(old), await verdict(secret)]).toEqual(['unknown', 'unknown'])
  })

  it('revokes by name or id', async () => {
    const { id, token: secret } = await created('grafana')
    const { out } = await token(['revoke', id])
    expect(out).toBe(
      `token grafana (${id}) is revoked; the last request with it is let in within 60 s\n`,
    )
    expect(await verdict(secret)).toBe('revoked')
    expect((await token(['revoke', id])).out).toBe(
      `token grafana (${id}) was revoked already, 2026-01-31T12:00:00Z\n`,
    )
    expect(JSON.parse((await token(['revoke', id, '-o', 'json'])).out)).toMatchObject({
      id,
      changed: false,
    })
  })

  it('does not say a secret again that was given for a name', async () => {
    const { token: secret } = await created('grafana')
    for (const verb of ['revoke', 'rotate']) {
      const { code, out, err } = await token([verb, secret])
      expect([code, out, err]).toEqual([
        1,
        '',
        'thaw: there is no token of that id or name, see: thaw token list\n',
      ])
    }
  })
})

describe.each(['create', 'list', 'rotate', 'revoke'])('thaw token %s', (name) => {
  it('teaches in --help', async () => {
    const { code, out } = await thaw(['token', name, '--help'])
    expect(code).toBe(0)
    expect(out).toContain(`\n  $ thaw token ${name} `)
  })

  it('wants a bucket that there is', async () => {
    const argument = name === 'list' ? [] : ['grafana']
    const none = await thaw(['token', name, ...argument])
    expect(none.err).toContain('no bucket is named, give --objstore.config-file=bucket.yml')
    const config = '--objstore.config={type: FILESYSTEM, config: {directory: /nowhere/at/all}}'
    const wrong = await thaw(['token', name, ...argument, config])
    expect([wrong.code, wrong.out]).toEqual([1, ''])
    expect(wrong.err).toMatch(/^thaw: no bucket: directory \/nowhere\/at\/all does not exist/)
  })
})

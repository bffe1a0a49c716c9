/** `thaw serve --auth.tokens` and `thaw query --token-file`: the tokens of the bucket, in one process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createLogger } from '#agent/logger.ts'
import { runCommand } from '#agent/run-command.ts'
import { thawProgram } from '#cli/program.ts'
import { openTokenDoor } from '#cli/token-door.ts'
import { type EditParts, revokeToken } from '#lib/auth/edit-tokens.ts'
import { FRESH_MS, NEWER_MS } from '#lib/auth/token-reader.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { testApp } from '#test/api/fake-backend.ts'
import { basic, editParts, make, NOW } from '#test/auth/made-tokens.ts'
import { freePort } from '#test/peer/server.ts'
import { thaw } from './cli-fixture.ts'

let dir: string
let url: string
let parts: EditParts
/** Of the server. */
const clock = { ms: NOW }
const stop = new AbortController()
let ended: Promise<number>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-serve-tokens-'))
  parts = editParts(fileBucket(dir))
  const port = await freePort()
  const context = {
    env: {},
    now: () => clock.ms,
    write: () => undefined,
    writeError: () => undefined,
    signal: stop.signal,
    killSignal: stop.signal,
    onHangup: () => undefined,
  }
  const objstore = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
  const address = `--http-address=127.0.0.1:${port}`
  const argv = ['serve', '--auth.tokens', address, '--log.level=error', objstore]
  ended = runCommand(thawProgram(context), argv, () => undefined)
  url = `http://127.0.0.1:${port}`
  await vi.waitFor(async () => await fetch(`${url}/-/healthy`), {
    timeout: 30_000,
    interval: 50,
  })
}, 60_000)

afterAll(async () => {
  stop.abort()
  await ended
  await rm(dir, { recursive: true })
})

const status = async (path: string, authorization?: string): Promise<number> => {
  const headers = { ...(authorization !== undefined && { authorization }) }
  return (await fetch(url + path, { headers })).status
}

describe('thaw serve --auth.tokens', () => {
  it('answers probes to all, and all else by scope', async () => {
    const { text } = await make(parts)
    const [none, wrong, good] = [undefined, 'Bearer x', basic('grafana', text)]
    const seen = async (path: string) =>
      Promise.all([none, wrong, good].map((header) => status(path, header)))
    expect(await seen('/-/healthy')).toEqual([200, 200, 200])
    expect(await seen('/api/v1/status/buildinfo')).toEqual([401, 401, 200])
    expect(await seen('/api/v1/query?query=1')).toEqual([401, 401, 200])
    expect(await seen('/metrics')).toEqual([401, 401, 403])
    expect(await seen('/nowhere')).toEqual([404, 404, 404])
  })

  it('is asked by thaw query with a token in a file', async () => {
    const { text } = await make(parts, { name: 'query' })
    const { text: write } = await make(parts, { name: 'w', scopes: ['write'] })
    clock.ms += NEWER_MS
    const file = join(dir, 'query.token')
    await writeFile(file, `${text}\n`)
    const ask = (...argv: string[]) => thaw(['query', '1', `--url=${url}`, ...argv])
    expect(await ask(`--token-file=${file}`)).toMatchObject({ code: 0, err: '' })
    expect(await ask(`--user=query:${text}`)).toMatchObject({ code: 0, err: '' })
    const none = await ask()
    expect([none.code, none.err]).toEqual([
      1,
      `thaw: ${url}/api/v1/query answered 401, give credentials with --user or --token-file\n`,
    ])
    expect((await ask(`--user=w:${write}`)).err).toBe(
      'thaw: forbidden: this needs a token with the scope read\n',
    )
    expect((await ask('--user=a:b', `--token-file=${file}`)).err).toBe(
      'thaw: give --user or --token-file, not both\n',
    )
    expect((await ask('--token-file=/no/such')).err).toMatch(/^thaw: --token-file: ENOENT/)
    await writeFile(file, 'two words')
    expect((await ask(`--token-file=${file}`)).err).toBe(
      `thaw: --token-file: there is no token in ${file}\n`,
    )
    const objstore = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
    expect((await thaw(['query', '1', `--token-file=${file}`, objstore])).err).toBe(
      'thaw: --token-file is for an HTTP API, --objstore.config and --endpoint for none\n',
    )
  })

  it('needs a bucket', async () => {
    const { code, err } = await thaw(['serve', '--auth.tokens', '--endpoint=a:1'])
    expect([code, err]).toEqual([
      1,
      'thaw: --auth.tokens: tokens are in a bucket, name it with --objstore.config-file\n',
    ])
  })
})

describe('the door of a server', () => {
  it('logs why, and nothing that is secret', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'thaw-door-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const time = { ms: NOW }
    const own = editParts(fileBucket(directory), time)
    const { token, text } = await make(own, { name: 'logged' })
    const lines: string[] = []
    const logger = createLogger({
      level: 'info',
      format: 'json',
      write: (line) => void lines.push(line),
    })
    const door = await openTokenDoor(
      { type: 'FILESYSTEM', directory, prefix: '', ignored: [] },
      own.now,
      logger,
    )
    const { app } = testApp({}, { door })
    const ask = (path: string, authorization: string) =>
      app.request(path, { headers: { authorization } })
    await ask('/api/v1/labels', `Bearer ${text}x`)
    await ask('/api/v1/labels', basic('grafana', text))
    await ask('/api/v1/status/flags', `Bearer ${text}`)
    expect((await ask('/api/v1/labels', `Bearer ${text}`)).status).toBe(200)
    await revokeToken(own, token.id)
    time.ms += FRESH_MS
    expect((await ask('/api/v1/labels', `Bearer ${text}`)).status).toBe(401)
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(said.map(({ msg, reason, scope, token: id }) => [msg, reason ?? scope, id])).toEqual([
      ['refused', 'unknown', undefined],
      ['refused', 'user', token.id],
      ['forbidden', 'admin', token.id],
      ['refused', 'revoked', token.id],
    ])
    expect(lines.join()).not.toContain(text.slice(-43, -1))
  })
})

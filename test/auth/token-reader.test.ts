/** How long what was read is believed, in requests and milliseconds of a clock of ours. */
import { describe, expect, it } from 'vitest'
import { revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import {
  DECISION_TTL_MS,
  FRESH_MS,
  NEWER_MS,
  REVOKED_WITHIN_MS,
  STALE_MS,
  TokenReader,
} from '#lib/auth/token-reader.ts'
import { decodeTokens, encodeTokens, readTokens, TOKENS_KEY } from '#lib/auth/token-list.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { basic, editParts, make, NOW } from './made-tokens.ts'

async function world() {
  const inner = memoryBucket()
  const clock = { ms: NOW }
  const asked: string[] = []
  const warnings: string[] = []
  const state: { fails?: DomainError } = {}
  const bucket: Bucket = {
    ...inner,
    async get(key) {
      asked.push('get')
      if (state.fails) throw state.fails
      return await inner.get(key)
    },
    async getIfChanged(key, etag) {
      asked.push('if changed')
      if (state.fails) throw state.fails
      return await inner.getIfChanged(key, etag)
    },
  }
  const parts = editParts(inner, clock)
  const { text } = await make(parts)
  const reader = new TokenReader({
    bucket,
    now: () => clock.ms,
    warn: (message) => void warnings.push(message),
  })
  const verify = async (): Promise<string> => {
    const verdict = await reader.verify(`Bearer ${text}`)
    return 'caller' in verdict ? 'yes' : verdict.refusal.reason
  }
  return { inner, clock, asked, warnings, state, parts, reader, verify }
}

const AWAY = new DomainError('unavailable', 'the bucket is away')

describe('the tokens that are kept', () => {
  it('are asked for once in ten seconds, whoever asks', async () => {
    const { clock, asked, verify } = await world()
    expect(await Promise.all([verify(), verify(), verify()])).toEqual(['yes', 'yes', 'yes'])
    clock.ms += FRESH_MS - 1
    await verify()
    expect(asked).toEqual(['get'])
    clock.ms += 1
    await Promise.all([verify(), verify()])
    expect(asked).toEqual(['get', 'if changed'])
  })

  it('are those of now after ten seconds, and with the gateway within a minute', async () => {
    const { clock, parts, verify } = await world()
    expect(await verify()).toBe('yes')
    await revokeToken(parts, 'grafana')
    expect(await verify()).toBe('yes')
    clock.ms += FRESH_MS
    expect(await verify()).toBe('revoked')
    expect(STALE_MS + DECISION_TTL_MS).toBeLessThan(REVOKED_WITHIN_MS)
  })

  it('are asked for at once where a secret may be newer, and not more than once a second', async () => {
    const { clock, asked, parts, reader, verify } = await world()
    const ask = async (header: string) => {
      const verdict = await reader.verify(header)
      return 'caller' in verdict ? 'yes' : verdict.refusal.reason
    }
    await verify()
    const { text } = await make(parts, { name: 'new' })
    clock.ms += NEWER_MS
    expect(await ask(`Bearer ${text}`)).toBe('yes')
    const rotated = await rotateToken(parts, 'new', { overlapMs: 0 })
    clock.ms += NEWER_MS
    expect(await ask(basic('new', rotated.text))).toBe('yes')
    expect(asked).toEqual(['get', 'if changed', 'if changed'])
    const made_up = `Bearer thaw_${'0'.repeat(26)}_${'a'.repeat(43)}`
    expect(await ask(made_up)).toBe('unknown')
    clock.ms += NEWER_MS
    expect(await Promise.all([ask(made_up), ask(made_up)])).toEqual(['unknown', 'unknown'])
    expect(asked).toHaveLength(4)
    for (const header of ['Bearer x', 'x', '', basic('new', 'password')]) await ask(header)
    expect(asked).toHaveLength(4)
  })

  it('are used a little longer where the bucket is away, then nobody is let in', async () => {
    const { clock, state, warnings, verify } = await world()
    await verify()
    state.fails = AWAY
    clock.ms += STALE_MS - 1
    expect(await verify()).toBe('yes')
    expect(warnings).toEqual([
      `the list of tokens is ${STALE_MS - 1} ms old, as the bucket does not answer`,
    ])
    clock.ms += 1
    await expect(verify()).rejects.toBe(AWAY)
    delete state.fails
    expect(await verify()).toBe('yes')
  })

  it('let nobody in where there never were any', async () => {
    for (const kind of ['not-found', 'unauthorized'] as const) {
      const { state, warnings, verify, clock } = await world()
      state.fails = new DomainError(kind, 'no')
      expect(await verify()).toBe('unknown')
      expect(warnings).toEqual(['nobody is let in: no'])
      delete state.fails
      clock.ms += FRESH_MS
      expect(await verify()).toBe('yes')
    }
    const { state, verify } = await world()
    state.fails = AWAY
    await expect(verify()).rejects.toBe(AWAY)
  })

  it('that can not be read let nobody in, and say nothing of what is in there', async () => {
    const { inner, verify, clock } = await world()
    await verify()
    await inner.put(TOKENS_KEY, new TextEncoder().encode('a secret'))
    clock.ms += STALE_MS
    await expect(verify()).rejects.toThrow(
      /^thaw\/tokens.json.gz is no list of tokens: it is no gzipped JSON$/,
    )
  })
})

describe('the object of tokens', () => {
  it('is read as it was written', async () => {
    const { inner } = await world()
    const { tokens } = await readTokens(inner)
    expect(decodeTokens(encodeTokens(tokens))).toEqual(tokens)
  })

  it.each([
    [[{ hash: 'short', createdMs: 1 }], {}],
    [[{ hash: 'a'.repeat(43), createdMs: 'x' }], {}],
    [['x'], {}],
    [undefined, {}],
    [[], { id: 5 }],
    [[], { scopes: ['root'] }],
    [[], { scopes: undefined }],
    [[], { tenant: '' }],
    [[], { expiresMs: 'never' }],
    [[], { revokedMs: null }],
  ])('is refused with secrets %j and %j', (secrets, wrong) => {
    const token = { id: 'i', name: 'n', scopes: ['read'], createdMs: 1, secrets, ...wrong }
    expect(() => decodeTokens(encodeTokens([token as never]))).toThrow(
      'thaw/tokens.json.gz is no list of tokens: token 1 is incomplete',
    )
  })

  it('of another version is not guessed at', async () => {
    const { gzipSync } = await import('node:zlib')
    const of = (json: unknown) => () => decodeTokens(gzipSync(JSON.stringify(json)))
    expect(of({ version: 2, tokens: [] })).toThrow(
      'thaw/tokens.json.gz was written by a newer thaw',
    )
    expect(of({ version: '2', tokens: [] })).toThrow('its version is not 1')
    expect(of([])).toThrow('it is no JSON object')
    expect(of({ version: 1 })).toThrow('it has no tokens')
    expect(of(gzipSync('x'.repeat(100)).toString())).toThrow('it is no JSON object')
  })
})

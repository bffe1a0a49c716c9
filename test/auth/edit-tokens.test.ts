/** Tokens are made, get new secrets, are revoked; also by several at one time. */
import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { ulid } from 'ulid'
import { describe, expect, it } from 'vitest'
import { createToken, revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import { rotatedMs } from '#lib/auth/token.ts'
import { MAX_TOKENS, readTokens, TOKENS_KEY } from '#lib/auth/token-list.ts'
import { tokenTable, verifyHeader } from '#lib/auth/verify.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { ConflictError } from '#lib/model/errors.ts'
import { editParts, make, NOW } from './made-tokens.ts'

const DAY = 86_400_000

async function verdict(bucket: Bucket, text: string, nowMs = NOW): Promise<unknown> {
  const { tokens } = await readTokens(bucket)
  const answer = verifyHeader(`Bearer ${text}`, tokenTable(tokens), nowMs)
  return 'caller' in answer ? 'yes' : answer.refusal.reason
}

describe('a token', () => {
  it('is kept as a hash', async () => {
    const bucket = memoryBucket()
    const { token, text } = await make(editParts(bucket), { tenant: 'a', expiresMs: NOW + DAY })
    expect(text).toMatch(/^thaw_[0-9A-Z]{26}_[\w-]{43}$/)
    expect(token).toMatchObject({ name: 'grafana', tenant: 'a', scopes: ['read'], createdMs: NOW })
    expect((await readTokens(bucket)).tokens).toEqual([token])
    expect(JSON.stringify(token)).not.toContain(text.slice(-43))
    expect(await verdict(bucket, text)).toBe('yes')
    expect(await verdict(bucket, text, NOW + DAY)).toBe('expired')
  })

  it.each([
    [{ name: 'a:b' }, 'is no name of a token'],
    [{ name: '' }, 'is no name of a token'],
    [{ name: 'A'.repeat(65) }, 'is no name of a token'],
    [{ name: '01JD0000000000000000000000' }, 'is no name of a token'],
    [{ name: 'thaw_x' }, 'a name is no secret'],
    [{ tenant: 'a/b' }, 'is no tenant'],
    [{ tenant: '' }, 'is no tenant'],
    [{ tenant: 'é' }, 'is no tenant'],
    [{ tenant: ' a' }, 'is no tenant'],
    [{ scopes: [] }, 'needs a scope'],
    [{ expiresMs: NOW }, 'would be expired already'],
  ])('is refused with %j', async (wanted, message) => {
    const bucket = memoryBucket()
    await expect(make(editParts(bucket), wanted)).rejects.toThrow(message)
    expect((await readTokens(bucket)).tokens).toEqual([])
  })

  it('has a name of its own until it is over', async () => {
    const clock = { ms: NOW }
    const parts = editParts(memoryBucket(), clock)
    const first = await make(parts, { expiresMs: NOW + DAY })
    await expect(make(parts)).rejects.toThrow(
      `there is a token grafana (${first.token.id}) already`,
    )
    clock.ms += DAY
    const second = await make(parts)
    await revokeToken(parts, 'grafana')
    const third = await make(parts)
    expect(new Set([first, second, third].map(({ token }) => token.id)).size).toBe(3)
    expect((await revokeToken(parts, 'grafana')).token.id).toBe(third.token.id)
  })

  it('that is over goes after ninety days', async () => {
    const clock = { ms: NOW }
    const parts = editParts(memoryBucket(), clock)
    await make(parts, { name: 'a', expiresMs: NOW + DAY })
    await make(parts, { name: 'b' })
    await revokeToken(parts, 'b')
    clock.ms += 90 * DAY
    await make(parts, { name: 'c' })
    clock.ms += DAY
    await make(parts, { name: 'd' })
    const { tokens } = await readTokens(parts.bucket)
    expect(tokens.map(({ name }) => name)).toEqual(['c', 'd'])
  })

  it('is one of so many at most', async () => {
    const bucket = memoryBucket()
    const { encodeTokens } = await import('#lib/auth/token-list.ts')
    const { token } = await make(editParts(memoryBucket()))
    const all = Array.from({ length: MAX_TOKENS }, (_, i) => ({
      ...token,
      name: `n${i}`,
      id: `i${i}`,
    }))
    await bucket.put(TOKENS_KEY, encodeTokens(all))
    await expect(make(editParts(bucket))).rejects.toThrow('there are 5000 tokens already')
  })
})

describe('a rotation', () => {
  it('leaves the old secret for a while', async () => {
    const clock = { ms: NOW }
    const bucket = memoryBucket()
    const parts = editParts(bucket, clock)
    const { token, text } = await make(parts)
    expect(rotatedMs(token)).toBeUndefined()
    clock.ms += DAY
    const rotated = await rotateToken(parts, 'grafana', { overlapMs: 1000 })
    expect(rotated.token.id).toBe(token.id)
    expect(rotatedMs(rotated.token)).toBe(clock.ms)
    for (const [ms, old] of [
      [0, 'yes'],
      [999, 'yes'],
      [1000, 'rotated'],
    ] as const) {
      expect(await verdict(bucket, text, clock.ms + ms)).toBe(old)
      expect(await verdict(bucket, rotated.text, clock.ms + ms)).toBe('yes')
    }
  })

  it('twice, as when the new secret was lost, takes nothing from the first', async () => {
    const bucket = memoryBucket()
    const parts = editParts(bucket)
    const texts = [(await make(parts)).text]
    for (let i = 0; i < 4; i++) {
      texts.push((await rotateToken(parts, 'grafana', { overlapMs: 1000 })).text)
    }
    for (const text of texts) expect(await verdict(bucket, text)).toBe('yes')
    await expect(rotateToken(parts, 'grafana', { overlapMs: 1000 })).rejects.toThrow(
      'has 5 secrets that still hold',
    )
    const { text } = await rotateToken(parts, 'grafana', { overlapMs: 0 })
    expect(await verdict(bucket, text)).toBe('yes')
    for (const old of texts) expect(await verdict(bucket, old)).toBe('unknown')
  })

  it('never makes an old secret live longer', async () => {
    const clock = { ms: NOW }
    const bucket = memoryBucket()
    const parts = editParts(bucket, clock)
    const { text } = await make(parts)
    await rotateToken(parts, 'grafana', { overlapMs: 1000 })
    await rotateToken(parts, 'grafana', { overlapMs: DAY })
    expect(await verdict(bucket, text, NOW + 1000)).toBe('rotated')
  })

  it('may move the end', async () => {
    const parts = editParts(memoryBucket())
    await make(parts, { expiresMs: NOW + DAY })
    const end = async (expiresMs?: number) =>
      (await rotateToken(parts, 'grafana', { overlapMs: 0, expiresMs })).token.expiresMs
    expect(await end()).toBe(NOW + DAY)
    expect(await end(NOW + 9 * DAY)).toBe(NOW + 9 * DAY)
    expect(await end(Infinity)).toBeUndefined()
    await expect(end(NOW)).rejects.toThrow('would be expired already')
  })

  it('of what is over, or not there, is refused', async () => {
    const parts = editParts(memoryBucket())
    const { text } = await make(parts)
    await revokeToken(parts, 'grafana')
    await expect(rotateToken(parts, 'grafana', { overlapMs: 0 })).rejects.toThrow('is revoked')
    for (const edit of [
      () => rotateToken(parts, text, { overlapMs: 0 }),
      () => revokeToken(parts, text),
    ]) {
      const error: Error = await edit().then(
        () => expect.unreachable(),
        (reason: Error) => reason,
      )
      expect(error.message).toBe('there is no token of that id or name, see: thaw token list')
    }
  })
})

describe('a revocation', () => {
  it('holds for every secret, and once', async () => {
    const bucket = memoryBucket()
    const parts = editParts(bucket)
    const { token, text } = await make(parts)
    const rotated = await rotateToken(parts, token.id, { overlapMs: DAY })
    expect(await revokeToken(parts, token.id)).toMatchObject({ changed: true })
    expect(await revokeToken(parts, token.id)).toMatchObject({ changed: false })
    for (const one of [text, rotated.text]) expect(await verdict(bucket, one)).toBe('revoked')
  })
})

describe('several at one time', () => {
  it('lose nothing of each other', async () => {
    const bucket = memoryBucket()
    const parts = { bucket, now: () => NOW, newUlid: () => ulid(), random: randomBytes }
    const old = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        createToken(parts, { name: `old${i}`, scopes: ['read'] }),
      ),
    )
    const [made, rotated] = await Promise.all([
      Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          createToken(parts, { name: `new${i}`, scopes: ['write'] }),
        ),
      ),
      Promise.all(['old0', 'old1'].map((name) => rotateToken(parts, name, { overlapMs: 1000 }))),
      Promise.all(['old2', 'old3', 'old3'].map((name) => revokeToken(parts, name))),
    ])
    const verdicts = (texts: { text: string }[]) =>
      Promise.all(texts.map(({ text }) => verdict(bucket, text)))
    expect(await verdicts(made)).toEqual(Array<string>(8).fill('yes'))
    expect(await verdicts(rotated)).toEqual(['yes', 'yes'])
    expect(await verdicts(old)).toEqual(['yes', 'yes', 'revoked', 'revoked', 'yes'])
  })

  it('make one token of a name', async () => {
    const bucket = memoryBucket()
    const parts = { bucket, now: () => NOW, newUlid: () => ulid(), random: randomBytes }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, () => createToken(parts, { name: 'same', scopes: ['read'] })),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await readTokens(bucket)).tokens).toHaveLength(1)
  })

  it('are not confused by a write that won and said it had lost', async () => {
    const inner = memoryBucket()
    let lies = 1
    const bucket: Bucket = {
      ...inner,
      async put(key, body, options) {
        const written = await inner.put(key, body, options)
        if (lies-- > 0) throw new ConflictError(key, 'so it says')
        return written
      },
    }
    const parts = editParts(bucket)
    const { text } = await make(parts)
    lies = 1
    const rotated = await rotateToken(parts, 'grafana', { overlapMs: 1000 })
    expect(await verdict(bucket, text)).toBe('yes')
    expect(await verdict(bucket, rotated.text)).toBe('yes')
    expect((await readTokens(bucket)).tokens[0]!.secrets).toHaveLength(2)
    lies = 1
    expect(await revokeToken(parts, 'grafana')).toMatchObject({ changed: true })
    expect((await readTokens(bucket)).tokens).toHaveLength(1)
  })
})

describe('any order of edits', () => {
  it('gives what a list of who is in says', async () => {
    const edit = fc.record({
      what: fc.constantFrom('create', 'rotate', 'revoke', 'wait'),
      who: fc.constantFrom('a', 'b', 'c'),
      ms: fc.constantFrom(0, 1000, 5000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 15 }), async (edits) => {
        const clock = { ms: NOW }
        const bucket = memoryBucket()
        const parts = editParts(bucket, clock)
        /** Texts, and until when they are good. */
        let held: { name: string; text: string; untilMs: number }[] = []
        /** What was done, and what should not have been. */
        const done: boolean[] = []
        const expected: boolean[] = []
        for (const { what, who, ms } of edits) {
          if (what === 'wait') clock.ms += ms
          const isThere = held.some(({ name, untilMs }) => name === who && untilMs === Infinity)
          if (what === 'create') {
            const made = await make(parts, { name: who }).catch(() => undefined)
            done.push(made !== undefined)
            expected.push(!isThere)
            if (made) held.push({ name: who, text: made.text, untilMs: Infinity })
          } else if (what === 'rotate') {
            const made = await rotateToken(parts, who, { overlapMs: ms }).catch(() => undefined)
            done.push(made !== undefined)
            expected.push(isThere)
            if (!made) continue
            held = held.map((one) =>
              one.name === who ? { ...one, untilMs: Math.min(one.untilMs, clock.ms + ms) } : one,
            )
            held.push({ name: who, text: made.text, untilMs: Infinity })
          } else if (what === 'revoke') {
            const gone = await revokeToken(parts, who).catch(() => undefined)
            if (gone) held = held.map((one) => (one.name === who ? { ...one, untilMs: 0 } : one))
          }
        }
        expect(done).toEqual(expected)
        for (const { text, untilMs } of held) {
          const answer = await verdict(bucket, text, clock.ms)
          expect(answer === 'yes').toBe(clock.ms < untilMs)
        }
      }),
      { numRuns: 60 },
    )
  })
})

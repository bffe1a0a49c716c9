/** Who is let in, and why the others are not. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import type { Token } from '#lib/auth/token.ts'
import { readTokens } from '#lib/auth/token-list.ts'
import { type Refusal, tokenTable, verifyHeader } from '#lib/auth/verify.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { basic, editParts, make, NOW } from './made-tokens.ts'

const LATER = NOW + 5000

async function world() {
  const parts = editParts(memoryBucket())
  const good = await make(parts, { name: 'good', tenant: 'team-a', scopes: ['read', 'admin'] })
  const other = await make(parts, { name: 'other' })
  const expired = await make(parts, { name: 'expired', expiresMs: LATER })
  const revoked = await make(parts, { name: 'revoked' })
  await revokeToken(parts, 'revoked')
  const before = await make(parts, { name: 'rotated' })
  const after = await rotateToken(parts, 'rotated', { overlapMs: 1000 })
  const { tokens } = await readTokens(parts.bucket)
  return { good, other, expired, revoked, before, after, table: tokenTable(tokens) }
}

const { good, other, expired, revoked, before, after, table } = await world()

const GOOD = {
  caller: { id: good.token.id, name: 'good', tenant: 'team-a', scopes: ['read', 'admin'] },
}
const bearer = ({ text }: { text: string }): string => `Bearer ${text}`
const refusal = (reason: Refusal['reason'], of?: { token: Token }): object => ({
  refusal: { reason, ...(of && { tokenId: of.token.id }) },
})

describe('credentials', () => {
  it.each([
    ['a bearer', bearer(good)],
    ['a bearer, in other letters and blanks', ` bEARER   ${good.text} `],
    ['the name', basic('good', good.text)],
    ['the id', basic(good.token.id, good.text)],
  ])('that are right let in: %s', (_, header) => {
    expect(verifyHeader(header, table, LATER)).toEqual(GOOD)
  })

  it.each([
    ['none', undefined, refusal('none')],
    ['empty', '', refusal('none')],
    ['blank', '  ', refusal('none')],
    ['a scheme alone', 'Bearer', refusal('malformed')],
    ['another scheme', `Token ${good.text}`, refusal('malformed')],
    ['no scheme', good.text, refusal('malformed')],
    ['two', `${bearer(good)}, ${bearer(good)}`, refusal('malformed')],
    ['too long', `Bearer ${'a'.repeat(1100)}`, refusal('malformed')],
    [
      'basic without a colon',
      `Basic ${Buffer.from('good').toString('base64')}`,
      refusal('malformed'),
    ],
    ['basic that is no base64', 'Basic a%b', refusal('malformed')],
    ['basic in clear', `Basic good:${good.text}`, refusal('malformed')],
    ['no such token', `Bearer thaw_${'0'.repeat(26)}_${'a'.repeat(43)}`, refusal('unknown')],
    ['a hash', `Bearer ${good.token.secrets[0]!.hash}`, refusal('unknown')],
    ['a secret without its beginning', `Bearer ${good.text.slice(-43)}`, refusal('unknown')],
    [
      'a secret under another id',
      `Bearer thaw_${other.token.id}_${good.text.slice(-43)}`,
      refusal('unknown'),
    ],
    ['cut short', `Bearer ${good.text.slice(0, -1)}`, refusal('unknown')],
    ['one more', `Bearer ${good.text}a`, refusal('unknown')],
    ['the name alone', basic('good', ''), refusal('unknown')],
    ['the name as password', basic('good', 'good'), refusal('unknown')],
    ["another's name", basic('other', good.text), refusal('user', good)],
    ["another's id", basic(other.token.id, good.text), refusal('user', good)],
    ['no name', basic('', good.text), refusal('user', good)],
    ['revoked', bearer(revoked), refusal('revoked', revoked)],
    ['expired', bearer(expired), refusal('expired', expired)],
    ['rotated', bearer(before), refusal('rotated', before)],
  ])('that are wrong do not: %s', (_, header, verdict) => {
    expect(verifyHeader(header, table, LATER)).toEqual(verdict)
  })

  it('are good until their time is over', () => {
    const yes = (header: string, ms: number) => 'caller' in verifyHeader(header, table, ms)
    expect([yes(bearer(expired), LATER - 1), yes(bearer(expired), LATER)]).toEqual([true, false])
    expect([yes(bearer(before), NOW + 999), yes(bearer(before), NOW + 1000)]).toEqual([true, false])
    expect(yes(bearer(after), LATER)).toBe(true)
    expect(yes(bearer(revoked), 0)).toBe(false)
  })

  it('let nobody in where there are no tokens', () => {
    expect(verifyHeader(bearer(good), [], NOW)).toEqual(refusal('unknown'))
  })

  it('are never right by chance, and never an exception', () => {
    const secrets = [good, other, after].map(({ text }) => text)
    const near = fc
      .constantFrom(...secrets)
      .chain((text) =>
        fc
          .tuple(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 2 }))
          .map(([at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
      )
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      near.map((text) => `Bearer ${text}`),
      fc.tuple(fc.string(), near).map(([user, text]) => basic(user, text)),
      fc
        .tuple(fc.string(), fc.constantFrom(...secrets))
        .map(([user, text]) => basic(`x${user}`, text)),
    )
    fc.assert(
      fc.property(header, (text) => {
        fc.pre(!secrets.some((secret) => text.includes(secret)))
        expect(verifyHeader(text, table, LATER)).toHaveProperty('refusal')
      }),
      { numRuns: 2000 },
    )
  })
})

/** The authorizer's event, whatever is in it; and what `query` makes of the context. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTokens } from '#lib/auth/token-list.ts'
import { tokenTable, verifyHeader } from '#lib/auth/verify.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { authorizer, type RefusedEntry } from '#lib/lambda/authorizer.ts'
import { callerOfEvent, contextOf } from '#lib/lambda/authorizer-context.ts'
import { type Caller, SCOPES } from '#lib/model/caller.ts'
import { basic, editParts, make, NOW } from '#test/auth/made-tokens.ts'

const parts = editParts(memoryBucket())
const { text, token } = await make(parts, { tenant: 'team-a', scopes: ['read', 'write'] })
const operator = await make(parts, { name: 'ops', scopes: ['admin'] })
const TABLE = tokenTable((await readTokens(parts.bucket)).tokens)

const refused: RefusedEntry[] = []
const authorize = authorizer({
  verify: async (header) => verifyHeader(header, TABLE, NOW),
  refused: (entry) => void refused.push(entry),
})

function event(authorization: unknown, more: object = {}): object {
  return {
    version: '2.0',
    type: 'REQUEST',
    identitySource: [authorization],
    rawPath: '/api/v1/query',
    headers: { authorization },
    requestContext: { http: { method: 'GET', path: '/api/v1/query', sourceIp: '192.0.2.1' } },
    ...more,
  }
}

describe('the authorizer', () => {
  it('says whose token it is', async () => {
    const context = { token: token.id, name: 'grafana', tenant: 'team-a', scopes: 'read write' }
    for (const header of [`Bearer ${text}`, basic('grafana', text), basic(token.id, text)]) {
      expect(await authorize(event(header))).toEqual({ isAuthorized: true, context })
    }
    expect(await authorize(event(`Bearer ${operator.text}`))).toEqual({
      isAuthorized: true,
      context: { token: operator.token.id, name: 'ops', scopes: 'admin' },
    })
  })

  it('tells why not to the log, and to nobody else', async () => {
    refused.length = 0
    expect(await authorize(event(basic('other', text)))).toEqual({ isAuthorized: false })
    expect(refused).toEqual([
      { reason: 'user', token: token.id, path: '/api/v1/query', ip: '192.0.2.1' },
    ])
    expect(JSON.stringify(refused)).not.toContain(text.slice(-20))
  })

  it('believes nothing but what the gateway keeps its answer under', async () => {
    const good = `Bearer ${text}`
    for (const forged of [
      event('Bearer no', { headers: { authorization: good } }),
      event(undefined, { identitySource: undefined, headers: { authorization: good } }),
      event(good, { identitySource: [good, good] }),
      event(good, { identitySource: [[good]] }),
      event(good, { identitySource: good }),
      event(good, { identitySource: [] }),
      event('Bearer no', { authorizationToken: good, queryStringParameters: { token: good } }),
      event('Bearer no', { requestContext: { authorizer: { lambda: { token: token.id } } } }),
    ]) {
      expect(await authorize(forged)).toEqual({ isAuthorized: false })
    }
  })

  it('has an answer to any event, and it is no', async () => {
    const junk = fc.anything({ withNullPrototype: true, withObjectString: true, maxDepth: 4 })
    const close = fc.record(
      {
        identitySource: fc.oneof(junk, fc.array(fc.oneof(fc.string(), junk), { maxLength: 3 })),
        headers: junk,
        rawPath: junk,
        requestContext: fc.oneof(junk, fc.record({ http: junk, authorizer: junk })),
        isAuthorized: fc.constant(true),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(junk, close), async (one) => {
        expect(await authorize(one)).toEqual({ isAuthorized: false })
      }),
      { numRuns: 3000 },
    )
  })

  it('fails where the tokens can not be read', async () => {
    const away = authorizer({
      verify: () => Promise.reject(new Error('away')),
      refused: () => expect.unreachable(),
    })
    await expect(away(event(`Bearer ${text}`))).rejects.toThrow('away')
  })
})

describe('the context', () => {
  const eventWith = (context: unknown): object => ({
    headers: { authorizer: 'x', token: 'forged' },
    requestContext: { authorizer: context },
  })

  it('comes back as the caller it was made of', () => {
    const caller = fc.record({
      id: fc.string({ minLength: 1 }),
      name: fc.string(),
      tenant: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      scopes: fc.subarray([...SCOPES]),
    })
    fc.assert(
      fc.property(caller, (one: Caller) => {
        expect(callerOfEvent(eventWith({ lambda: contextOf(one) }))).toEqual(one)
      }),
    )
  })

  it('of IAM may everything', () => {
    const userArn = 'arn:aws:iam::1:user/a'
    expect(callerOfEvent(eventWith({ iam: { userArn } }))).toEqual({
      id: userArn,
      name: userArn,
      scopes: SCOPES,
    })
  })

  it.each([
    undefined,
    null,
    'lambda',
    {},
    { iam: null },
    { iam: {} },
    { iam: { userArn: '' } },
    { lambda: null },
    { lambda: {} },
    { lambda: { token: 't' } },
    { lambda: { token: '', scopes: 'read' } },
    { lambda: { token: 5, scopes: 'read' } },
    { lambda: { token: 't', scopes: ['admin'] } },
    { lambda: { token: 't', scopes: 'admin', tenant: '' } },
    { lambda: { token: 't', scopes: 'admin', tenant: 5 } },
    { lambda: { token: 't', scopes: 'admin', tenant: null } },
    { jwt: { claims: { token: 't', scopes: 'admin' } } },
  ])('%j is nobody', (context) => {
    expect(callerOfEvent(eventWith(context))).toBeUndefined()
  })

  it('that is no event is nobody, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 4 }), (one) => {
        expect(callerOfEvent(one)).toBeUndefined()
        expect(callerOfEvent({ headers: one, requestContext: { http: one } })).toBeUndefined()
      }),
    )
  })

  it('with words that are no scope gives none', () => {
    const of = (scopes: string) => callerOfEvent(eventWith({ lambda: { token: 't', scopes } }))
    expect(of('root  READ read')?.scopes).toEqual(['read'])
    expect(of('')?.scopes).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { DEFAULT_TENANCY, tenantOf } from '#lib/api/tenant.ts'
import type { Caller } from '#lib/model/caller.ts'
import { lambdaHttp } from '#lib/lambda/http.ts'
import { DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { testApp } from './fake-backend.ts'

const custom = { ...DEFAULT_TENANCY, header: 'X-Scope-OrgID' }
const byUnit = { ...DEFAULT_TENANCY, certificateField: 'organizationalUnit' as const }

describe('tenantOf', () => {
  it.each([
    [{}, DEFAULT_TENANCY, 'default-tenant'],
    [{ 'thanos-tenant': 'team-a' }, DEFAULT_TENANCY, 'team-a'],
    [{ 'x-scope-orgid': 'team-b' }, custom, 'team-b'],
    [{ 'x-scope-orgid': 'team-b', 'thanos-tenant': 'team-a' }, custom, 'team-b'],
    [{ 'thanos-tenant': 'team-a' }, custom, 'team-a'],
    [{ 'thanos-tenant': '' }, DEFAULT_TENANCY, 'default-tenant'],
    [{ 'thanos-tenant': 'a.b_c-d' }, DEFAULT_TENANCY, 'a.b_c-d'],
  ])('of %j', (headers, settings, tenant) => {
    expect(tenantOf(new Headers(headers), settings)).toBe(tenant)
  })

  it.each([
    ['of its token', { tenant: 'a' }, { 'thanos-tenant': 'b' }, 'a'],
    [
      'of its token, as an admin',
      { tenant: 'a', scopes: ['admin'] },
      { 'thanos-tenant': 'b' },
      'a',
    ],
    ['the default without one', {}, { 'thanos-tenant': 'b' }, 'default-tenant'],
    [
      'the default where it may write',
      { scopes: ['write'] },
      { 'thanos-tenant': 'b' },
      'default-tenant',
    ],
    ['of the header for an admin', { scopes: ['read', 'admin'] }, { 'thanos-tenant': 'b' }, 'b'],
    ['the default of an admin', { scopes: ['admin'] }, {}, 'default-tenant'],
  ] as const)('of a caller is %s', (_, some, headers, tenant) => {
    const caller: Caller = { id: 'i', name: 'n', scopes: ['read'], ...some }
    expect(tenantOf(new Headers(headers), DEFAULT_TENANCY, { caller })).toBe(tenant)
  })

  it('of a caller without a tenant may be in a certificate', () => {
    const of = (more: Partial<Caller>) =>
      tenantOf(new Headers({ 'thanos-tenant': 'b' }), byUnit, {
        caller: { id: 'i', name: 'n', scopes: ['admin'], ...more },
        subject: 'OU=c',
      })
    expect([of({}), of({ tenant: 'a' })]).toEqual(['c', 'a'])
  })

  it.each(['a/b', '/', '../b', 'a/'])('refuses %j, which is no single path element', (tenant) => {
    expect(() => tenantOf(new Headers({ 'thanos-tenant': tenant }), DEFAULT_TENANCY)).toThrow(
      'tenant name not valid',
    )
  })

  it.each([
    ['CN=agent,OU=team-a,O=example', 'team-a'],
    ['CN=agent, OU=team a + L=x, O=example', 'team a'],
    [String.raw`O=Example\, Inc.,OU=a\,b,OU=second`, 'a,b'],
    [String.raw`CN=x\,OU=forged,OU=real`, 'real'],
  ])('of the certificate %j', (subject, tenant) => {
    const headers = new Headers({ 'thanos-tenant': 'ignored' })
    expect(tenantOf(headers, byUnit, { subject })).toBe(tenant)
  })

  it('refuses a client without the certificate it needs', () => {
    expect(() => tenantOf(new Headers(), byUnit)).toThrow(
      'could not get required certificate field',
    )
    expect(() => tenantOf(new Headers(), byUnit, { subject: 'CN=x' })).toThrow(
      'could not get organizationalUnit field',
    )
  })
})

describe('a request', () => {
  it('carries its tenant, and what is enforced, in its scope', async () => {
    const tenancy = { ...DEFAULT_TENANCY, enforce: true, labelName: 'team' }
    const { app, asked } = testApp({}, { scope: { ...DEFAULT_SCOPE, tenancy } })
    await app.request('/api/v1/query?query=up', { headers: { 'thanos-tenant': 'a' } })
    await app.request('/api/v1/labels')
    expect(asked.queries[0]!.scope).toMatchObject({
      tenant: 'a',
      enforced: [{ type: '=', name: 'team', value: 'a' }],
    })
    expect(asked.labels[0]!.scope).toMatchObject({
      tenant: 'default-tenant',
      enforced: [{ type: '=', name: 'team', value: 'default-tenant' }],
    })
  })

  it('of a token with a tenant sees that tenant only, also where nothing is enforced', async () => {
    for (const [tenant, enforced] of [
      ['a', [{ type: '=', name: 'tenant_id', value: 'a' }]],
      [undefined, []],
    ] as const) {
      const caller: Caller = { id: 'i', name: 'n', tenant, scopes: ['read'] }
      const { app, asked } = testApp({}, { door: { callerOf: () => caller } })
      await app.request('/api/v1/query?query=up', { headers: { 'thanos-tenant': 'b' } })
      await app.request('/api/v1/labels', { headers: { 'thanos-tenant': 'b' } })
      for (const { scope } of [asked.queries[0]!, asked.labels[0]!]) {
        expect(scope).toMatchObject({ tenant: tenant ?? 'default-tenant', enforced })
      }
    }
  })

  it('with a bad tenant is told so', async () => {
    const { app } = testApp()
    const response = await app.request('/api/v1/query?query=up', {
      headers: { 'thanos-tenant': 'a/b' },
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      status: 'error',
      errorType: 'bad_data',
      error: 'tenant name not valid',
    })
  })

  it("takes the tenant from the certificate that the gateway's event names", async () => {
    const { app, asked } = testApp({}, { scope: { ...DEFAULT_SCOPE, tenancy: byUnit } })
    await lambdaHttp(app)({
      rawPath: '/api/v1/query',
      rawQueryString: 'query=up',
      headers: {},
      isBase64Encoded: false,
      requestContext: {
        http: { method: 'GET' },
        authentication: { clientCert: { subjectDN: 'CN=x,OU=team-a' } },
      },
    })
    expect(asked.queries[0]!.scope.tenant).toBe('team-a')
  })
})

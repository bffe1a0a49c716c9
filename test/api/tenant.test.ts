import { describe, expect, it } from 'vitest'
import { DEFAULT_TENANCY, tenantOf } from '#lib/api/tenant.ts'
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
    expect(tenantOf(headers, byUnit, subject)).toBe(tenant)
  })

  it('refuses a client without the certificate it needs', () => {
    expect(() => tenantOf(new Headers(), byUnit)).toThrow(
      'could not get required certificate field',
    )
    expect(() => tenantOf(new Headers(), byUnit, 'CN=x')).toThrow(
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

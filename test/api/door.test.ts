/** Every route has a scope, and asks for it. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { ApiLogEntry } from '#lib/api/parts.ts'
import type { Door, Forbidden } from '#lib/api/door.ts'
import { ROUTE_SCOPES, scopeOf } from '#lib/api/route-scopes.ts'
import { routesOf } from '#lib/api/routes.ts'
import { type Caller, SCOPES } from '#lib/model/caller.ts'
import { DomainError } from '#lib/model/errors.ts'
import { testApp } from './fake-backend.ts'

const metrics = async (): Promise<string> => ''

const ROUTES = [...testApp({}, { metrics }).app.routes].map(({ path }) => path)
const PATHS = [...new Set(ROUTES)].filter((path) => !path.includes('*'))

function caller(...scopes: Caller['scopes']): Caller {
  return { id: 'id', name: 'name', scopes }
}

function doorOf(answer: Caller | undefined | Error) {
  const forbidden: Forbidden[] = []
  const logged: ApiLogEntry[] = []
  const door: Door = {
    callerOf: async () => {
      if (answer instanceof Error) throw answer
      return answer
    },
    forbidden: (entry) => void forbidden.push(entry),
  }
  const { app, asked } = testApp({}, { metrics, door, log: (entry) => void logged.push(entry) })
  return { app, asked, forbidden, logged }
}

const REFUSALS = new Set([401, 403])

describe('the table of scopes', () => {
  it('has every route of the app, and no other', () => {
    const routes = routesOf({ metrics } as never).map(([path]) => path)
    expect(routes.toSorted()).toEqual([...ROUTE_SCOPES.keys()].toSorted())
    expect(PATHS.toSorted()).toEqual([...ROUTE_SCOPES.keys()].toSorted())
  })

  it('is for admins where it has no row', () => {
    expect(scopeOf('/api/v1/new')).toBe('admin')
  })

  it('is the one of docs/security.md', async () => {
    const page = await readFile('docs/security.md', 'utf8')
    const rows = [...page.matchAll(/^\| `(\/[^`]+)` \| (\w+) \|/gm)].map(
      ([, path, scope]) => [path!, scope!] as const,
    )
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(ROUTE_SCOPES))
    expect(rows).toHaveLength(ROUTE_SCOPES.size)
  })
})

describe.each(PATHS)('%s', (path) => {
  const url = path.replace(':name', 'job')
  const scope = scopeOf(path)
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD']

  it('is for nobody without credentials, but where it is open', async () => {
    const { app, asked } = doorOf(undefined)
    for (const method of methods) {
      const response = await app.request(url, { method })
      expect(response.status === 401).toBe(scope !== 'open')
      expect(response.headers.has('www-authenticate')).toBe(scope !== 'open')
    }
    expect(Object.values(asked).flat()).toEqual([])
  })

  it('is for callers who have its scope', async () => {
    for (const one of SCOPES) {
      const { app, forbidden } = doorOf(caller(one))
      const response = await app.request(url)
      const isLetIn = one === scope || scope === 'open'
      // Some routes refuse everybody in Prometheus's own words.
      const own = path.startsWith('/-/re') || path.startsWith('/-/quit')
      expect(!REFUSALS.has(response.status) || (own && isLetIn)).toBe(isLetIn)
      expect(forbidden.map((entry) => entry.scope)).toEqual(isLetIn ? [] : [scope])
    }
  })

  it('is for nobody while it is not known who asks', async () => {
    const { app, logged } = doorOf(new DomainError('invalid', 'the list is broken'))
    const response = await app.request(url)
    expect(response.status === 503).toBe(scope !== 'open')
    expect(await response.text()).not.toContain('the list is broken')
    expect(logged.map(({ message }) => message)).toEqual(
      scope === 'open' ? [] : ['the list is broken'],
    )
  })

  it('answers preflights without credentials, and with nothing', async () => {
    const { app } = doorOf(undefined)
    const response = await app.request(url, { method: 'OPTIONS' })
    expect([200, 204]).toContain(response.status)
    expect(await response.text()).toBe('')
  })
})

describe('a refusal', () => {
  it.each([
    ['/api/v1/labels', undefined, 401, 'unauthorized', 'credentials are missing or not valid'],
    ['/api/v1/labels', caller('write'), 403, 'forbidden', 'this needs a token with the scope read'],
    [
      '/api/v1/status/flags',
      caller('read'),
      403,
      'forbidden',
      'this needs a token with the scope admin',
    ],
  ])('of %s is told as the API tells errors', async (path, who, status, errorType, error) => {
    const response = await doorOf(who).app.request(path)
    expect(response.status).toBe(status)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toEqual({ status: 'error', errorType, error })
  })

  it('to be ready yet has no reason for who stands before the door', async () => {
    const ready = async (): Promise<string> => 'no bucket named secret'
    const text = async (more: object) =>
      (await testApp({}, { ready, ...more }).app.request('/-/ready')).text()
    expect(await text({})).toBe('Service Unavailable: no bucket named secret\n')
    expect(await text({ door: { callerOf: () => undefined } })).toBe('Service Unavailable\n')
  })

  it('is text where errors are', async () => {
    const response = await doorOf(undefined).app.request('/api/v1/write', { method: 'POST' })
    expect([response.status, await response.text()]).toEqual([
      401,
      'credentials are missing or not valid\n',
    ])
  })
})

/** A tenant learns nothing of another: every route answers byte for byte as if the others' data were not there. */
import type { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Door } from '#lib/api/door.ts'
import { DEFAULT_TENANCY } from '#lib/api/tenant.ts'
import { type Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { SCOPES } from '#lib/model/caller.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { CHUNKS, SAMPLES, encodeReadRequest } from '#lib/remote/read-request.ts'
import { decodeChunks, decodeSamples } from '#test/remote/read-message.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { putTenantPack, tenantSource } from './support/tenant-told.ts'
import { thawApp } from './support/thaw-app.ts'

const HOUR = 3_600_000
const START = 1_700_000_000_000 - (1_700_000_000_000 % HOUR)
const NOW = START + 3 * HOUR
const TENANCY = { ...DEFAULT_TENANCY, enforce: true }
/** Stands in everything of the other tenant but its name, and in no request. */
const SECRET = 'hush'
const HEADERS = { 'thanos-tenant': 'a' }

function seriesOf(tenant: string | undefined, word: string) {
  const of = (record: Record<string, string>) => ({
    labels: labels({ ...(tenant && { tenant_id: tenant }), ...record }),
    samples: every(15_000, START, START + 2 * HOUR, (t) => (t - START) / 1000),
  })
  return [
    of({ __name__: 'up', job: word, instance: '1' }),
    of({ __name__: `${word}_total`, job: word, [`${word}_label`]: word }),
    of({ __name__: 'target_info', job: word, instance: '1', [`${word}_version`]: word }),
    of({ __name__: 'latency_bucket', le: '+Inf', job: word }),
  ]
}

/** A block and a fresh one of tenant a, of tenant b, and those where the series say whose they are: or these alone. */
async function fill(bucket: Bucket, withOthers: boolean, ownBlocks: boolean): Promise<Bucket> {
  const times = { minTimeMs: START, maxTimeMs: START + 2 * HOUR }
  const external = (tenant: string, word: string) => ({ tenant_id: tenant, cluster: word })
  if (ownBlocks) {
    await putBlock(bucket, {
      id: testId(1),
      ...times,
      externalLabels: external('a', 'mine'),
      series: seriesOf(undefined, 'mine'),
    })
    await putTenantPack(bucket, external('a', 'mine'), seriesOf(undefined, 'mine'), ['mine'])
  }
  if (withOthers && ownBlocks) {
    await putBlock(bucket, {
      id: testId(2),
      ...times,
      externalLabels: external('b', SECRET),
      series: seriesOf(undefined, SECRET),
    })
    await putTenantPack(bucket, external('b', SECRET), seriesOf(undefined, SECRET), [SECRET])
  }
  const shared = [...seriesOf('a', 'mine'), ...(withOthers ? seriesOf('b', SECRET) : [])]
  await putBlock(bucket, {
    id: testId(3),
    ...times,
    externalLabels: { cluster: 'shared' },
    series: shared,
  })
  const words = withOthers ? ['mine', SECRET] : ['mine']
  await putTenantPack(bucket, { cluster: 'shared' }, shared, words)
  return bucket
}

/** Selectors that try to look past the tenant. */
const SELECTORS = [
  '{__name__!=""}',
  '{tenant_id="b"}',
  '{tenant_id=~".+"}',
  '{tenant_id!="a"}',
  '{tenant_id!~"a", __name__=~".+"}',
  '{tenant_id="", __name__=~".+"}',
  'up{tenant_id="a" or tenant_id="b"}',
  'up',
  'up{cluster!=""}',
  `{__name__=~"hu[s]h.*"}`,
]

const EXPRESSIONS = [
  ...SELECTORS,
  'count({__name__=~".+"}) by (__name__)',
  'sum without () (up{tenant_id="b"}) or up{tenant_id="b"}',
  'up unless on () up{tenant_id="b"}',
  'up + on (tenant_id) group_left () up{tenant_id="b"}',
  'count_values("v", up{tenant_id=~"b"})',
  'max_over_time(up{tenant_id="b"}[1h:1m])',
  'rate({__name__=~".+_total", tenant_id="b"}[5m])',
  'absent(up{tenant_id="b"})',
  'info(up, {tenant_id="b"})',
  'info(up)',
  'label_replace(up{tenant_id="b"}, "tenant_id", "a", "", "")',
  'histogram_quantile(0.9, latency_bucket{tenant_id="b"})',
  'topk(9, {__name__!="", tenant_id="b"} @ end())',
  'limitk(5, {__name__!=""})',
  'scalar(count({tenant_id="b"}))',
]

/** What a form may carry, tried with every expression or selector. */
const EXTRAS = [
  '',
  '&dedup=0&replicaLabels[]=tenant_id',
  '&tenant_id=b&tenant=b&THANOS-TENANT=b',
  '&stats=all&analyze=1',
  '&storeMatch[]={tenant_id="b"}&limit=100',
  '&max_source_resolution=1h&partial_response=1',
]

const HEADER_TRICKS: Record<string, string>[] = [
  HEADERS,
  { 'THANOS-Tenant': 'a', 'x-scope-orgid': 'b', tenant: 'b', 'x-thanos-tenant': 'b' },
]

function forms(): string[] {
  const times = `&time=${START / 1000 + 3600}&start=${START / 1000}&end=${START / 1000 + 7200}&step=600`
  const cases = EXPRESSIONS.map((expr, i) => {
    const selector = SELECTORS[i % SELECTORS.length]!
    return `query=${encodeURIComponent(expr)}&match[]=${encodeURIComponent(selector)}`
  })
  return [
    ...cases.flatMap((form) => EXTRAS.map((extra) => form + times + extra)),
    times.slice(1),
    '',
  ]
}

const NAMES = ['tenant_id', 'job', '__name__', 'cluster', 'instance', 'le', `${SECRET}_label`]

/** A token of the tenant that the header names, where nothing else is enforced. */
const DOOR: Door = {
  callerOf(request) {
    const tenant = request.headers.get('thanos-tenant') || 'nobody'
    return { id: 'id', name: tenant, tenant, scopes: SCOPES }
  },
}

describe.each([
  ['with blocks of their own', true, { tenancy: TENANCY }],
  ['in one block', false, { tenancy: TENANCY }],
  ['by tokens, with blocks of their own', true, { door: DOOR }],
])('a tenant among others %s', (_, ownBlocks, door) => {
  let among: Hono
  let alone: Hono
  let paths: string[]

  beforeAll(async () => {
    // One slice each: where queries are cut depends on the size of a block that tenants share.
    const options = { ...door, now: () => NOW, sliceBytes: 1e9, keepAnswers: true }
    const words = new Map([
      ['a', 'mine'],
      ['b', SECRET],
    ])
    among = thawApp(await fill(memoryBucket(), true, ownBlocks), {
      ...options,
      sources: [tenantSource(words)],
    })
    words.delete('b')
    alone = thawApp(await fill(memoryBucket(), false, ownBlocks), {
      ...options,
      sources: [tenantSource(words)],
    })
    const routes = new Set(among.routes.map(({ path }) => path).filter((path) => !/\*/.test(path)))
    paths = [...routes].flatMap((path) =>
      path.includes(':') ? NAMES.map((name) => path.replace(/:\w+/, name)) : [path],
    )
  })

  async function ask(app: Hono, path: string, form: string, method: string, headers: object) {
    const url = method === 'GET' ? `${path}?${form}` : path
    const response = await app.request(url, {
      method,
      headers: {
        ...headers,
        ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(method === 'POST' && { body: form }),
    })
    return { status: response.status, body: await response.text() }
  }

  it('sees its own data', async () => {
    const { body } = await ask(among, '/api/v1/series', 'match[]={__name__!=""}', 'GET', HEADERS)
    const { data } = JSON.parse(body) as { data: Record<string, string>[] }
    expect(data).toHaveLength(ownBlocks ? 8 : 4)
    expect(data.every(({ tenant_id }) => tenant_id === 'a')).toBe(true)
  })

  it.each([
    ['query_exemplars?query=up', /mine/],
    ['rules', /mine:rule/],
    ['alerts', /mine/],
    ['targets', /mine:1/],
    ['metadata', ownBlocks ? /What mine has/ : /\{\}/],
  ])('is told its own: %s', async (path, expected) => {
    const [route, form = ''] = `/api/v1/${path}`.split('?') as [string, string?]
    const { body } = await ask(among, route, form, 'GET', HEADERS)
    expect(body).toMatch(expected)
  })

  it('gets of every route what it would get alone', async () => {
    let compared = 0
    for (const path of paths) {
      for (const [i, form] of forms().entries()) {
        const method = i % 3 === 0 ? 'POST' : 'GET'
        const headers = HEADER_TRICKS[i % HEADER_TRICKS.length]!
        // What the other tenant got may be kept, but not for this one.
        await ask(among, path, form, method, { 'thanos-tenant': 'b' })
        const answer = await ask(among, path, form, method, headers)
        const mine = await ask(alone, path, form, method, headers)
        expect(withoutCost(answer), `${method} ${path}?${form}`).toEqual(withoutCost(mine))
        expect(answer.body.includes(SECRET), `${method} ${path}?${form}`).toBe(false)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(3000)
  })

  it.each([
    ['samples', SAMPLES, decodeSamples],
    ['chunks', CHUNKS, decodeChunks],
  ])('gets of a remote read in %s what it would get alone', async (__, type, decode) => {
    const attempts: Matcher[][] = [
      [{ type: '!=', name: '__name__', value: '' }],
      [{ type: '=', name: 'tenant_id', value: 'b' }],
      [{ type: '=~', name: 'tenant_id', value: '.+' }],
      [{ type: '!=', name: 'tenant_id', value: 'a' }],
      [{ type: '=', name: 'job', value: SECRET }],
      [],
    ]
    const seen: string[] = []
    for (const matchers of attempts) {
      const body = encodeReadRequest([{ startMs: START, endMs: NOW, matchers }], [type])
      const read = async (app: Hono): Promise<Uint8Array> => {
        const response = await app.request('/api/v1/read', {
          method: 'POST',
          headers: { ...HEADERS, 'content-encoding': 'snappy' },
          body,
        })
        expect(response.status).toBe(200)
        return new Uint8Array(await response.arrayBuffer())
      }
      const answer = decode(await read(among))
      expect(answer).toEqual(decode(await read(alone)))
      seen.push(JSON.stringify(answer))
    }
    expect(seen.filter((text) => text.includes(SECRET))).toEqual([])
    expect(seen[0]).toContain('mine')
  })

  it('is seen by nobody who names no tenant, or another', async () => {
    for (const headers of [{}, { 'thanos-tenant': 'c' }, { 'thanos-tenant': '' }]) {
      for (const path of ['/api/v1/series', '/api/v1/labels', '/api/v1/label/tenant_id/values']) {
        const { body } = await ask(among, path, 'match[]={__name__!=""}', 'GET', headers)
        expect(JSON.parse(body)).toEqual({ status: 'success', data: [] })
      }
    }
  })
})

/** Times differ from run to run, and what is read of a block that tenants share depends on what lies between. */
function withoutCost({ status, body }: { status: number; body: string }): object {
  const timeless = body.replace(/"(\w*Time)":"?[-\d.e+µms]*"?/g, '"$1":0')
  return { status, body: timeless.replace(/"thaw":\{[^}]*\}/, '"thaw":{}') }
}

/** Thanos's parameters: names, defaults and errors of its querier, and what they do. */
import type { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { dynamicLookbackMs } from '#lib/api/scope-params.ts'
import { BUCKET_ADDRESS, type Scope, seesStore } from '#lib/storage/scope.ts'
import { thawApp } from '#test/e2e/support/thaw-app.ts'
import { testApp } from './fake-backend.ts'
import { goldenBucket } from './golden/world.ts'

const MINUTE = 60_000

async function scopeOf(params: string, path = 'query?query=up'): Promise<Scope> {
  const { app, asked } = testApp()
  const response = await app.request(`/api/v1/${path}&${params}`)
  expect(await response.text()).toMatch(/^\{"status":"success"/)
  return (asked.queries[0] ?? asked.labels[0])!.scope
}

async function errorOf(params: string, path = 'query?query=up'): Promise<unknown> {
  const response = await testApp().app.request(`/api/v1/${path}&${params}`)
  expect(response.status).toBe(400)
  const { errorType, error } = (await response.json()) as { errorType: string; error: string }
  expect(errorType).toBe('bad_data')
  return error
}

describe('shard_info', () => {
  it.each([
    ['{"shard_index":1,"total_shards":3,"by":true,"labels":["a","b"]}', [1, 3, true, ['a', 'b']]],
    ['{"total_shards":2,"labels":["le"]}', [0, 2, false, ['le']]],
    ['{"total_shards":2,"labels":null,"more":1}', [0, 2, false, []]],
  ])('%s', async (text, [index, count, by, labels]) => {
    const scope = await scopeOf(`shard_info=${encodeURIComponent(text)}`)
    expect(scope).toMatchObject({ shard: { index, count, by, labels } })
  })

  it.each(['', '{}', 'null', '{"total_shards":1}', '{"shard_index":3}'])(
    '%s is the whole',
    async (text) => {
      expect(await scopeOf(`shard_info=${encodeURIComponent(text)}`)).not.toHaveProperty('shard')
    },
  )

  it.each([
    'x',
    '[]',
    '3',
    '"a"',
    '{"total_shards":"2"}',
    '{"labels":[1]}',
    '{"by":1}',
    '{"shard_index":0.5}',
  ])('%s is refused', async (text) => {
    expect(await errorOf(`shard_info=${encodeURIComponent(text)}`)).toMatch(
      /^could not unmarshal parameter shard_info: \w/,
    )
  })
})

describe('storeMatch[]', () => {
  const match = (...selectors: string[]): string =>
    selectors.map((text) => `storeMatch[]=${encodeURIComponent(text)}`).join('&')

  it.each([
    ['{__address__="thaw"}'],
    ['{__address__=~"th.*",cluster=""}'],
    ['{__address__="other"}', '{__address__!=""}'],
  ])('%s asks the bucket', async (...selectors) => {
    const asked = selectors.filter((selector) => selector !== undefined)
    expect(seesStore(await scopeOf(match(...asked)), BUCKET_ADDRESS)).toBe(true)
  })

  it.each(['{__address__="other:10901"}', '{cluster="a"}', 'thaw'])(
    '%s asks nobody',
    async (selector) => {
      expect(seesStore(await scopeOf(match(selector)), BUCKET_ADDRESS)).toBe(false)
      const names = await scopeOf(match(selector), 'labels?limit=5')
      expect(seesStore(names, BUCKET_ADDRESS)).toBe(false)
    },
  )

  it('is refused when it is no selector', async () => {
    expect(await errorOf(match('{'))).toBe(
      '1:2: parse error: unexpected end of input inside braces',
    )
  })
})

describe('engine', () => {
  it.each(['', 'prometheus', 'thanos'])('%s is ours', async (engine) => {
    expect(await scopeOf(`engine=${engine}`)).toBeDefined()
  })

  it('of another name is refused', async () => {
    expect(await errorOf('engine=x')).toBe("'x' bad engine")
    expect(await errorOf('engine=x', 'query_explain?query=up')).toBe("'x' bad engine")
  })

  it('of Prometheus does not explain', async () => {
    const error = await errorOf('engine=prometheus', 'query_explain?query=up')
    expect(error).toBe("engine type must be 'thanos'")
  })
})

describe('max_source_resolution', () => {
  const RANGE = 'query_range?query=up&start=0&end=86400&step=3600'

  it.each([
    ['max_source_resolution=auto', 12 * MINUTE],
    ['max_source_resolution=0', 0],
    ['max_source_resolution=', 0],
    ['max_source_resolution=5m', 5 * MINUTE],
    ['max_source_resolution=3600', 60 * MINUTE],
    ['max_source_resolution=0.0005', 0],
    ['', 0],
  ])('%s', async (params, maxSourceResolutionMs) => {
    expect(await scopeOf(params, RANGE)).toMatchObject({ maxSourceResolutionMs })
  })

  it('is a fifth of the step where the flag says auto, and raw for an instant', async () => {
    const { app, asked } = testApp({}, { scope: { ...DEFAULT_SCOPE, autoDownsampling: true } })
    await app.request(`/api/v1/${RANGE}`)
    await app.request(`/api/v1/${RANGE}&max_source_resolution=1m`)
    await app.request('/api/v1/query?query=up')
    expect(asked.queries.map(({ scope }) => scope.maxSourceResolutionMs)).toEqual([
      12 * MINUTE,
      MINUTE,
      0,
    ])
  })
})

describe('the lookback', () => {
  // [configured, coarsest resolution, lookback], minutes
  it.each([
    [5, 0, 5],
    [5, 1, 5],
    [5, 5, 5],
    [5, 6, 60],
    [5, 60, 60],
    [2, 1, 2],
    [2, 3, 5],
    [2, 6, 60],
    [10, 7, 10],
    [10, 20, 60],
    [90, 60, 90],
    [90, 120, 90],
  ])('of %i minutes is, where resolution %i may be read, %#', (configured, coarsest, expected) => {
    expect(dynamicLookbackMs(configured * MINUTE, coarsest * MINUTE)).toBe(expected * MINUTE)
  })
})

describe('a range query without a step', () => {
  it.each([
    [0, 100, 1],
    [0, 250, 1],
    [0, 1000, 4],
    [0, 1249.9, 4],
    [0, 86_400, 345],
  ])('from %d to %d has steps of %d seconds', async (start, end, step) => {
    const limits = {
      timeoutMs: 1000,
      maxAnswerBytes: 1e6,
      remoteReadSamples: 1,
      defaultStepMs: 1000,
    }
    const { app, asked } = testApp({}, { limits })
    await app.request(`/api/v1/query_range?query=up&start=${start}&end=${end}`)
    expect(asked.queries[0]!.grid.stepMs).toBe(step * 1000)
  })
})

describe('over blocks', () => {
  let app: Hono

  beforeAll(async () => {
    app = thawApp(await goldenBucket())
  })

  async function names(params: string): Promise<string[]> {
    const query = encodeURIComponent('{__name__=~"m|constant|gauge|single|extreme"}')
    const response = await app.request(`/api/v1/query?query=${query}&time=1700000001&${params}`)
    const { data } = (await response.json()) as { data: { result: { metric: object }[] } }
    return data.result.map(({ metric }) => JSON.stringify(metric)).sort()
  }

  it('shards are the whole when they are put together, and have nothing in common', async () => {
    const whole = await names('')
    const shards = await Promise.all(
      [0, 1, 2].map((index) =>
        names(`shard_info=${JSON.stringify({ shard_index: index, total_shards: 3 })}`),
      ),
    )
    expect(whole.length).toBeGreaterThan(3)
    expect(shards.flat().sort()).toEqual(whole)
    expect(shards.filter((shard) => shard.length > 0).length).toBeGreaterThan(1)
  })

  it('no store has nothing, by any way', async () => {
    const nobody = 'storeMatch[]={__address__="other"}'
    expect(await names(nobody)).toEqual([])
    for (const path of ['labels?', 'label/job/values?', 'series?match[]=m&']) {
      const response = await app.request(`/api/v1/${path}${nobody}`)
      expect(await response.text()).toBe('{"status":"success","data":[]}')
    }
    expect(await (await app.request(`/federate?match[]=m&${nobody}`)).text()).toBe('')
  })
})

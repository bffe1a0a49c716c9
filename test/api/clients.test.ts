/** What clients ask that Prometheus answers of itself or not at all: by the shape they need. The other calls are golden. */
import type { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import { thawApp } from '#test/e2e/support/thaw-app.ts'
import { form } from './fake-backend.ts'
import { goldenBucket } from './golden/world.ts'

let app: Hono

beforeAll(async () => {
  app = thawApp(await goldenBucket(), { now: () => 1_700_000_100_000 })
})

async function json(path: string, init?: RequestInit): Promise<any> {
  const response = await app.request(path, init)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  return await response.json()
}

describe('Grafana', () => {
  it('takes it for a Prometheus: build information without features', async () => {
    const { status, data } = await json('/api/v1/status/buildinfo')
    expect([status, Object.keys(data as object)]).toEqual([
      'success',
      ['version', 'revision', 'branch', 'buildUser', 'buildDate', 'goVersion'],
    ])
    expect((data as { version: string }).version).toMatch(/^3\.\d+\.\d+$/)
  })

  it('gets label values by POST, parameters in the URL and no body', async () => {
    const path = '/api/v1/label/a/values?match[]=m&start=1699999980&end=1700000100'
    expect(await json(path, form(''))).toEqual({ status: 'success', data: ['x', 'y<z>'] })
  })

  it('finds no ruler', async () => {
    for (const path of ['/rules', '/config/v1/rules', '/api/v1/status/buildinfo/']) {
      expect((await app.request(path)).status).toBe(404)
    }
  })

  it('gets stats where they are wanted', async () => {
    const { data } = await json('/api/v1/query', form('query=m&time=1700000031&stats=all'))
    const { stats } = data as { stats: { timings: object; samples: object } }
    expect(Object.keys(stats.timings)).toContain('evalTotalTime')
    expect(stats.samples).toMatchObject({ totalQueryableSamples: 2, peakSamples: 2 })
  })

  it('reads an error of every status it parses as JSON', async () => {
    for (const query of ['m{', 'm + on () m', 'm&timeout=0']) {
      const response = await app.request(`/api/v1/query?time=1700000031&query=${query}`)
      expect([400, 422, 503]).toContain(response.status)
      expect(await response.json()).toMatchObject({ status: 'error' })
    }
  })
})

describe('Perses and the proxies in front', () => {
  it('see that it is healthy and ready', async () => {
    for (const path of ['/-/healthy', '/-/ready']) {
      const response = await app.request(path)
      expect(response.status).toBe(200)
      expect(await response.text()).toMatch(/^thaw is (Healthy|Ready)\.\n$/)
    }
  })
})

describe('codemirror-promql', () => {
  it('gets the flags as a flat map of texts', async () => {
    const { data } = await json('/api/v1/status/flags')
    expect(Object.values(data as object).every((flag) => typeof flag === 'string')).toBe(true)
    expect(data).toMatchObject({ 'query.lookback-delta': expect.stringMatching(/^\d+[ms]$/) })
  })
})

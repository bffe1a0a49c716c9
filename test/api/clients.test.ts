/** What clients ask that Prometheus answers of itself or not at all: by the shape they need. The other calls are golden. */
import type { Hono } from 'hono'
import { DEFAULT_TENANCY } from '#lib/api/tenant.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { putRulerState, sampleRules } from '#test/rules/ruler-state.ts'
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

  it('shows rules and alerts, read only, as the proxy of its alerting views asks for them', async () => {
    const bucket = memoryBucket()
    await putRulerState(bucket, sampleRules())
    const ruled = thawApp(bucket)
    const get = async (path: string): Promise<unknown> => {
      const response = await ruled.request(`/api/v1/${path}`)
      expect(response.status).toBe(200)
      return ((await response.json()) as { data: unknown }).data
    }
    const both = (name: string, value: string): string => `${name}=${value}&${name}[]=${value}`
    type Page = { groups: { name: string; rules: object[] }[]; groupNextToken?: string }
    const first = (await get('rules?type=&group_limit=1&group_next_token=')) as Page
    expect(first.groups.map(({ name }) => name)).toEqual(['a'])
    const rest = (await get(
      `rules?group_limit=10&group_next_token=${first.groupNextToken}`,
    )) as Page
    expect([rest.groups.map(({ name }) => name), rest.groupNextToken]).toEqual([['b'], undefined])
    const narrow = `${both('file', 'f.yaml')}&${both('rule_group', 'b')}&${both('rule_name', 'Down')}`
    const found = (await get(`rules?${narrow}&exclude_alerts=true`)) as Page
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
    const down = {
      state: 'firing',
      name: 'Down',
      query: 'up == 0',
      duration: 60,
      keepFiringFor: 0,
      labels: { severity: 'page' },
      annotations: { summary: '{{ $labels.job }} is down' },
      alerts: null,
      health: 'ok',
      evaluationTime: 0.001,
      lastEvaluation: time,
      type: 'alerting',
    }
    const group = {
      name: 'b',
      file: 'f.yaml',
      rules: [down],
      interval: 60,
      limit: 0,
      evaluationTime: 0.002,
      lastEvaluation: time,
    }
    expect(found).toEqual({ groups: [group] })
    expect(await get('alerts')).toEqual({
      alerts: [
        {
          labels: { alertname: 'Down', severity: 'page' },
          annotations: { summary: 'x is down' },
          state: 'firing',
          activeAt: time,
          value: '0e+00',
        },
      ],
    })
    expect(await get('alertmanagers')).toEqual({
      activeAlertmanagers: [{ url: 'http://am:9093/api/v2/alerts' }],
      droppedAlertmanagers: [{ url: 'http://old:9093/api/v2/alerts' }],
    })
  })

  it('does not tell tenants where the alerts of all go', async () => {
    const bucket = memoryBucket()
    await putRulerState(bucket, sampleRules())
    const tenants = thawApp(bucket, { tenancy: { ...DEFAULT_TENANCY, enforce: true } })
    const response = await tenants.request('/api/v1/alertmanagers')
    expect(await response.json()).toEqual({
      status: 'success',
      data: { activeAlertmanagers: [], droppedAlertmanagers: [] },
    })
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

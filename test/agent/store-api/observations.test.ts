/** Rules, targets, metadata, exemplars and statistics: Prometheus's JSON as Thanos's messages. */
import { describe, expect, it } from 'vitest'
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { rulesRequest, rulesResponse } from '#lib/grpc/rules-messages.ts'
import {
  exemplarsService,
  metadataService,
  rulesService,
  statusService,
  targetsService,
} from '#lib/grpc/services.ts'
import { tsdbStatisticsRequest, tsdbStatisticsResponse } from '#lib/grpc/status-messages.ts'
import { targetsRequest, targetsResponse } from '#lib/grpc/targets-messages.ts'
import { NEVER } from '#lib/grpc/timestamp.ts'
import { storeApiOver } from './client.ts'
import { fakePrometheus } from './fake-prometheus.ts'

const EU = { cluster: 'eu' }
const AT = '2026-01-02T03:04:05.000000006Z'
const SECONDS = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000

describe('Rules', () => {
  const groups = [
    {
      name: 'g',
      file: 'f',
      interval: 15,
      limit: 3,
      evaluationTime: 0.5,
      lastEvaluation: AT,
      rules: [
        {
          type: 'alerting',
          state: 'firing',
          name: 'A',
          query: 'up',
          duration: 60,
          keepFiringFor: 5,
          labels: { severity: 'page', cluster: 'own' },
          annotations: { b: '', a: 'x' },
          alerts: [
            { labels: { x: 'y' }, annotations: {}, state: 'firing', activeAt: AT, value: '1e+00' },
          ],
          health: 'ok',
          evaluationTime: 0.25,
          lastEvaluation: '0001-01-01T00:00:00Z',
        },
        { type: 'recording', name: 'r', query: '1', health: 'err', lastError: 'why' },
      ],
    },
    { name: 'empty', file: 'f', rules: [] },
  ]

  it('have external labels, which the instances of alerts have not', async () => {
    const fake = await fakePrometheus(EU)
    fake.answers.set('/api/v1/rules', { groups })
    const { stream } = await storeApiOver([fake.unit])
    const answers = await stream(rulesService.rules, rulesRequest, rulesResponse, {})
    expect(answers.map(({ group }) => group?.name)).toEqual(['g', 'empty'])
    const [alert, recording] = answers[0]!.group!.rules
    expect(alert!.alert).toEqual({
      state: 'FIRING',
      name: 'A',
      query: 'up',
      durationSeconds: 60,
      keepFiringForSeconds: 5,
      labels: ['cluster', 'eu', 'severity', 'page'],
      annotations: ['a', 'x', 'b', ''],
      alerts: [
        {
          labels: ['x', 'y'],
          annotations: [],
          state: 'FIRING',
          activeAt: { seconds: SECONDS, nanos: 6 },
          value: '1e+00',
          partialResponseStrategy: 'WARN',
        },
      ],
      health: 'ok',
      lastError: '',
      evaluationDurationSeconds: 0.25,
      lastEvaluation: NEVER,
    })
    expect(recording!.recording).toMatchObject({
      labels: ['cluster', 'eu'],
      health: 'err',
      lastError: 'why',
      lastEvaluation: NEVER,
    })
    expect(answers[0]!.group).toMatchObject({
      interval: 15,
      limit: 3,
      evaluationDurationSeconds: 0.5,
      lastEvaluation: { seconds: SECONDS, nanos: 6 },
      partialResponseStrategy: 'ABORT',
    })
  })

  it.each([
    ['ALL', '/api/v1/rules'],
    ['ALERT', '/api/v1/rules?type=alert'],
    ['RECORD', '/api/v1/rules?type=record'],
  ] as const)('of type %s are asked for as such', async (type, path) => {
    const fake = await fakePrometheus(EU)
    fake.answers.set('/api/v1/rules', { groups: [] })
    const { stream } = await storeApiOver([fake.unit])
    await stream(rulesService.rules, rulesRequest, rulesResponse, { type })
    expect(fake.requests).toEqual([path])
  })

  it('of a Prometheus that is down are a warning beside the others', async () => {
    const [eu, us] = [await fakePrometheus(EU), await fakePrometheus({ cluster: 'us' })]
    eu.answers.set('/api/v1/rules', { groups })
    us.answers.set('/api/v1/rules', (response) => response.destroy())
    const { stream } = await storeApiOver([eu.unit, us.unit])
    const ask = async (partialResponseStrategy: 'WARN' | 'ABORT') =>
      stream(rulesService.rules, rulesRequest, rulesResponse, { partialResponseStrategy })
    const answers = await ask('WARN')
    expect(answers.map(({ group }) => group?.name)).toEqual(['g', 'empty', undefined])
    expect(answers[2]!.warning).toMatch(/^no connection to http:\/\/127.0.0.1:\d+: socket hang up$/)
    await expect(ask('ABORT')).rejects.toThrow('14 UNAVAILABLE')
  })
})

it('Targets have external labels, discovered or final', async () => {
  const fake = await fakePrometheus(EU)
  fake.answers.set('/api/v1/targets', {
    activeTargets: [
      {
        discoveredLabels: { __address__: 'a:1' },
        labels: { job: 'j' },
        scrapePool: 'p',
        scrapeUrl: 'http://a:1/metrics',
        globalUrl: 'http://b:1/metrics',
        lastError: 'no',
        lastScrape: AT,
        lastScrapeDuration: 0.125,
        health: 'down',
      },
      { labels: {}, health: 'new' },
    ],
    droppedTargets: [{ discoveredLabels: { __address__: 'b:1' } }],
  })
  const { stream } = await storeApiOver([fake.unit])
  const request = { state: 'ACTIVE' as const }
  const answers = await stream(targetsService.targets, targetsRequest, targetsResponse, request)
  expect(fake.requests).toEqual(['/api/v1/targets?state=active'])
  const [first, second] = answers[0]!.targets!.activeTargets
  expect(first).toEqual({
    discoveredLabels: ['__address__', 'a:1', 'cluster', 'eu'],
    labels: ['cluster', 'eu', 'job', 'j'],
    scrapePool: 'p',
    scrapeUrl: 'http://a:1/metrics',
    globalUrl: 'http://b:1/metrics',
    lastError: 'no',
    lastScrape: { seconds: SECONDS, nanos: 6 },
    lastScrapeDuration: 0.125,
    health: 'DOWN',
  })
  expect(second).toMatchObject({ health: 'UNKNOWN', lastScrape: NEVER })
  expect(answers[0]!.targets!.droppedTargets).toEqual([
    { discoveredLabels: ['__address__', 'b:1', 'cluster', 'eu'] },
  ])
})

it('MetricMetadata is as Prometheus has it', async () => {
  const fake = await fakePrometheus(EU)
  const up = { type: 'gauge', help: 'h', unit: 's' }
  fake.answers.set('/api/v1/metadata', { up: [up, { ...up, type: 'counter' }], down: [] })
  const { stream } = await storeApiOver([fake.unit])
  const ask = async (request: { metric?: string; limit: number }) =>
    stream(metadataService.metricMetadata, metricMetadataRequest, metricMetadataResponse, request)
  const [answer] = await ask({ metric: 'up', limit: -1 })
  expect([...answer!.metadata!.metadata]).toEqual([
    ['up', { metas: [up, { ...up, type: 'counter' }] }],
    ['down', { metas: [] }],
  ])
  await ask({ limit: 5 })
  expect(fake.requests).toEqual(['/api/v1/metadata?metric=up', '/api/v1/metadata?limit=5'])
})

it('Exemplars have external labels on their series, and times in milliseconds', async () => {
  const fake = await fakePrometheus(EU)
  const exemplars = [
    { labels: { traceID: 't' }, value: '+Inf', timestamp: 1600096945.479 },
    { labels: {}, value: '6', timestamp: 1600096955 },
  ]
  fake.answers.set('/api/v1/query_exemplars', [{ seriesLabels: { __name__: 'm' }, exemplars }])
  const { stream } = await storeApiOver([fake.unit])
  const request = { query: 'm{a="b"}', start: 1000, end: 2500 }
  const { exemplars: method } = exemplarsService
  const answers = await stream(method, exemplarsRequest, exemplarsResponse, request)
  expect(answers.map(({ data }) => data)).toEqual([
    {
      seriesLabels: ['__name__', 'm', 'cluster', 'eu'],
      exemplars: [
        { labels: ['traceID', 't'], value: Infinity, ts: 1_600_096_945_479 },
        { labels: [], value: 6, ts: 1_600_096_955_000 },
      ],
    },
  ])
  expect(fake.requests).toEqual(['/api/v1/query_exemplars?start=1&end=2.5&query=m{a="b"}'])
})

describe('TSDBStatistics', () => {
  const rows = [
    { name: 'a', value: 3 },
    { name: 'b', value: 2 },
  ]
  const headStats = { numSeries: 5, numLabelPairs: 4, chunkCount: 6, minTime: 7, maxTime: 8 }
  const data = { headStats, seriesCountByMetricName: rows, memoryInBytesByLabelName: rows }

  async function ask(request: object) {
    const fake = await fakePrometheus(EU)
    fake.answers.set('/api/v1/status/tsdb', data)
    const { stream } = await storeApiOver([fake.unit])
    const { tsdbStatistics } = statusService
    return {
      fake,
      answers: await stream(tsdbStatistics, tsdbStatisticsRequest, tsdbStatisticsResponse, request),
    }
  }

  it('are those of Prometheus, of the one tenant there is', async () => {
    const { answers, fake } = await ask({ limit: 1 })
    expect([...answers[0]!.statistics!.statistics]).toEqual([
      [
        '',
        {
          headStatistics: headStats,
          seriesCountByMetricName: rows.slice(0, 1),
          labelValueCountByLabelName: [],
          memoryInBytesByLabelName: rows.slice(0, 1),
          seriesCountByLabelValuePair: [],
        },
      ],
    ])
    expect(fake.requests).toEqual(['/api/v1/status/tsdb?limit=1'])
  })

  it('are empty where external labels do not match', async () => {
    const matchers = [{ type: '=', name: 'cluster', value: 'us' }]
    const { answers, fake } = await ask({ matchers })
    expect(answers.map(({ statistics }) => statistics!.statistics.size)).toEqual([0])
    expect(fake.requests).toEqual([])
  })
})

it('an answer that is none of Prometheus is an error', async () => {
  const fake = await fakePrometheus(EU)
  fake.answers.set('/api/v1/rules', (response) => response.end('<html>'))
  const { stream } = await storeApiOver([fake.unit])
  await expect(stream(rulesService.rules, rulesRequest, rulesResponse, {})).rejects.toThrow(
    /14 UNAVAILABLE: .*\/api\/v1\/rules did not answer as prometheus does/,
  )
})

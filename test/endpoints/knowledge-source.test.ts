import { describe, expect, it } from 'vitest'
import type { ExemplarsRequest } from '#lib/grpc/exemplars-messages.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { askExemplars, askMetadata, askRules, askTargets } from '#lib/storage/ask-sources.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { exemplarSelectors } from '#lib/endpoints/wire-knowledge.ts'
import { endpointsOf, type FakeAnswers, fakeEndpoint, SIDECAR } from './fake-endpoint.ts'

const SCOPE: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}
const WHOLE = { ...SCOPE, partialResponse: false }
const ALL = {
  rules: {},
  targets: {},
  metricMetadata: {},
  exemplars: { minTime: 0, maxTime: 2 ** 53 },
}
const is = (name: string, value: string, type: Matcher['type'] = '='): Matcher => ({
  type,
  name,
  value,
})

async function knowledgeOf(answers: FakeAnswers) {
  const info = async () => ({ ...SIDECAR, ...ALL, ...(await answers.info?.()) })
  const { address } = await fakeEndpoint({ ...answers, info })
  return { address, sources: await endpointsOf([address]).knowledge() }
}

describe('exemplars', () => {
  it.each<[string, Matcher[][], string[][], string | undefined]>([
    ['a name', [[is('__name__', 'x')]], [], '{__name__="x"}'],
    [
      'two selectors',
      [[is('__name__', 'x')], [is('job', 'a"b', '!~'), is('le', '1')]],
      [],
      '{__name__="x"} or {job!~"a\\"b",le="1"}',
    ],
    [
      'an external label',
      [[is('__name__', 'x'), is('cluster', 'a')]],
      [['cluster', 'a']],
      '{__name__="x"}',
    ],
    ['another cluster', [[is('__name__', 'x'), is('cluster', 'b')]], [['cluster', 'a']], undefined],
    [
      'one of two',
      [[is('__name__', 'x'), is('cluster', 'b')]],
      [
        ['cluster', 'a'],
        ['cluster', 'b'],
      ],
      '{__name__="x"}',
    ],
    ['nothing but external labels', [[is('cluster', 'a')]], [['cluster', 'a']], '{__name__!=""}'],
    ['a name that needs quotes', [[is('a.b', 'x')]], [], '{"a.b"="x"}'],
  ])('are asked for by %s', (_, matcherSets, labelSets, text) => {
    expect(exemplarSelectors(matcherSets, labelSets)).toBe(text)
  })

  it('come with times and series, and none that was not asked for', async () => {
    const asked: ExemplarsRequest[] = []
    const one = { labels: ['trace_id', 'abc'], value: 0.5, ts: 1234 }
    const { sources } = await knowledgeOf({
      exemplars(request) {
        asked.push(request)
        return [
          {
            data: { seriesLabels: ['job', 'a', '__name__', 'x', 'cluster', 'a'], exemplars: [one] },
          },
          { data: { seriesLabels: ['__name__', 'y'], exemplars: [one] } },
          { warning: 'a Prometheus is away' },
        ]
      },
    })
    const request = { matcherSets: [[is('__name__', 'x')]], startMs: -Infinity, endMs: 5000 }
    const { value, warnings } = await askExemplars(sources, request, SCOPE)
    expect(value).toEqual([
      {
        labels: ['__name__', 'x', 'cluster', 'a', 'job', 'a'],
        exemplars: [{ labels: ['trace_id', 'abc'], timestampMs: 1234, value: 0.5 }],
      },
    ])
    expect(warnings).toEqual([expect.stringMatching(/^endpoint 127.*: a Prometheus is away$/)])
    expect(asked).toMatchObject([
      { query: '{__name__="x"}', end: 5000, partialResponseStrategy: 'WARN' },
    ])
    expect(asked[0]!.start).toBeGreaterThan(-(2 ** 52))
    await expect(askExemplars(sources, request, WHOLE)).rejects.toThrow('a Prometheus is away')
  })
})

describe('metadata', () => {
  const metas = [{ type: 'counter', help: 'Requests.', unit: '' }]
  const answers: FakeAnswers = {
    metadata: ({ metric, limit }) => [
      { metadata: { metadata: new Map([[metric === '' ? `all ${limit}` : metric, { metas }]]) } },
    ],
  }

  it('is asked for one metric or all', async () => {
    const { sources } = await knowledgeOf(answers)
    const limits = { limit: 5, limitPerMetric: 0 }
    expect([...(await askMetadata(sources, { ...limits, metric: 'x' }, SCOPE)).value]).toEqual([
      ['x', metas],
    ])
    expect([...(await askMetadata(sources, limits, SCOPE)).value.keys()]).toEqual(['all -1'])
  })

  it('has no labels, so a tenant sees that of its own endpoints only', async () => {
    const { sources } = await knowledgeOf(answers)
    const limits = { limit: -1, limitPerMetric: 0 }
    const as = async (enforced: readonly Matcher[]) =>
      (await askMetadata(sources, limits, { ...SCOPE, enforced })).value.size
    expect(await as([is('cluster', 'a')])).toBe(1)
    expect(await as([is('cluster', 'b')])).toBe(0)
    expect(await as([is('tenant_id', 'a')])).toBe(0)
  })
})

describe('rules', () => {
  it('and their alerts', async () => {
    const time = { seconds: 100, nanos: 5 }
    const common = {
      query: 'up == 0',
      health: 'ok',
      lastError: '',
      evaluationDurationSeconds: 0.25,
      lastEvaluation: time,
    }
    const alert = {
      ...common,
      name: 'Down',
      labels: ['severity', 'page', 'replica', '1'],
      state: 'FIRING' as const,
      durationSeconds: 60,
      keepFiringForSeconds: 5,
      annotations: ['summary', 's'],
      alerts: [
        {
          labels: ['job', 'a'],
          annotations: [],
          state: 'PENDING' as const,
          activeAt: time,
          value: '1e+00',
          partialResponseStrategy: 'WARN' as const,
        },
      ],
    }
    const recording = { ...common, name: 'r', labels: ['z', '1', 'a', '2'] }
    const group = {
      name: 'g',
      file: 'f',
      interval: 30,
      evaluationDurationSeconds: 1,
      lastEvaluation: time,
      limit: 3,
      partialResponseStrategy: 'WARN' as const,
    }
    const rules = [
      { alert, recording: undefined },
      { recording, alert: undefined },
    ]
    const { sources } = await knowledgeOf({
      rules: ({ type }) => (type === 'ALL' ? [{ group: { ...group, rules } }] : []),
    })
    const request = {
      type: 'all',
      matcherSets: [],
      ruleNames: [],
      groupNames: [],
      files: [],
    } as const
    const { value } = await askRules(sources, request, SCOPE)
    const same = {
      query: 'up == 0',
      health: 'ok',
      lastError: '',
      evaluationSeconds: 0.25,
      lastEvaluation: time,
    }
    expect(value).toEqual([
      {
        name: 'g',
        file: 'f',
        intervalSeconds: 30,
        evaluationSeconds: 1,
        lastEvaluation: time,
        limit: 3,
        rules: [
          {
            ...same,
            type: 'alerting',
            name: 'Down',
            labels: ['severity', 'page'],
            state: 'firing',
            holdSeconds: 60,
            keepFiringSeconds: 5,
            annotations: ['summary', 's'],
            alerts: [
              {
                labels: ['job', 'a'],
                annotations: [],
                state: 'pending',
                activeAt: time,
                value: '1e+00',
              },
            ],
          },
          { ...same, type: 'recording', name: 'r', labels: ['a', '2', 'z', '1'] },
        ],
      },
    ])
  })
})

describe('targets', () => {
  it('active and dropped', async () => {
    const target = {
      discoveredLabels: ['__address__', 'a:1'],
      labels: ['job', 'a'],
      scrapePool: 'a',
      scrapeUrl: 'http://a:1/metrics',
      globalUrl: 'http://x:1/metrics',
      lastError: 'refused',
      lastScrape: undefined,
      lastScrapeDuration: 0.5,
      health: 'DOWN' as const,
    }
    const states: string[] = []
    const { sources } = await knowledgeOf({
      targets({ state }) {
        states.push(state)
        return [
          {
            targets: {
              activeTargets: [target],
              droppedTargets: [{ discoveredLabels: ['job', 'd'] }],
            },
          },
        ]
      },
    })
    const { value } = await askTargets(sources, { active: true, dropped: true }, SCOPE)
    await askTargets(sources, { active: true, dropped: false }, SCOPE)
    await askTargets(sources, { active: false, dropped: true }, SCOPE)
    expect(states).toEqual(['ANY', 'ACTIVE', 'DROPPED'])
    expect(value.active).toMatchObject([
      {
        labels: ['job', 'a'],
        lastError: 'refused',
        health: 'down',
        lastScrapeSeconds: 0.5,
        scrapeUrl: 'http://a:1/metrics',
        lastScrape: { seconds: -62_135_596_800, nanos: 0 },
      },
    ])
    expect(value.dropped).toEqual([{ discoveredLabels: ['job', 'd'], scrapePool: '' }])
  })
})

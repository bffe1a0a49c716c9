import { describe, expect, it } from 'vitest'
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { rulesRequest, rulesResponse } from '#lib/grpc/rules-messages.ts'
import { exemplarsService, metadataService, rulesService } from '#lib/grpc/services.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { ExemplarRequest } from '#lib/storage/exemplars.ts'
import type { AlertingRule, RecordingRule, RuleGroup } from '#lib/storage/rules.ts'
import type { Source } from '#lib/storage/source.ts'
import { knowledgeServices } from '#lib/store-api/knowledge-service.ts'
import { all, connect, startServer } from '#test/grpc/running-server.ts'

async function serve(source: Source) {
  const times = (): { startMs: number; endMs: number } => ({ startMs: 100, endMs: 900 })
  const { port } = await startServer(knowledgeServices({ sources: [source], times }))
  const client = connect(port)
  return {
    exemplars: async (request: Parameters<typeof exemplarsRequest.encode>[0]) => {
      const frames = await all(client, exemplarsService.exemplars, exemplarsRequest.encode(request))
      return frames.map((frame) => exemplarsResponse.decode(frame))
    },
    metadata: async (request: Parameters<typeof metricMetadataRequest.encode>[0]) => {
      const body = metricMetadataRequest.encode(request)
      const frames = await all(client, metadataService.metricMetadata, body)
      return frames.map((frame) => metricMetadataResponse.decode(frame))
    },
    rules: async (request: Parameters<typeof rulesRequest.encode>[0]) => {
      const frames = await all(client, rulesService.rules, rulesRequest.encode(request))
      return frames.map((frame) => rulesResponse.decode(frame))
    },
  }
}

const SERIES = {
  labels: labelsFrom({ __name__: 'm', replica: 'a' }),
  exemplars: [{ labels: labelsFrom({ trace_id: 't' }), timestampMs: 500, value: NaN }],
}

describe('exemplars', () => {
  it('are asked for by the selectors of an expression, of what is served', async () => {
    const asked: ExemplarRequest[] = []
    const { exemplars } = await serve({
      name: 's',
      exemplars: async (request) => {
        asked.push(request)
        return { value: [SERIES], warnings: ['half'] }
      },
    })
    const query = 'rate(m{a="1"}[5m]) or {__name__=~"n.*"}'
    expect(await exemplars({ query, start: -(2 ** 60), end: 800 })).toEqual([
      {
        data: {
          seriesLabels: SERIES.labels,
          exemplars: [{ labels: ['trace_id', 't'], value: NaN, ts: 500 }],
        },
        warning: undefined,
      },
      { data: undefined, warning: 'half' },
    ])
    expect(asked).toMatchObject([{ startMs: 100, endMs: 800 }])
    expect(
      asked[0]!.matcherSets.map((set) => set.map(({ name, type, value }) => [name, type, value])),
    ).toEqual([
      [
        ['a', '=', '1'],
        ['__name__', '=', 'm'],
      ],
      [['__name__', '=~', 'n.*']],
    ])
  })

  it('are an error where half of them will not do, and of an expression that is none', async () => {
    const { exemplars } = await serve({
      name: 's',
      exemplars: async () => {
        throw new DomainError('unavailable', 'no bucket')
      },
    })
    const request = { query: 'm', start: 0, end: 1000 }
    expect(await exemplars({ ...request, partialResponseStrategy: 'WARN' })).toEqual([
      { data: undefined, warning: 's is left out: no bucket' },
    ])
    const strict = { ...request, partialResponseStrategy: 'ABORT' } as const
    await expect(exemplars(strict)).rejects.toThrow('14 UNAVAILABLE: no bucket')
    await expect(exemplars({ ...request, query: 'm{' })).rejects.toThrow('3 INVALID_ARGUMENT')
    await expect(exemplars({ ...request, query: '1' })).rejects.toThrow('no matchers specified')
  })
})

describe('metadata', () => {
  it('are told in one message, within the limit', async () => {
    const meta = { type: 'gauge', help: 'H', unit: '' }
    const known = new Map([
      ['b', [meta]],
      ['a', [meta, { ...meta, help: 'other' }]],
    ])
    const { metadata } = await serve({
      name: 's',
      metadata: async () => ({ value: known, warnings: [] }),
    })
    const told = async (request: Parameters<typeof metadata>[0]): Promise<unknown> => {
      const [answer] = await metadata(request)
      return [...answer!.metadata!.metadata].map(([name, { metas }]) => [name, metas.length])
    }
    expect(await told({ limit: -1 })).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    expect(await told({ metric: 'b', limit: -1 })).toEqual([['b', 1]])
    expect(await told({ limit: 1 })).toEqual([['a', 2]])
    expect(await told({ limit: 0 })).toEqual([])
  })
})

const EVALUATED = {
  labels: labelsFrom({ replica: 'a', ruler: 'thaw' }),
  health: 'ok',
  lastError: '',
  evaluationSeconds: 0.25,
  lastEvaluation: { seconds: 9, nanos: 5 },
}
const RECORDING: RecordingRule = {
  ...EVALUATED,
  type: 'recording',
  name: 'one',
  query: 'vector(1)',
}
const ALERTING: AlertingRule = {
  ...EVALUATED,
  type: 'alerting',
  name: 'Down',
  query: 'up == 0',
  labels: labelsFrom({ ruler: 'thaw', severity: 'page' }),
  health: 'err',
  lastError: 'no',
  state: 'firing',
  holdSeconds: 60,
  keepFiringSeconds: 90.5,
  annotations: ['b', '', 'summary', 'down'],
  alerts: [
    {
      labels: labelsFrom({ alertname: 'Down', replica: 'a' }),
      annotations: ['summary', 'down'],
      state: 'pending',
      activeAt: { seconds: 1, nanos: 2 },
      keepFiringSince: { seconds: 3, nanos: 0 },
      value: '1e+00',
    },
  ],
}
const GROUP: RuleGroup = {
  name: 'g',
  file: 'f.yaml',
  rules: [RECORDING, ALERTING],
  intervalSeconds: 30,
  limit: 7,
  evaluationSeconds: 0.5,
  lastEvaluation: { seconds: 10, nanos: 0 },
}

describe('rules', () => {
  const value: readonly RuleGroup[] = [GROUP, { ...GROUP, name: 'h', rules: [RECORDING] }]
  const source: Source = { name: 's', rules: async () => ({ value, warnings: ['half'] }) }

  it('are told group after group, with their replicas, then what is missing', async () => {
    const { rules } = await serve(source)
    const last = { evaluationDurationSeconds: 0.25, lastEvaluation: { seconds: 9, nanos: 5 } }
    const one = {
      name: 'one',
      query: 'vector(1)',
      labels: ['replica', 'a', 'ruler', 'thaw'],
      health: 'ok',
      lastError: '',
      ...last,
    }
    const down = {
      ...last,
      state: 'FIRING',
      name: 'Down',
      query: 'up == 0',
      durationSeconds: 60,
      keepFiringForSeconds: 90.5,
      labels: ['ruler', 'thaw', 'severity', 'page'],
      annotations: ['b', '', 'summary', 'down'],
      health: 'err',
      lastError: 'no',
      alerts: [
        {
          labels: ['alertname', 'Down', 'replica', 'a'],
          annotations: ['summary', 'down'],
          state: 'PENDING',
          activeAt: { seconds: 1, nanos: 2 },
          value: '1e+00',
          partialResponseStrategy: 'ABORT',
        },
      ],
    }
    const group = {
      name: 'g',
      file: 'f.yaml',
      interval: 30,
      limit: 7,
      evaluationDurationSeconds: 0.5,
      lastEvaluation: { seconds: 10, nanos: 0 },
      partialResponseStrategy: 'ABORT',
    }
    const recorded = { recording: one, alert: undefined }
    expect(await rules({})).toEqual([
      {
        group: { ...group, rules: [recorded, { recording: undefined, alert: down }] },
        warning: undefined,
      },
      { group: { ...group, name: 'h', rules: [recorded] }, warning: undefined },
      { group: undefined, warning: 'half' },
    ])
  })

  it('say of groups and their alerts whether half an answer is enough for them', async () => {
    const warn = { ...GROUP, partialResponse: 'warn' } as const
    const { rules } = await serve({
      name: 's',
      rules: async () => ({ value: [warn], warnings: [] }),
    })
    const [answer] = await rules({})
    expect(answer!.group).toMatchObject({
      partialResponseStrategy: 'WARN',
      rules: [{}, { alert: { alerts: [{ partialResponseStrategy: 'WARN' }] } }],
    })
  })

  it.each([
    [{ type: 'ALERT' }, ['g Down']],
    [{ type: 'RECORD' }, ['g one', 'h one']],
    [{ ruleName: ['Down', 'x'] }, ['g Down']],
    [{ ruleGroup: ['h'] }, ['h one']],
    [{ file: ['other.yaml'] }, []],
    [{ matcherString: ['{severity="page"}'] }, ['g Down']],
    [
      { matcherString: ['{severity="page"}', '{replica="a"}'], ruleGroup: ['g'] },
      ['g one', 'g Down'],
    ],
  ] as const)('are those of %j', async (request, expected) => {
    const { rules } = await serve(source)
    const names = (await rules(request)).flatMap(({ group }) =>
      (group?.rules ?? []).map(
        ({ alert, recording }) => `${group!.name} ${(alert ?? recording)!.name}`,
      ),
    )
    expect(names).toEqual(expected)
  })

  it('are an error where half of them will not do, and for a selector that is none', async () => {
    const { rules } = await serve({
      name: 's',
      rules: async () => {
        throw new DomainError('unavailable', 'no bucket')
      },
    })
    expect(await rules({ partialResponseStrategy: 'WARN' })).toEqual([
      { group: undefined, warning: 's is left out: no bucket' },
    ])
    await expect(rules({ partialResponseStrategy: 'ABORT' })).rejects.toThrow(
      '14 UNAVAILABLE: no bucket',
    )
    await expect(rules({ matcherString: ['{a='] })).rejects.toThrow('3 INVALID_ARGUMENT')
  })
})

import { describe, expect, it } from 'vitest'
import { exemplarsRequest, exemplarsResponse } from '#lib/grpc/exemplars-messages.ts'
import { metricMetadataRequest, metricMetadataResponse } from '#lib/grpc/metadata-messages.ts'
import { exemplarsService, metadataService } from '#lib/grpc/services.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { ExemplarRequest } from '#lib/storage/exemplars.ts'
import type { Source } from '#lib/storage/source.ts'
import { knowledgeServices } from '#lib/store-api/knowledge-service.ts'
import { all, connect, startServer } from '#test/grpc/running-server.ts'

async function serve(source: Source) {
  const times = (): { startMs: number; endMs: number } => ({ startMs: 100, endMs: 900 })
  const { port } = await startServer(knowledgeServices({ source, times }))
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

import { beforeAll, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { TsdbStatisticsEntry, TsdbStatisticsRequest } from '#lib/grpc/status-messages.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { backendParts, fillTwoClusters, scope } from '#test/query/two-clusters.ts'
import { endpointsOf, type FakeAnswers, fakeEndpoint, SIDECAR } from './fake-endpoint.ts'

const ENTRY: TsdbStatisticsEntry = {
  headStatistics: {
    numSeries: 100,
    numLabelPairs: 30,
    chunkCount: 200,
    minTime: 5000,
    maxTime: 9000,
  },
  seriesCountByMetricName: [{ name: 'up', value: 60 }],
  labelValueCountByLabelName: [
    { name: 'host', value: 2 },
    { name: 'job', value: 9 },
  ],
  memoryInBytesByLabelName: [{ name: 'host', value: 10 }],
  seriesCountByLabelValuePair: [{ name: 'job=a', value: 60 }],
}
const REQUEST = { matchers: [], limit: 10 }

describe('status/tsdb with an endpoint beside the bucket', () => {
  let bucket: Bucket
  beforeAll(async () => {
    bucket = memoryBucket()
    await fillTwoClusters(bucket)
  })

  async function over(answers: FakeAnswers, labelSets = [['cluster', 'z']]): Promise<QueryBackend> {
    const info = async () => ({ ...SIDECAR, labelSets, status: {} })
    const { address } = await fakeEndpoint({ info, ...answers })
    const endpoints = endpointsOf([address])
    return slicedBackend(backendParts(bucket, { sources: () => endpoints.sources() }))
  }

  const told =
    (...tenants: string[]): NonNullable<FakeAnswers['status']> =>
    () => [{ statistics: { statistics: new Map(tenants.map((tenant) => [tenant, ENTRY])) } }]

  it('adds what it counts to what is in blocks', async () => {
    const asked: TsdbStatisticsRequest[] = []
    const backend = await over({
      status(request) {
        asked.push(request)
        return told('')(request)
      },
    })
    const blocks = await slicedBackend(backendParts(bucket)).cardinality(REQUEST, scope)
    const both = await backend.cardinality(REQUEST, scope)
    expect(both.seriesCount).toBe(blocks.seriesCount + 100)
    expect(both.minTimeMs).toBe(5000)
    expect(both.maxTimeMs).toBe(blocks.maxTimeMs)
    expect(both.seriesByMetric[0]).toEqual({ name: 'up', count: 60 })
    // Of values of a label the most of any.
    expect(both.valuesByLabel.find(({ name }) => name === 'host')).toEqual({
      name: 'host',
      count: 3,
    })
    expect(asked).toMatchObject([{ limit: 10, partialResponseStrategy: 'ABORT' }])
  })

  it('counts a stream once where its endpoint counts it', async () => {
    const backend = await over({ status: told('') }, [
      ['cluster', 'a', 'replica', 'r0'],
      ['cluster', 'b', 'replica', 'r7'],
    ])
    expect((await backend.cardinality(REQUEST, scope)).seriesCount).toBe(100)
    const apart = { ...scope, dedup: false }
    expect((await backend.cardinality(REQUEST, apart)).seriesCount).toBeGreaterThan(100)
  })

  it('adds up tenants, of which one sees its own', async () => {
    const backend = await over({ status: told('team-a', 'team-b') })
    const ofBlocks = (await slicedBackend(backendParts(bucket)).cardinality(REQUEST, scope))
      .seriesCount
    expect((await backend.cardinality(REQUEST, scope)).seriesCount).toBe(ofBlocks + 200)
    const enforced: Scope = {
      ...scope,
      tenant: 'team-a',
      enforced: [{ type: '=', name: 'tenant_id', value: 'team-a' }],
    }
    expect((await backend.cardinality(REQUEST, enforced)).seriesCount).toBe(100)
  })

  it('says what is missing', async () => {
    const backend = await over({ status: () => [{ warning: 'half' }] })
    const half = { ...scope, partialResponse: true }
    expect((await backend.cardinality(REQUEST, half)).warnings).toEqual([
      expect.stringMatching(/^endpoint .*: half$/),
    ])
    await expect(backend.cardinality(REQUEST, scope)).rejects.toThrow('half')
  })
})

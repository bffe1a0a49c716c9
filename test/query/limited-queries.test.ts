import { describe, expect, it } from 'vitest'
import type { QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import type { QueryLimits } from '#lib/promql/query-limits.ts'
import { limitedQueries } from '#lib/query/limited-queries.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import { ChangingBucket } from './changing-bucket.ts'

const HOUR = 3_600_000
const NONE: QueryLimits = {
  maxLengthMs: 0,
  maxConcurrent: 0,
  maxBytes: 0,
  maxSeries: 0,
  maxSamples: 0,
}

function request(hours: number, tenant = 'a', text = 'load'): QueryRequest {
  return {
    text,
    grid: { startMs: 0, stepMs: 60_000, stepCount: hours * 60 + 1 },
    scope: {
      dedup: true,
      replicaLabels: [],
      deduplication: 'nearest',
      partialResponse: true,
      maxSourceResolutionMs: 0,
      tenant,
    },
    options: DEFAULT_ENGINE_OPTIONS,
  }
}

function over(limits: Readonly<Record<string, Partial<QueryLimits>>>) {
  const asked: EngineOptions[] = []
  const query = (one: QueryRequest) => {
    asked.push(one.options)
    return Promise.reject(new Error('asked'))
  }
  const series = () => Promise.reject(new Error('asked'))
  const inner = { query, series } as unknown as QueryBackend
  const backend = limitedQueries(inner, (tenant) => ({ ...NONE, ...limits[tenant ?? ''] }))
  return { asked, backend }
}

describe('limits of a tenant', () => {
  it('refuse a range that is too long, in the words of Thanos, with what to do', async () => {
    const { backend } = over({ a: { maxLengthMs: 24 * HOUR } })
    await expect(backend.query(request(25))).rejects.toMatchObject({
      kind: 'invalid',
      message:
        'the query time range exceeds the limit (query length: 25h0m0s, limit: 24h0m0s): ask for a shorter range, or raise --query-range.max-query-length',
    })
    await expect(backend.query(request(24))).rejects.toThrow('asked')
    await expect(backend.query(request(25, 'b'))).rejects.toThrow('asked')
  })

  it('hold for labels and series too, where both ends are given', async () => {
    const { backend } = over({ a: { maxLengthMs: 24 * HOUR } })
    const { scope } = request(1)
    const ask = (endMs: number) =>
      backend.series({ matcherSets: [], startMs: 0, endMs, limit: 0 }, scope)
    await expect(ask(25 * HOUR)).rejects.toMatchObject({ kind: 'invalid' })
    await expect(ask(24 * HOUR)).rejects.toThrow('asked')
    await expect(ask(Infinity)).rejects.toThrow('asked')
  })

  it('tell the engine what it may count to; a tenant may be allowed more than the others', async () => {
    const { backend, asked } = over({
      a: { maxSamples: 10, maxSeries: 5 },
      b: { maxSamples: 1e12 },
    })
    for (const tenant of ['a', 'b', 'c']) {
      await expect(backend.query(request(1, tenant))).rejects.toThrow('asked')
    }
    expect(asked.map(({ maxSamples, maxSeries }) => [maxSamples, maxSeries])).toEqual([
      [10, 5],
      [1e12, 0],
      [DEFAULT_ENGINE_OPTIONS.maxSamples, 0],
    ])
  })

  it('refuse what would read too much, before it is read', async () => {
    const world = new ChangingBucket(6)
    await world.fill()
    const maxBytes = 500
    const backend = slicedBackend({
      bucket: world.bucket,
      cache: new StoreCache(1 << 20),
      index: new BucketIndexReader(world.bucket, { now: () => 0, maxAgeMs: 0 }),
      now: () => 0,
      cut: { sliceBytes: 1e9, maxSlices: 1 },
      concurrency: 1,
      limitsOf: (tenant) => ({ ...NONE, maxBytes: tenant === 'a' ? maxBytes : 0 }),
    })
    await expect(backend.query(request(5, 'a', '{host="x"}'))).rejects.toMatchObject({
      kind: 'limit',
      limit: maxBytes,
      message: expect.stringMatching(
        /^the query would read about \d+ bytes of chunks, 500 are allowed: ask for a shorter range or name the metric, or raise --query.max-bytes$/,
      ) as string,
    })
    const answer = await backend.query(request(5, 'b', '{host="x"}'))
    expect(answer.value).toMatchObject({ type: 'vector' })
  })
})

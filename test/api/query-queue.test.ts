import { describe, expect, it } from 'vitest'
import { QueryQueue } from '#lib/api/query-queue.ts'
import type { QueryLogEntry } from '#lib/api/query-log.ts'
import { emptyVector, testApp } from './fake-backend.ts'

const limitsOf = (maxConcurrent: number) => () => ({
  maxLengthMs: 0,
  maxConcurrent,
  maxBytes: 0,
  maxSeries: 0,
  maxSamples: 0,
})

const never = () => new AbortController().signal

/** Lets all that can go on go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('QueryQueue', () => {
  it('lets so many in at one time, the others in the order they came, each tenant on its own', async () => {
    const queue = new QueryQueue(limitsOf(2))
    const entered: string[] = []
    const enter = async (name: string, tenant = 'a'): Promise<() => void> => {
      const leave = await queue.enter(tenant, never())
      entered.push(name)
      return leave
    }
    const first = await enter('1')
    const second = await enter('2')
    const third = enter('3')
    const fourth = enter('4')
    await enter('other', 'b')
    await settled()
    expect(entered).toEqual(['1', '2', 'other'])
    second()
    await settled()
    expect(entered).toEqual(['1', '2', 'other', '3'])
    first()
    ;(await third)()
    ;(await fourth)()
    expect(entered).toEqual(['1', '2', 'other', '3', '4'])
    // All have gone: there is room for two again.
    await enter('5')
    await enter('6')
  })

  it('forgets who gave up waiting', async () => {
    const queue = new QueryQueue(limitsOf(1))
    const leave = await queue.enter('a', never())
    const controller = new AbortController()
    const gone = queue.enter('a', controller.signal)
    const next = queue.enter('a', never())
    controller.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    leave()
    ;(await next)()
  })

  it('is not entered by who gave up before', async () => {
    const queue = new QueryQueue(limitsOf(1))
    const leave = await queue.enter('a', never())
    const gone = AbortSignal.abort(new Error('gone'))
    await expect(queue.enter('a', gone)).rejects.toThrow('gone')
    leave()
    ;(await queue.enter('a', never()))()
  })

  it('has room for any number where there is no limit', async () => {
    const queue = new QueryQueue(limitsOf(0))
    const all = Array.from({ length: 50 }, () => queue.enter('a', never()))
    expect(await Promise.all(all)).toHaveLength(50)
  })
})

describe('a query that waits', () => {
  it('times out in the queue, with the text of Prometheus, and is logged', async () => {
    const log: QueryLogEntry[] = []
    const queue = new QueryQueue(limitsOf(1))
    const leave = await queue.enter('default-tenant', never())
    const queryLog = { slowMs: 0, write: (entry: QueryLogEntry) => log.push(entry) }
    const { app, asked } = testApp({}, { queue, queryLog })
    const response = await app.request('/api/v1/query?query=up&timeout=10ms')
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({
      status: 'error',
      errorType: 'timeout',
      error: 'query timed out in query queue',
    })
    expect(asked.queries).toEqual([])
    expect(log).toMatchObject([
      { query: 'up', status: 503, error: 'query timed out in query queue' },
    ])
    leave()
    expect((await app.request('/api/v1/query?query=up&timeout=10s')).status).toBe(200)
  })
})

describe('the query log', () => {
  it('has a line for each query, with what it cost, and says which were slow', async () => {
    const log: QueryLogEntry[] = []
    let nowMs = 1_700_000_000_000
    const { app } = testApp(
      {
        values: () => {
          nowMs += 1500
          return emptyVector()
        },
      },
      { now: () => nowMs, queryLog: { slowMs: 1000, write: (entry) => log.push(entry) } },
    )
    await app.request('/api/v1/query_range?query=up&start=0&end=60&step=30', {
      headers: { 'THANOS-TENANT': 'team-a' },
    })
    expect(log).toEqual([
      {
        query: 'up',
        tenant: 'team-a',
        start: '1970-01-01T00:00:00.000Z',
        end: '1970-01-01T00:01:00.000Z',
        stepSeconds: 30,
        seconds: 1.5,
        queueSeconds: 0,
        slow: true,
        status: 200,
        warnings: 0,
        samples: 7,
        series: 3,
        cost: expect.objectContaining({ gets: 4, estimatedUsd: 0.0000123 }) as object,
      },
    ])
  })
})

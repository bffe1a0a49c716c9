import { describe, expect, it } from 'vitest'
import { goDuration } from '#lib/model/go-duration.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import { testApp } from './fake-backend.ts'

async function json(response: Response | Promise<Response>): Promise<unknown> {
  return await (await response).json()
}

describe('query_explain and query_range_explain', () => {
  it("answer the plan as Thanos's tree", async () => {
    const { app, asked } = testApp()
    const query = encodeURIComponent('sum by (job) (rate(x[5m])) / (60 * 60)')
    const expected = {
      status: 'success',
      data: {
        name: '/ vector, scalar',
        children: [
          {
            name: 'sum by (job)',
            children: [
              {
                name: 'rate()',
                children: [{ name: 'select {__name__="x"} range=300000ms read 1', children: [] }],
              },
            ],
          },
          { name: 'number 3600', children: [] },
        ],
      },
    }
    const range = 'start=0&end=600&step=60'
    expect(await json(app.request(`/api/v1/query_explain?query=${query}`))).toEqual(expected)
    expect(await json(app.request(`/api/v1/query_range_explain?query=${query}&${range}`))).toEqual(
      expected,
    )
    const body = new URLSearchParams({ query: 'sum by (job) (rate(x[5m])) / (60 * 60)' })
    const posted = app.request('/api/v1/query_explain', { method: 'POST', body })
    expect(await json(posted)).toEqual(expected)
    expect(asked.queries).toEqual([])
  })

  it('resolve what depends on the range', async () => {
    const { app } = testApp()
    const url = '/api/v1/query_range_explain?query=x%20@%20end()&start=0&end=600&step=60'
    expect(await json(app.request(url))).toEqual({
      status: 'success',
      data: { name: 'once select {__name__="x"} @600000ms read 1', children: [] },
    })
  })

  it.each([
    ['query_explain?query=sum(', 400],
    ['query_range_explain?query=x[5m]&start=0&end=1&step=1', 400],
    ['query_range_explain?query=x', 400],
    ['query_range_explain?query=x&start=0&end=99999&step=1', 400],
  ])('refuse what the query would refuse: %s', async (path, status) => {
    expect((await testApp().app.request(`/api/v1/${path}`)).status).toBe(status)
  })
})

describe('analyze', () => {
  const timestamps = Float64Array.of(0, 60_000)
  const storage = memoryStorage([
    { labels: ['__name__', 'x'], samples: { length: 2, timestamps, values: timestamps } },
  ])
  let now = 0
  const backend = {
    async query({ text, grid, options, analyze }) {
      const expr = parseExpr(text, options)
      const clock = analyze ? () => (now += 1.5) : undefined
      const whole = { text, grid, whole: grid, storage, options, expr, analyze: clock }
      const cost = { slices: 1, invokes: 0, gets: 0, lists: 0, bytes: 0, functionMs: 0 }
      return { ...(await evaluate(whole)), cost }
    },
  } as Partial<QueryBackend> as QueryBackend

  it("answers the operators in Thanos's shape", async () => {
    const { app } = testApp({}, { backend })
    for (const flag of ['true', '1']) {
      const answer = await json(app.request(`/api/v1/query?query=sum(x)&time=60&analyze=${flag}`))
      expect(answer).toEqual({
        status: 'success',
        data: {
          resultType: 'vector',
          result: [{ metric: {}, value: [60, '60000'] }],
          analysis: {
            name: 'sum',
            executionTime: '9ms',
            totalSamples: 1,
            series: 1,
            children: [
              {
                name: 'select {__name__="x"}',
                executionTime: '3ms',
                totalSamples: 1,
                series: 1,
              },
            ],
          },
        },
      })
    }
  })

  it('is off unless asked for', async () => {
    const { app } = testApp({}, { backend })
    for (const flag of ['', '&analyze=false', '&analyze=0']) {
      expect(await json(app.request(`/api/v1/query?query=sum(x)&time=60${flag}`))).toEqual({
        status: 'success',
        data: { resultType: 'vector', result: [{ metric: {}, value: [60, '60000'] }] },
      })
    }
  })

  it.each([
    [0, '0s'],
    [0.25, '250µs'],
    [1.5, '1.5ms'],
    [999.9996, '1s'],
    [2_345, '2.345s'],
    [61_500, '1m1.5s'],
    [3_600_000, '1h0m0s'],
  ])('writes %s ms as Go does: %s', (milliseconds, text) => {
    expect(goDuration(milliseconds)).toBe(text)
  })
})

import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { meteredFetch } from '#cli/serve/request-metrics.ts'

async function linesOf(
  asked: readonly (readonly [path: string, status: number, method?: string])[],
): Promise<string[]> {
  const registry = new Registry()
  let ms = 0
  const statuses = asked.map(([, status]) => status)
  const inner = (): Response => {
    ms += 50
    return new Response(null, { status: statuses.shift()! })
  }
  const fetch = meteredFetch(inner, registry, () => ms)
  for (const [path, , method = 'GET'] of asked) {
    await fetch(new Request(`http://x${path}`, { method }))
  }
  return (await registry.metrics())
    .split('\n')
    .filter((line) => /^http.*(total|sum|inflight)/.test(line))
}

describe('metrics of requests', () => {
  it('have the names of Thanos and its handlers, and how long each took', async () => {
    expect(
      await linesOf([
        ['/api/v1/query_range?query=up', 200],
        ['/api/v1/query_range', 422, 'POST'],
        ['/api/v1/label/pod/values', 200],
        ['/api/v1/status/tsdb', 200],
        ['/-/ready', 503],
      ]),
    ).toEqual([
      'http_requests_total{code="200",handler="query_range",method="get"} 1',
      'http_requests_total{code="422",handler="query_range",method="post"} 1',
      'http_requests_total{code="200",handler="label_values",method="get"} 1',
      'http_requests_total{code="200",handler="status_tsdb",method="get"} 1',
      'http_requests_total{code="503",handler="ready",method="get"} 1',
      'http_request_duration_seconds_sum{code="200",handler="query_range",method="get"} 0.05',
      'http_request_duration_seconds_sum{code="422",handler="query_range",method="post"} 0.05',
      'http_request_duration_seconds_sum{code="200",handler="label_values",method="get"} 0.05',
      'http_request_duration_seconds_sum{code="200",handler="status_tsdb",method="get"} 0.05',
      'http_request_duration_seconds_sum{code="503",handler="ready",method="get"} 0.05',
      'http_inflight_requests 0',
    ])
  })

  it('make no series for what somebody only tries', async () => {
    const tried = ['/a', '/api/v1/b', '/c'].map((path) => [path, 404] as const)
    const lines = await linesOf([...tried, ['/api/v1/no/such', 204, 'OPTIONS']])
    expect(lines.filter((line) => line.startsWith('http_requests_total'))).toEqual([
      'http_requests_total{code="404",handler="none",method="get"} 3',
      'http_requests_total{code="204",handler="none",method="options"} 1',
    ])
  })
})

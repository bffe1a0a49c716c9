import { gzipSync } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startTinyCloud } from './tiny-stack.ts'
import type { TinyCloud, TinyStack } from './tiny-stack.ts'

const GZIPPED = gzipSync('{"status":"success"}').toString('base64')

const STACK: TinyStack = {
  functions: {
    echo: {
      code: `export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) })`,
    },
    other: {
      code: `export const handler = async ({ rawPath }) => {
        if (rawPath === '/api/v1/gzip') {
          return {
            statusCode: 200,
            headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
            body: '${GZIPPED}',
            isBase64Encoded: true,
            cookies: ['a=1', 'b=2'],
          }
        }
        if (rawPath === '/api/v1/plain') return { up: 1 }
        if (rawPath === '/api/v1/odd') return { statusCode: 'two hundred' }
        if (rawPath === '/api/v1/slow') await new Promise((resolve) => setTimeout(resolve, 60_000))
        throw new Error('no')
      }`,
    },
  },
  resources: {
    Api: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: {
        Name: 'tiny',
        ProtocolType: 'HTTP',
        CorsConfiguration: {
          AllowOrigins: ['https://grafana.example'],
          AllowMethods: ['GET', 'POST'],
          AllowHeaders: ['authorization'],
          MaxAge: 60,
        },
      },
    },
    ...route('Default', '$default', 'echo'),
    ...route('Label', 'GET /api/v1/label/{name}/values', 'echo'),
    ...route('Rest', 'ANY /api/v1/{proxy+}', 'other'),
    ...route('Write', 'POST /api/v1/write', 'echo'),
  },
}

function route(id: string, key: string, functionName: string): NonNullable<TinyStack['resources']> {
  return {
    [`${id}Route`]: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey: key,
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: `${id}Integration` }]] },
      },
    },
    [`${id}Integration`]: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: { Ref: 'Api' },
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': [functionName, 'Arn'] },
        PayloadFormatVersion: '2.0',
        TimeoutInMillis: 1000,
      },
    },
  }
}

describe('the HTTP API', () => {
  let cloud: TinyCloud

  beforeAll(async () => {
    cloud = await startTinyCloud(STACK, { now: () => Date.UTC(2026, 10, 21, 6, 57, 16) })
  })

  afterAll(() => cloud[Symbol.asyncDispose]())

  const event = async (path: string, init?: RequestInit): Promise<Record<string, unknown>> => {
    const response = await fetch(`${cloud.httpUrl}${path}`, init)
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, unknown>
  }

  it('hands over a GET in payload format 2.0', async () => {
    const { headers, requestContext, ...rest } = await event(
      '/graph?query=up%20%2B%201&match[]=a&match[]=b',
      {
        headers: { cookie: 'x=1; y=2', 'user-agent': 'test/1', authorization: 'Basic dTpw' },
      },
    )
    expect(rest).toEqual({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/graph',
      rawQueryString: 'query=up%20%2B%201&match[]=a&match[]=b',
      cookies: ['x=1', 'y=2'],
      queryStringParameters: { query: 'up + 1', 'match[]': 'a,b' },
      isBase64Encoded: false,
    })
    expect(headers).toMatchObject({ authorization: 'Basic dTpw', 'x-forwarded-proto': 'https' })
    expect(headers).not.toHaveProperty('cookie')
    expect(requestContext).toEqual({
      accountId: '000000000000',
      apiId: 'local',
      domainName: new URL(cloud.httpUrl).host,
      domainPrefix: '127',
      http: {
        method: 'GET',
        path: '/graph',
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'test/1',
      },
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      routeKey: '$default',
      stage: '$default',
      time: '21/Nov/2026:06:57:16 +0000',
      timeEpoch: Date.UTC(2026, 10, 21, 6, 57, 16),
    })
  })

  it('hands over a form in base64, as Grafana posts it', async () => {
    const { body, isBase64Encoded } = await event('/x', {
      method: 'POST',
      body: new URLSearchParams({ query: 'up{job="ü"}' }),
    })
    expect(isBase64Encoded).toBe(true)
    expect(Buffer.from(body as string, 'base64').toString()).toBe(
      'query=up%7Bjob%3D%22%C3%BC%22%7D',
    )
  })

  it('hands over JSON as it is, and bytes in base64', async () => {
    const json = await event('/x', {
      method: 'POST',
      body: '{"a":"ü"}',
      headers: { 'content-type': 'application/json' },
    })
    expect([json['body'], json['isBase64Encoded']]).toEqual(['{"a":"ü"}', false])
    const bytes = await event('/api/v1/write', {
      method: 'POST',
      body: new Uint8Array([0, 255, 128]),
      headers: { 'content-type': 'application/x-protobuf' },
    })
    expect([bytes['body'], bytes['isBase64Encoded']]).toEqual(['AP+A', true])
  })

  it('decodes the path, and loses what follows a question mark in it', async () => {
    const { rawPath, pathParameters } = await event('/api/v1/label/a%2Fb%20c/values')
    expect([rawPath, pathParameters]).toEqual(['/api/v1/label/a/b c/values', { name: 'a/b c' }])
    expect((await event('/a%3Fb'))['rawPath']).toBe('/a')
  })

  it('prefers the most specific route', async () => {
    expect((await event('/api/v1/label/job/values'))['routeKey']).toBe(
      'GET /api/v1/label/{name}/values',
    )
    expect((await event('/api/v1/write', { method: 'POST' }))['routeKey']).toBe(
      'POST /api/v1/write',
    )
    expect((await event('/api/v2/alerts'))['routeKey']).toBe('$default')
  })

  it('decodes a base64 body, and keeps its encoding', async () => {
    const response = await fetch(`${cloud.httpUrl}/api/v1/gzip`)
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(await response.json()).toEqual({ status: 'success' })
  })

  it('takes what has no status for the body of a success', async () => {
    const response = await fetch(`${cloud.httpUrl}/api/v1/plain`)
    expect([response.status, await response.json()]).toEqual([200, { up: 1 }])
  })

  it.each([
    ['a function that fails', '/api/v1/throws', 500, 'Internal Server Error'],
    ['an answer that is none', '/api/v1/odd', 500, 'Internal Server Error'],
    ['a function that takes too long', '/api/v1/slow', 503, 'Service Unavailable'],
  ])('hides %s', async (_what, path, status, message) => {
    const response = await fetch(`${cloud.httpUrl}${path}`)
    expect([response.status, await response.json()]).toEqual([status, { message }])
  })

  it('refuses a body that the gateway or the function could not take', async () => {
    const post = async (megabytes: number): Promise<number> => {
      const body = new Uint8Array(megabytes * 1024 * 1024)
      return (await fetch(`${cloud.httpUrl}/x`, { method: 'POST', body })).status
    }
    // 5 MB are over 6 MB in base64.
    expect([await post(2), await post(5), await post(11)]).toEqual([200, 413, 413])
  })

  it('answers preflights itself', async () => {
    const preflight = async (origin: string): Promise<Record<string, string>> => {
      const response = await fetch(`${cloud.httpUrl}/api/v1/throws`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
      expect(response.status).toBe(204)
      return Object.fromEntries(
        [...response.headers].filter(([name]) => name.startsWith('access-control')),
      )
    }
    expect(await preflight('https://grafana.example')).toEqual({
      'access-control-allow-origin': 'https://grafana.example',
      'access-control-allow-methods': 'GET,POST',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '60',
    })
    expect(await preflight('https://other.example')).toEqual({})
  })

  it('lets the origin read the answer', async () => {
    const response = await fetch(`${cloud.httpUrl}/x`, {
      headers: { origin: 'https://grafana.example' },
    })
    expect(response.headers.get('access-control-allow-origin')).toBe('https://grafana.example')
  })
})

describe('the throttle of the HTTP API', () => {
  it('lets a burst through, then the rate', async () => {
    let nowMs = 0
    await using cloud = await startTinyCloud(
      {
        ...STACK,
        resources: {
          ...STACK.resources,
          Stage: {
            Type: 'AWS::ApiGatewayV2::Stage',
            Properties: {
              ApiId: { Ref: 'Api' },
              DefaultRouteSettings: { ThrottlingRateLimit: 10, ThrottlingBurstLimit: 2 },
            },
          },
        },
      },
      { now: () => nowMs },
    )
    const statuses = async (): Promise<number[]> => {
      const seen: number[] = []
      for (let i = 0; i < 3; i++) seen.push((await fetch(`${cloud.httpUrl}/x`)).status)
      return seen
    }
    expect(await statuses()).toEqual([200, 200, 429])
    nowMs = 100
    expect(await statuses()).toEqual([200, 429, 429])
  })

  it('says 503 when the function is throttled', async () => {
    await using cloud = await startTinyCloud(STACK, { concurrency: 0 })
    const response = await fetch(`${cloud.httpUrl}/x`)
    expect([response.status, await response.json()]).toEqual([
      503,
      { message: 'Service Unavailable' },
    ])
  })
})

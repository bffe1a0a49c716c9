import { gunzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { lambdaHttp, MAX_LAMBDA_BODY_BYTES, type HttpEvent } from '#lib/lambda/http.ts'
import { testApp } from '#test/api/fake-backend.ts'
import { encodeReadRequest } from '#lib/remote/read-request.ts'
import { decodeSamples } from '#test/remote/read-message.ts'

function event(
  overrides: Partial<HttpEvent> & { method?: string; stage?: string } = {},
): HttpEvent {
  const { method = 'GET', stage = '$default', ...rest } = overrides
  return {
    rawPath: '/',
    rawQueryString: '',
    headers: { host: 'abc.execute-api.eu-west-1.amazonaws.com' },
    isBase64Encoded: false,
    requestContext: { stage, http: { method } },
    ...rest,
  }
}

/** Tells what arrived. */
function echo(): Hono {
  const app = new Hono()
  app.all('*', async (c) =>
    c.json({
      method: c.req.method,
      url: c.req.url,
      cookie: c.req.header('cookie') ?? null,
      body: Buffer.from(await c.req.arrayBuffer()).toString('base64'),
    }),
  )
  return app
}

async function told(one: HttpEvent): Promise<any> {
  return JSON.parse((await lambdaHttp(echo())(one)).body)
}

describe('an event becomes a request', () => {
  it('with the query string as it came, repeated names and escapes included', async () => {
    const { url } = await told(
      event({ rawPath: '/api/v1/labels', rawQueryString: 'match[]=a&match%5B%5D=b%26c&x=#1' }),
    )
    expect(url).toBe(
      'https://abc.execute-api.eu-west-1.amazonaws.com/api/v1/labels?match[]=a&match%5B%5D=b%26c&x=%231',
    )
  })

  it.each([
    ['/api/v1/label/a%2Fb/values', '/api/v1/label/a%2Fb/values'],
    ['/api/v1/label/café ☃/values', '/api/v1/label/caf%C3%A9%20%E2%98%83/values'],
    ['/what?not#this', '/what%3Fnot%23this'],
    ['/50%', '/50%25'],
    ['/\ud800', '/%EF%BF%BD'],
  ])('with the path %s as %s', async (rawPath, path) => {
    const { url } = await told(event({ rawPath }))
    expect(url).toBe(`https://abc.execute-api.eu-west-1.amazonaws.com${path}`)
  })

  it('without the stage in its path', async () => {
    const paths: string[] = []
    for (const rawPath of ['/prod/query', '/prod', '/production/query']) {
      const { url } = await told(event({ rawPath, stage: 'prod' }))
      paths.push(new URL(url).pathname)
    }
    expect(paths).toEqual(['/query', '/', '/production/query'])
  })

  it('with its body decoded, and its cookies in one header', async () => {
    const bytes = Buffer.from([0, 255, 128])
    const answer = await told(
      event({
        method: 'POST',
        body: bytes.toString('base64'),
        isBase64Encoded: true,
        cookies: ['a=1', 'b=2'],
      }),
    )
    expect(answer).toMatchObject({
      method: 'POST',
      cookie: 'a=1; b=2',
      body: bytes.toString('base64'),
    })
    const text = await told(event({ method: 'POST', body: 'é' }))
    expect(Buffer.from(text.body, 'base64').toString()).toBe('é')
  })

  it('that carries the event, for what the authorizer said', async () => {
    const app = new Hono<{ Bindings: { event: HttpEvent } }>()
    app.get('/', (c) => c.json(c.env.event.requestContext.authorizer))
    const one = event({
      requestContext: { http: { method: 'GET' }, authorizer: { lambda: { tenant: 'a' } } },
    })
    expect((await lambdaHttp(app)(one)).body).toBe('{"lambda":{"tenant":"a"}}')
  })
})

describe('a response becomes a result', () => {
  it('as text where it is small text, with cookies apart', async () => {
    const app = new Hono()
    app.get('/', (c) => {
      c.header('set-cookie', 'a=1')
      c.header('set-cookie', 'b=2', { append: true })
      return c.text('é')
    })
    expect(await lambdaHttp(app)(event())).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'text/plain; charset=UTF-8' },
      cookies: ['a=1', 'b=2'],
      body: 'é',
      isBase64Encoded: false,
    })
  })

  it('in base64 where it is bytes, compressed, or large', async () => {
    const app = new Hono()
    app.get('/bytes', (c) =>
      c.body(new Uint8Array([0, 255]), 200, { 'content-type': 'application/x-protobuf' }),
    )
    app.get('/large', (c) => c.text('"'.repeat(100_000)))
    const bytes = await lambdaHttp(app)(event({ rawPath: '/bytes' }))
    expect([bytes.body, bytes.isBase64Encoded]).toEqual(['AP8=', true])
    const large = await lambdaHttp(app)(event({ rawPath: '/large' }))
    expect(large.isBase64Encoded).toBe(true)
    expect(Buffer.from(large.body, 'base64').toString()).toBe('"'.repeat(100_000))
  })

  it('that fits the payload of a function, or says that it does not', async () => {
    const app = new Hono()
    app.get('/:size', (c) => c.body(new Uint8Array(Number(c.req.param('size')))))
    const fits = await lambdaHttp(app)(event({ rawPath: `/${MAX_LAMBDA_BODY_BYTES}` }))
    expect(JSON.stringify(fits).length).toBeLessThan(6 * 1024 * 1024)
    const refused = await lambdaHttp(app)(event({ rawPath: `/${MAX_LAMBDA_BODY_BYTES + 1}` }))
    expect(refused.statusCode).toBe(422)
    expect(JSON.parse(refused.body).errorType).toBe('execution')
  })
})

describe('the HTTP API behind a gateway', () => {
  it("answers Grafana's form, which the gateway hands over in base64", async () => {
    const { app, asked } = testApp()
    const result = await lambdaHttp(app)(
      event({
        method: 'POST',
        rawPath: '/api/v1/query',
        rawQueryString: 'time=1',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'accept-encoding': 'gzip' },
        body: Buffer.from('query=up%7Ba%3D%22b%22%7D&time=2').toString('base64'),
        isBase64Encoded: true,
      }),
    )
    expect(asked.queries[0]).toMatchObject({ text: 'up{a="b"}', grid: { startMs: 2000 } })
    expect(result.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(Buffer.from(result.body, 'base64')).toString()).toBe(
      '{"status":"success","data":{"resultType":"vector","result":[]}}',
    )
  })

  it.each([
    ['café', 'café'],
    ['caf%C3%A9', 'café'],
    ['U__a_2e_b', 'a.b'],
  ])('reads the label name %s as %s', async (name, label) => {
    const { app, asked } = testApp({ labelValues: [] })
    await lambdaHttp(app)(event({ rawPath: `/api/v1/label/${name}/values` }))
    expect(asked.labels[0]!.name).toBe(label)
  })

  it('answers HEAD and OPTIONS without a body', async () => {
    const { app } = testApp()
    const head = await lambdaHttp(app)(event({ method: 'HEAD', rawPath: '/-/healthy' }))
    expect([head.statusCode, head.body]).toEqual([200, ''])
    const options = await lambdaHttp(app)(event({ method: 'OPTIONS', rawPath: '/api/v1/query' }))
    expect([options.statusCode, options.body]).toEqual([204, ''])
  })
})

describe('remote read through the gateway', () => {
  it('is bytes both ways', async () => {
    const stored = [
      {
        labels: ['__name__', 'm'],
        samples: { length: 1, timestamps: Float64Array.of(5), values: Float64Array.of(7) },
      },
    ]
    const matchers = [{ type: '=', name: '__name__', value: 'm' } as const]
    const body = encodeReadRequest([{ startMs: 0, endMs: 9, matchers }])
    const answer = await lambdaHttp(testApp({ stored }).app)(
      event({
        method: 'POST',
        rawPath: '/api/v1/read',
        headers: {
          host: 'x',
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
        },
        body: Buffer.from(body).toString('base64'),
        isBase64Encoded: true,
      }),
    )
    expect(answer).toMatchObject({
      statusCode: 200,
      isBase64Encoded: true,
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    })
    expect(decodeSamples(Buffer.from(answer.body, 'base64'))).toEqual([
      [{ labels: ['__name__', 'm'], samples: [[5, 7]] }],
    ])
  })
})

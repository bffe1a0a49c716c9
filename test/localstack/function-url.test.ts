import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { PreludeReader, PRELUDE_TYPE } from '#localstack/cloud/http-prelude.ts'

import { startTinyCloud, until } from './tiny-stack.ts'
import type { TinyCloud, TinyStack } from './tiny-stack.ts'

const MIB = 1024 * 1024

const STREAM = `export const handler = awslambda.streamifyResponse(async (event, out) => {
  const { count = 0, bytes = 0, fail, quit, plain, cookies } = event.queryStringParameters ?? {}
  const send = (chunk) => new Promise((resolve) => (out.write(chunk) ? resolve() : out.once('drain', resolve)))
  if (event.rawPath === '/early') throw new Error('no')
  if (!plain) {
    const headers = { 'content-type': 'text/plain', 'x-method': event.requestContext.http.method }
    awslambda.HttpResponseStream.from(out, { statusCode: 201, headers, ...(cookies && { cookies: ['a=1', 'b=2'] }) })
  }
  if (event.rawPath === '/event') await send(JSON.stringify(event))
  for (let i = 0; i < Number(count); i++) {
    await send(Buffer.alloc(Number(bytes), 'x'))
    console.log('sent', i)
  }
  if (fail) throw new Error('half way')
  if (quit) setTimeout(() => process.exit(1), 200)
  if (quit) return new Promise(() => {})
  if (!Number(count)) out.write('')
  out.end()
})`

const STACK: TinyStack = {
  functions: {
    stream: { code: STREAM },
    whole: {
      code: `export const handler = async ({ rawPath, queryStringParameters: { bytes = 1 } = {} }) => {
        if (rawPath === '/throws') throw new Error('no')
        return { statusCode: 202, headers: { 'x-a': '1' }, body: 'x'.repeat(Number(bytes)) }
      }`,
    },
    signed: { code: STREAM },
    teller: {
      code: `export const handler = async () => process.env.STREAM_URL`,
      properties: {
        Environment: {
          Variables: { STREAM_URL: { 'Fn::GetAtt': ['StreamUrl', 'FunctionUrl'] } },
        },
      },
    },
  },
  resources: {
    StreamUrl: url('stream', 'RESPONSE_STREAM', 'NONE'),
    WholeUrl: url('whole', 'BUFFERED', 'NONE'),
    SignedUrl: url('signed', 'RESPONSE_STREAM', 'AWS_IAM'),
  },
}

function url(name: string, InvokeMode: string, AuthType: string) {
  return {
    Type: 'AWS::Lambda::Url',
    Properties: { TargetFunctionArn: { 'Fn::GetAtt': [name, 'Arn'] }, InvokeMode, AuthType },
  }
}

describe('function URLs', () => {
  let cloud: TinyCloud

  beforeAll(async () => {
    cloud = await startTinyCloud(STACK)
  })

  afterAll(() => cloud[Symbol.asyncDispose]())

  const fetchFrom = (name: string, path: string, init?: RequestInit) =>
    fetch(`${cloud.functionUrls[name]}${path}`, init)

  it('are told to functions', async () => {
    const { payload } = await cloud.invoke('teller', {})
    expect(JSON.parse(payload.toString())).toBe(cloud.functionUrls['stream'])
  })

  it('hand over any request in payload format 2.0', async () => {
    const response = await fetchFrom('stream', 'event?a=1&a=2', { method: 'POST', body: 'äh' })
    expect([response.status, response.headers.get('x-method')]).toEqual([201, 'POST'])
    expect(await response.json()).toMatchObject({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/event',
      rawQueryString: 'a=1&a=2',
      body: 'äh',
      requestContext: { stage: '$default', http: { method: 'POST', path: '/event' } },
    })
  })

  it('take status, headers and cookies from before the body', async () => {
    const response = await fetchFrom('stream', '?cookies=1')
    expect([response.status, await response.text()]).toEqual([201, ''])
    expect(response.headers.get('content-type')).toBe('text/plain')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    const plain = await fetchFrom('stream', '?plain=1&count=2&bytes=3')
    expect([plain.status, await plain.text()]).toEqual([200, 'xxxxxx'])
    expect(plain.headers.get('content-type')).toBe('application/octet-stream')
  })

  it('stream far more than six megabytes, and a buffered answer no more', async () => {
    const response = await fetchFrom('stream', `?count=50&bytes=${MIB}`)
    expect((await response.arrayBuffer()).byteLength).toBe(50 * MIB)
    const whole = await fetchFrom('whole', `?bytes=${5 * MIB}`)
    expect([whole.status, whole.headers.get('x-a')]).toEqual([202, '1'])
    expect((await whole.arrayBuffer()).byteLength).toBe(5 * MIB)
    expect((await fetchFrom('whole', `?bytes=${7 * MIB}`)).status).toBe(502)
  })

  it('end the connection past 200 MB', async () => {
    const response = await fetchFrom('stream', `?count=201&bytes=${MIB}`)
    await expect(response.arrayBuffer()).rejects.toThrow('terminated')
  })

  it('let the function write no faster than the client reads', async () => {
    const sent = () => cloud.logs.filter((line) => /stream:.*sent/.test(line)).length
    const before = sent()
    const request = get(`${cloud.functionUrls['stream']}?count=60&bytes=${MIB}`)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.pause()
    await new Promise((resolve) => setTimeout(resolve, 500))
    const whilePaused = sent() - before
    expect(whilePaused).toBeLessThan(40)
    let bytes = 0
    for await (const chunk of response) bytes += (chunk as Buffer).length
    expect(bytes).toBe(60 * MIB)
  })

  it('do not tell a function that its client is gone', async () => {
    const { invokes, failures } = cloud.stats()['stream']!
    const request = get(`${cloud.functionUrls['stream']}?count=30&bytes=${MIB}`)
    await once(request, 'response')
    request.destroy()
    await until(() => cloud.stats()['stream']!.invokes > invokes)
    expect(cloud.stats()['stream']!.failures).toBe(failures)
  })

  it.each([
    ['an error before the answer', 'stream', 'early', 502],
    ['an error of a buffered answer', 'whole', 'throws', 502],
  ])('answer %s with the status of a bad gateway', async (_what, name, path, status) => {
    const response = await fetchFrom(name, path)
    expect([response.status, await response.json()]).toEqual([
      status,
      { Message: 'Internal Server Error' },
    ])
  })

  it.each(['fail', 'quit'])('break off where the function does: %s', async (how) => {
    const response = await fetchFrom('stream', `?count=1&bytes=10&${how}=1`)
    expect(response.status).toBe(201)
    await expect(response.arrayBuffer()).rejects.toThrow('terminated')
  })

  it('refuse bodies that no function takes', async () => {
    const post = async (megabytes: number) => {
      const body = new Uint8Array(megabytes * MIB)
      return (await fetchFrom('stream', 'x', { method: 'POST', body })).status
    }
    expect([await post(2), await post(5), await post(7)]).toEqual([201, 413, 413])
  })

  it('with IAM let in who signs', async () => {
    const refused = await fetchFrom('signed', 'event', { headers: { authorization: 'Bearer x' } })
    expect([refused.status, await refused.json()]).toEqual([403, { Message: 'Forbidden' }])
    const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=…'.replace('…', 'x') }
    const { requestContext } = (await (await fetchFrom('signed', 'event', { headers })).json()) as {
      requestContext: { authorizer: { iam: { userArn: string } } }
    }
    expect(requestContext.authorizer.iam.userArn).toBe('arn:aws:iam::000000000000:root')
  })

  it('say when too many run', async () => {
    await using busy = await startTinyCloud(STACK, { concurrency: 0 })
    for (const name of ['stream', 'whole']) {
      const response = await fetch(busy.functionUrls[name]!)
      expect([response.status, await response.json()]).toEqual([429, { Message: 'Rate Exceeded.' }])
    }
  })

  it('are open to everybody where all of the cloud is', async () => {
    await using open = await startTinyCloud(STACK, { openWith: { token: 'local' } })
    const response = await fetch(`${open.functionUrls['signed']}event`)
    expect(await response.json()).toMatchObject({
      requestContext: { authorizer: { lambda: { token: 'local' } } },
    })
  })
})

describe('what goes before a body', () => {
  it('is found however it is cut', () => {
    const whole = Buffer.concat([
      Buffer.from('{"statusCode":204,"headers":{"a":"b"}}'),
      Buffer.alloc(8),
      Buffer.from('body\0'),
    ])
    for (let cut = 0; cut <= whole.length; cut++) {
      const reader = new PreludeReader()
      const parts = [whole.subarray(0, cut), whole.subarray(cut)]
      const body = parts.map((part) => Buffer.from(reader.push(part, PRELUDE_TYPE)).toString())
      expect(body.join('')).toBe('body\0')
      expect(reader.prelude).toMatchObject({ status: 204, headers: { a: 'b' } })
    }
  })

  it('that is no JSON is an error', () => {
    const bytes = Buffer.concat([Buffer.from('{'), Buffer.alloc(8)])
    expect(() => new PreludeReader().push(bytes, PRELUDE_TYPE)).toThrow(SyntaxError)
  })
})

/** Function authorizers of the embedded HTTP API, as API Gateway has them. */
import { afterEach, describe, expect, it } from 'vitest'
import type { CloudOptions } from '#localstack/cloud/embedded-cloud.ts'
import { startTinyCloud, type TinyCloud, type TinyStack } from './tiny-stack.ts'

const AUTHORIZE = `export const handler = async (event) => {
  const [source] = event.identitySource
  if (source === 'fail') throw new Error('no')
  if (source === 'odd') return { allowed: true }
  console.log(JSON.stringify(event))
  return { isAuthorized: source === 'good', context: { token: 't', tenant: 'a' } }
}`

const ECHO = `export const handler = async ({ requestContext }) => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(requestContext.authorizer ?? null),
})`

function stack(
  route: Record<string, unknown>,
  authorizer: Record<string, unknown> = {},
): TinyStack {
  const routeOf = (key: string, more: object) => ({
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ApiId: { Ref: 'Api' },
      RouteKey: key,
      Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
      ...more,
    },
  })
  return {
    functions: { echo: { code: ECHO }, authorize: { code: AUTHORIZE } },
    resources: {
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'tiny', ProtocolType: 'HTTP' } },
      Integration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: { IntegrationUri: { 'Fn::GetAtt': ['echo', 'Arn'] } },
      },
      Authorizer: {
        Type: 'AWS::ApiGatewayV2::Authorizer',
        Properties: {
          Name: 'tokens',
          AuthorizerType: 'REQUEST',
          AuthorizerPayloadFormatVersion: '2.0',
          EnableSimpleResponses: true,
          IdentitySource: ['$request.header.Authorization'],
          AuthorizerResultTtlInSeconds: 30,
          AuthorizerUri: {
            'Fn::Join': [
              '',
              [
                'arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/',
                { 'Fn::GetAtt': ['authorize', 'Arn'] },
                '/invocations',
              ],
            ],
          },
          ...authorizer,
        },
      },
      Default: routeOf('$default', route),
      Options: routeOf('OPTIONS /{proxy+}', { AuthorizationType: 'NONE' }),
    },
  }
}

const CUSTOM = { AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: 'Authorizer' } }

let cloud: TinyCloud | undefined
afterEach(() => cloud?.[Symbol.asyncDispose]())

async function start(tiny: TinyStack, options: Omit<CloudOptions, 'assemblyDir'> = {}) {
  cloud = await startTinyCloud(tiny, options)
  const { httpUrl } = cloud
  return async (authorization?: string, method = 'GET'): Promise<unknown[]> => {
    const headers = { ...(authorization !== undefined && { authorization }), 'x-token': 'forged' }
    const response = await fetch(`${httpUrl}/api/v1/query?query=up`, { method, headers })
    return [response.status, await response.json()]
  }
}

function asked(): number | undefined {
  return cloud?.stats()['authorize']?.invokes
}

describe('a function authorizer', () => {
  it('is not asked without the header, and says yes or no', async () => {
    const ask = await start(stack(CUSTOM))
    for (const none of [undefined, '']) {
      expect(await ask(none)).toEqual([401, { message: 'Unauthorized' }])
    }
    expect(asked()).toBe(0)
    expect(await ask('bad')).toEqual([403, { message: 'Forbidden' }])
    expect(await ask('good')).toEqual([200, { lambda: { token: 't', tenant: 'a' } }])
    for (const broken of ['fail', 'odd']) {
      expect(await ask(broken)).toEqual([500, { message: 'Internal Server Error' }])
    }
    expect(await ask(undefined, 'OPTIONS')).toEqual([200, null])
  })

  it('gets the request in format 2.0, without its body', async () => {
    const ask = await start(stack(CUSTOM))
    await ask('good', 'POST')
    const line = cloud!.logs.find((one) => one.includes('"REQUEST"'))!
    const event = JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>
    expect(event).toMatchObject({
      version: '2.0',
      type: 'REQUEST',
      routeKey: '$default',
      routeArn: 'arn:aws:execute-api:us-east-1:000000000000:local/$default/$default',
      identitySource: ['good'],
      rawPath: '/api/v1/query',
      rawQueryString: 'query=up',
      headers: { authorization: 'good' },
      requestContext: { http: { method: 'POST', path: '/api/v1/query' } },
    })
    expect(event).not.toHaveProperty('body')
  })

  it('is asked once for a header, until its answer is old; a failure is not kept', async () => {
    let nowMs = 0
    const ask = await start(stack(CUSTOM), { now: () => nowMs })
    for (const header of ['good', 'good', 'bad', 'bad']) await ask(header)
    expect(asked()).toBe(2)
    nowMs = 29_999
    expect((await ask('good'))[0]).toBe(200)
    expect(asked()).toBe(2)
    nowMs = 30_000
    expect((await ask('good'))[0]).toBe(200)
    expect(asked()).toBe(3)
    for (let i = 0; i < 2; i++) expect((await ask('fail'))[0]).toBe(500)
    expect(asked()).toBe(5)
  })

  it('is asked each time where nothing is to be kept', async () => {
    const ask = await start(stack(CUSTOM, { AuthorizerResultTtlInSeconds: 0 }))
    for (let i = 0; i < 3; i++) await ask('good')
    expect(asked()).toBe(3)
  })

  it('is not asked where the door is open', async () => {
    const ask = await start(stack(CUSTOM), { openWith: { token: 'local' } })
    for (const header of [undefined, 'bad']) {
      expect(await ask(header)).toEqual([200, { lambda: { token: 'local' } }])
    }
    expect(asked()).toBe(0)
  })
})

describe('a route', () => {
  it('of IAM has who signed, and one of nobody has nobody', async () => {
    const signed = await start(stack({ AuthorizationType: 'AWS_IAM' }))
    expect(await signed()).toEqual([
      200,
      { iam: expect.objectContaining({ userArn: 'arn:aws:iam::000000000000:root' }) },
    ])
    await cloud!.stop()
    const open = await start(stack({}))
    expect(await open()).toEqual([200, null])
  })

  it.each([
    [{ AuthorizationType: 'JWT' }, {}],
    [CUSTOM, { EnableSimpleResponses: false }],
    [CUSTOM, { AuthorizerPayloadFormatVersion: '1.0' }],
    [{ AuthorizationType: 'CUSTOM' }, {}],
  ])('that is not known here is not opened: %j, %j', async (route, authorizer) => {
    await expect(startTinyCloud(stack(route, authorizer))).rejects.toThrow('is not known here')
    cloud = undefined
  })
})

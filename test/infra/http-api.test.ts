import { describe, expect, it } from 'vitest'

import { DECISION_TTL_MS } from '#lib/auth/token-reader.ts'

import { plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

function routesOf(template: ReturnType<typeof synthesize>): unknown[] {
  const routes = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route'))
  return routes.map(({ Properties }) => plain(Properties))
}

describe('the front door', () => {
  const template = synthesize()

  it('hands every request with a good token to query, and preflights', () => {
    const common = { ApiId: 'HttpApi', Target: 'integrations/HttpApiDefaultRouteQuery' }
    expect(routesOf(template)).toEqual([
      {
        ...common,
        AuthorizationType: 'CUSTOM',
        AuthorizerId: 'HttpApiTokens',
        RouteKey: '$default',
      },
      { ...common, AuthorizationType: 'NONE', RouteKey: 'OPTIONS /{proxy+}' },
    ])
    const integration = resourceOf(
      template,
      'AWS::ApiGatewayV2::Integration',
      'HttpApiDefaultRouteQuery',
    )
    expect(plain(integration.Properties)).toEqual({
      ApiId: 'HttpApi',
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: 'QueryLive',
      PayloadFormatVersion: '2.0',
    })
  })

  it('asks authorize who it is, by the one header, and believes it for a while', () => {
    const found = resourceOf(template, 'AWS::ApiGatewayV2::Authorizer', 'HttpApiTokens')
    expect(plain(found.Properties)).toEqual({
      ApiId: 'HttpApi',
      Name: 'tokens',
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      IdentitySource: ['$request.header.Authorization'],
      AuthorizerResultTtlInSeconds: DECISION_TTL_MS / 1000,
      AuthorizerUri:
        'arn:<AWS::Partition>:apigateway:<AWS::Region>:lambda:path/2015-03-31/functions/AuthorizeLive/invocations',
    })
  })

  it('lets in who signs with IAM where that is chosen, with no function for it', () => {
    const signed = synthesize({ authorizer: 'iam', corsOrigins: [] })
    expect(routesOf(signed)).toEqual([
      {
        ApiId: 'HttpApi',
        AuthorizationType: 'AWS_IAM',
        RouteKey: '$default',
        Target: 'integrations/HttpApiDefaultRouteQuery',
      },
    ])
    const names = Object.values(resourcesOf(signed, 'AWS::Lambda::Function'))
    expect(names.map(({ Properties }) => Properties['FunctionName'])).not.toContain(
      'thaw-authorize',
    )
    expect(resourcesOf(signed, 'AWS::ApiGatewayV2::Authorizer')).toEqual({})
  })

  it('limits the rate and logs each request without its query', () => {
    const stage = resourceOf(template, 'AWS::ApiGatewayV2::Stage', 'HttpApiStage')
    const { AccessLogSettings, ...properties } = plain(stage.Properties) as {
      AccessLogSettings: { DestinationArn: string; Format: string }
    }
    expect(properties).toEqual({
      ApiId: 'HttpApi',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingBurstLimit: 200, ThrottlingRateLimit: 100 },
      StageName: '$default',
    })
    expect(AccessLogSettings.DestinationArn).toBe('HttpApiAccessLog.Arn')
    expect(Object.keys(JSON.parse(AccessLogSettings.Format) as object)).toEqual([
      'requestId',
      'time',
      'method',
      'path',
      'status',
      'error',
      'latencyMs',
      'bytes',
      'token',
      'authorizerError',
      'ip',
    ])
  })

  it('answers preflights for the configured origins', () => {
    const api = resourceOf(
      synthesize({ corsOrigins: ['https://grafana.example'] }),
      'AWS::ApiGatewayV2::Api',
      'HttpApi',
    )
    expect(api.Properties['CorsConfiguration']).toEqual({
      AllowOrigins: ['https://grafana.example'],
      AllowMethods: ['GET', 'POST'],
      AllowHeaders: ['accept', 'authorization', 'content-type', 'origin'],
      ExposeHeaders: ['date'],
      MaxAge: 86400,
    })
  })

  it('has no CORS when no origin may call', () => {
    const api = resourceOf(synthesize({ corsOrigins: [] }), 'AWS::ApiGatewayV2::Api', 'HttpApi')
    expect(api.Properties['CorsConfiguration']).toBeUndefined()
  })

  it('has a name of its own, if it is to', () => {
    const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/1'
    const template = synthesize({ domainName: 'metrics.example.com', certificateArn })
    const domain = resourceOf(template, 'AWS::ApiGatewayV2::DomainName', 'HttpApiDomain')
    expect(domain.Properties).toEqual({
      DomainName: 'metrics.example.com',
      DomainNameConfigurations: [
        { CertificateArn: certificateArn, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
      ],
    })
    const [mapping] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::ApiMapping'))
    expect(plain(mapping!.Properties)).toEqual({
      ApiId: 'HttpApi',
      DomainName: 'HttpApiDomain',
      Stage: '$default',
    })
    const values = Object.entries(template.findOutputs('*')).map(([id, { Value }]) => [
      id,
      plain(Value),
    ])
    expect(Object.fromEntries(values)).toMatchObject({
      // That of the domain is its name.
      Url: 'https://HttpApiDomain',
      DomainTarget: 'HttpApiDomain.RegionalDomainName',
      DomainZone: 'HttpApiDomain.RegionalHostedZoneId',
    })
  })
})

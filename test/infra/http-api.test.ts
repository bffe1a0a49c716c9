import { describe, expect, it } from 'vitest'

import { plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

describe('the front door', () => {
  const template = synthesize()

  it('hands every request that IAM lets in to query', () => {
    const routes = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route'))
    expect(routes.map(({ Properties }) => plain(Properties))).toEqual([
      {
        ApiId: 'HttpApi',
        AuthorizationType: 'AWS_IAM',
        RouteKey: '$default',
        Target: 'integrations/HttpApiDefaultRouteQuery',
      },
    ])
    const integration = resourceOf(
      template,
      'AWS::ApiGatewayV2::Integration',
      'HttpApiDefaultRouteQuery',
    )
    expect(plain(integration.Properties)).toEqual({
      ApiId: 'HttpApi',
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: 'QueryFunction.Arn',
      PayloadFormatVersion: '2.0',
    })
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
})

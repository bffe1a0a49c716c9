/** The front door: an HTTP API that hands every request to `query`, which knows its own routes. */
/* oxlint-disable no-new -- a construct adds itself to its scope. */
import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  CfnIntegration,
  CorsHttpMethod,
  DomainName,
  EndpointType,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  LogGroupLogDestination,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigatewayv2'
import type { CorsPreflightOptions } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { CfnPermission } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import { type AuthorizeFunction, tokenAuthorizer } from './authorizer.ts'
import type { QueryFunction } from './query.ts'
import type { StackConfig } from './stack-config.ts'

export interface FrontDoorProps {
  readonly config: StackConfig
  readonly query: QueryFunction
  /** Undefined: IAM lets in. */
  readonly authorize: AuthorizeFunction | undefined
}

export class FrontDoor extends Construct {
  readonly url: string
  readonly apiId: string

  constructor(scope: Construct, id: string, { config, query, authorize }: FrontDoorProps) {
    super(scope, id)
    const integration = new HttpLambdaIntegration('Query', query.live)
    const api = new HttpApi(this, 'Api', {
      apiName: config.stackName,
      description: `Prometheus HTTP API of ${config.stackName}`,
      createDefaultStage: false,
      defaultIntegration: integration,
      // Who asks is found out before `query` is woken: without a token, or a signature of this account's IAM, nobody.
      defaultAuthorizer: authorize ? tokenAuthorizer(authorize) : new HttpIamAuthorizer(),
      ...(config.corsOrigins.length > 0 ? { corsPreflight: cors(config.corsOrigins) } : {}),
    })

    if (config.corsOrigins.length > 0) {
      // A preflight has no credentials, and the authorizer of $default would refuse it.
      const preflights = api.addRoutes({
        path: '/{proxy+}',
        methods: [HttpMethod.OPTIONS],
        integration,
        authorizer: new HttpNoneAuthorizer(),
      })
      for (const route of preflights) {
        acknowledge(
          route,
          'AwsSolutions-APIG4',
          'A preflight has no credentials, and is answered with headers alone',
        )
      }
    }

    // CloudFormation puts no order between a permission and what needs it: who is called is to let the gateway in before it is called.
    const inside = api.node.findAll()
    for (const it of inside.filter((child) => child instanceof CfnIntegration)) {
      for (const child of inside)
        if (child instanceof CfnPermission) it.addResourceDependency(child)
    }

    const accessLog = new LogGroup(this, 'AccessLog', {
      logGroupName: `/aws/apigateway/${config.stackName}`,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const domain = config.domainName === '' ? undefined : this.#ownName(config)
    new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      ...(domain && { domainMapping: { domainName: domain } }),
      throttle: {
        rateLimit: config.requestsPerSecond,
        burstLimit: 2 * config.requestsPerSecond,
      },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        format: ACCESS_LOG_FORMAT,
      },
    })
    const { region, urlSuffix } = Stack.of(this)
    this.apiId = api.apiId
    const host = domain?.name ?? `${api.apiId}.execute-api.${region}.${urlSuffix}`
    this.url = `https://${host}`
  }

  /** Whoever keeps the zone of that name makes an alias of it for what the outputs say. */
  #ownName({ domainName, certificateArn }: StackConfig): DomainName {
    const domain = new DomainName(this, 'Domain', {
      domainName,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
    })
    for (const [id, value, description] of [
      [
        'DomainTarget',
        domain.regionalDomainName,
        `Where an alias record of ${domainName} points to`,
      ],
      ['DomainZone', domain.regionalHostedZoneId, 'Hosted zone of that target'],
    ] as const) {
      new CfnOutput(this, id, { value, description }).overrideLogicalId(id)
    }
    return domain
  }
}

function cors(origins: readonly string[]): CorsPreflightOptions {
  return {
    allowOrigins: [...origins],
    allowMethods: [CorsHttpMethod.GET, CorsHttpMethod.POST],
    allowHeaders: ['accept', 'authorization', 'content-type', 'origin'],
    exposeHeaders: ['date'],
    maxAge: Duration.days(1),
  }
}

/** No query strings: a PromQL expression may hold what its author would not want in a log. */
const ACCESS_LOG_FORMAT = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTime',
    method: '$context.httpMethod',
    path: '$context.path',
    status: '$context.status',
    error: '$context.integrationErrorMessage',
    latencyMs: '$context.responseLatency',
    bytes: '$context.responseLength',
    token: '$context.authorizer.token',
    authorizerError: '$context.authorizer.error',
    ip: '$context.identity.sourceIp',
  }),
)

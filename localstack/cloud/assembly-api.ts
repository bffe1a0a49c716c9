/** The HTTP APIs of a synthesized stack: their routes, and who may use them. */
import { shortReference } from './function-name.ts'

export interface HttpApiSpec {
  readonly name: string
  readonly routes: readonly RouteSpec[]
  readonly cors: CorsSpec | undefined
  /** Requests per second, and at once. */
  readonly throttle: { readonly rate: number; readonly burst: number } | undefined
}

export interface RouteSpec {
  /** `$default`, or a method and a path such as `GET /api/v1/{proxy+}`. */
  readonly key: string
  /** With its alias, where it has one: `thaw-query:live`. So is every `functionName` of what calls functions. */
  readonly functionName: string
  readonly timeoutMs: number
  readonly authorization: 'none' | 'iam' | AuthorizerSpec
}

/** A function of payload format 2.0 with simple responses. */
export interface AuthorizerSpec {
  readonly name: string
  readonly functionName: string
  /** In lower case. */
  readonly identityHeaders: readonly string[]
  readonly ttlMs: number
}

export interface CorsSpec {
  readonly AllowOrigins?: readonly string[]
  readonly AllowMethods?: readonly string[]
  readonly AllowHeaders?: readonly string[]
  readonly ExposeHeaders?: readonly string[]
  readonly MaxAge?: number
}

export type Properties = Record<string, unknown>

interface Resource {
  readonly id: string
  readonly properties: Properties
}

/** All of a type, without references. */
export type ResourcesOf = (type: string) => readonly Resource[]

/** `apiId` is what a reference to it became. */
export function httpApiSpec(
  { id, properties }: Resource,
  apiId: string,
  of: ResourcesOf,
): HttpApiSpec {
  return {
    name: (properties['Name'] as string | undefined) ?? id,
    routes: routes(apiId, of),
    cors: properties['CorsConfiguration'] as CorsSpec | undefined,
    throttle: throttle(apiId, of),
  }
}

function routes(apiId: string, of: ResourcesOf): RouteSpec[] {
  const integrations = new Map(
    of('AWS::ApiGatewayV2::Integration').map(({ id, properties }) => [
      id.toLowerCase(),
      properties,
    ]),
  )
  return of('AWS::ApiGatewayV2::Route')
    .filter(({ properties }) => properties['ApiId'] === apiId)
    .map(({ properties }) => {
      const target = (properties['Target'] as string).replace(/^integrations\//, '')
      const integration = integrations.get(target)
      if (integration === undefined) throw new Error(`no integration ${target}`)
      return {
        key: properties['RouteKey'] as string,
        functionName: shortReference(integration['IntegrationUri'] as string),
        timeoutMs: (integration['TimeoutInMillis'] as number | undefined) ?? 30_000,
        authorization: authorization(properties, of),
      }
    })
}

/** What is not known here is an error: a route must not be more open than on AWS. */
function authorization(route: Properties, of: ResourcesOf): RouteSpec['authorization'] {
  const type = (route['AuthorizationType'] as string | undefined) ?? 'NONE'
  if (type === 'NONE') return 'none'
  if (type === 'AWS_IAM') return 'iam'
  const found = of('AWS::ApiGatewayV2::Authorizer').find(
    // As `Ref` names them here.
    ({ id, properties: { Name } }) => (Name ?? id.toLowerCase()) === route['AuthorizerId'],
  )
  const properties: Properties = found?.properties ?? {}
  const { AuthorizerType, EnableSimpleResponses, AuthorizerPayloadFormatVersion } = properties
  if (
    type !== 'CUSTOM' ||
    AuthorizerType !== 'REQUEST' ||
    EnableSimpleResponses !== true ||
    AuthorizerPayloadFormatVersion !== '2.0'
  ) {
    throw new Error(`authorization ${type} of ${String(route['RouteKey'])} is not known here`)
  }
  const uri = properties['AuthorizerUri'] as string
  return {
    name: properties['Name'] as string,
    functionName: shortReference(/functions\/(.+)\/invocations$/.exec(uri)?.[1] ?? uri),
    identityHeaders: ((properties['IdentitySource'] as string[] | undefined) ?? []).map((source) =>
      /^\$request\.header\.(.+)$/.exec(source)![1]!.toLowerCase(),
    ),
    ttlMs: 1000 * ((properties['AuthorizerResultTtlInSeconds'] as number | undefined) ?? 0),
  }
}

function throttle(apiId: string, of: ResourcesOf): HttpApiSpec['throttle'] {
  const stage = of('AWS::ApiGatewayV2::Stage').find(
    ({ properties }) => properties['ApiId'] === apiId,
  )
  const settings = stage?.properties['DefaultRouteSettings'] as Record<string, number> | undefined
  if (settings === undefined) return undefined
  return {
    rate: settings['ThrottlingRateLimit'] ?? Infinity,
    burst: settings['ThrottlingBurstLimit'] ?? Infinity,
  }
}

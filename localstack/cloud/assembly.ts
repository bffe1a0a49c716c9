/** A synthesized stack as what is to run: functions, routes, rules and queues, under the names they have here. */
import { type HttpApiSpec, httpApiSpec, type Properties, type ResourcesOf } from './assembly-api.ts'
import { codeDirectory, readAssets, readTemplate } from './assembly-files.ts'
import { scopeOf, type ScopeOptions } from './assembly-scope.ts'
import { dependenciesOf, type Dependencies } from './deployment-order.ts'
import { functionUrlSpecs, type FunctionUrlSpec } from './assembly-urls.ts'
import { functionArn, functionNameOf, LATEST, shortReference } from './function-name.ts'
import { resolve } from './intrinsics.ts'
import type { Scope } from './intrinsics.ts'

export interface FunctionSpec {
  /** In the template. */
  readonly id: string
  readonly name: string
  /** Of one of its versions, or `$LATEST`. */
  readonly version: string
  readonly arn: string
  readonly codeHash: string
  /** Where the bundle is. */
  readonly codeDir: string
  readonly handler: string
  readonly memoryMb: number
  readonly timeoutMs: number
  readonly environment: Readonly<Record<string, string>>
  readonly reservedConcurrency?: number | undefined
  readonly logFormat: string
  readonly logLevel: string
}

/** What the function was when this came into the stack, under a number. */
export interface VersionSpec {
  readonly id: string
  readonly functionName: string
}

export interface AliasSpec {
  readonly id: string
  readonly name: string
  readonly functionName: string
  readonly version: string
}

export interface RuleSpec {
  readonly id: string
  readonly name: string
  readonly arn: string
  readonly schedule: string | undefined
  readonly pattern: unknown
  readonly targets: readonly {
    readonly functionName: string
    readonly input: unknown
    readonly retries: number
  }[]
}

export interface QueueSpec {
  readonly id: string
  readonly name: string
  readonly arn: string
  readonly visibilityMs: number
  readonly deadLetter?: { readonly queueName: string; readonly maxReceives: number } | undefined
}

export interface EventSourceSpec {
  readonly id: string
  readonly queueName: string
  readonly functionName: string
  readonly batchSize: number
  readonly maxConcurrency: number
  readonly reportsFailures: boolean
}

export interface Assembly {
  /** As the stack's output `BucketName` says, or the one bucket in it. */
  readonly bucketName: string | undefined
  readonly functions: readonly FunctionSpec[]
  readonly versions: readonly VersionSpec[]
  readonly aliases: readonly AliasSpec[]
  readonly httpApis: readonly HttpApiSpec[]
  readonly functionUrls: readonly FunctionUrlSpec[]
  readonly rules: readonly RuleSpec[]
  readonly queues: readonly QueueSpec[]
  readonly eventSources: readonly EventSourceSpec[]
  /** Types of all resources, by their logical ids. */
  readonly types: ReadonlyMap<string, string>
  readonly dependencies: Dependencies
}

/** Reads the directory that `cdk synth` wrote. */
export function readAssembly(directory: string, options: ScopeOptions): Assembly {
  const template = readTemplate(directory)
  const resources = Object.entries(template.Resources).map(([id, { Type, Properties = {} }]) => ({
    id,
    type: Type,
    properties: Properties,
  }))
  const scope = scopeOf(template, options)
  const assets = readAssets(directory)
  const of: ResourcesOf = (type) =>
    resources
      .filter((resource) => resource.type === type)
      // Code is known by its asset; its place in a bucket means nothing here.
      .map(({ id, properties: { Code, ...properties } }) => ({
        id,
        properties: { ...(resolve(properties, scope) as Properties), Code },
      }))
  return {
    bucketName:
      (resolve(template.Outputs?.['BucketName']?.Value, scope) as string | undefined) ??
      of('AWS::S3::Bucket').map(({ id }) => scope.ref(id))[0],
    functions: of('AWS::Lambda::Function').map(({ id, properties }) =>
      functionSpec(id, scope.ref(id), properties, (key) => codeDirectory(directory, assets, key)),
    ),
    versions: of('AWS::Lambda::Version').map(({ id, properties }) => ({
      id,
      functionName: functionNameOf(properties['FunctionName'] as string),
    })),
    aliases: of('AWS::Lambda::Alias').map(({ id, properties }) => ({
      id,
      name: properties['Name'] as string,
      functionName: functionNameOf(properties['FunctionName'] as string),
      version: properties['FunctionVersion'] as string,
    })),
    httpApis: of('AWS::ApiGatewayV2::Api').map((api) => httpApiSpec(api, scope.ref(api.id), of)),
    functionUrls: functionUrlSpecs(of),
    rules: of('AWS::Events::Rule').map(({ id, properties }) => ruleSpec(scope, id, properties)),
    queues: of('AWS::SQS::Queue').map(({ id, properties }) => queueSpec(scope, id, properties)),
    eventSources: of('AWS::Lambda::EventSourceMapping').map(({ id, properties }) =>
      eventSourceSpec(id, properties),
    ),
    types: new Map(resources.map(({ id, type }) => [id, type])),
    dependencies: dependenciesOf(template.Resources),
  }
}

function functionSpec(
  id: string,
  name: string,
  properties: Properties,
  codeDir: (key: string) => string,
): FunctionSpec {
  const { S3Key } = properties['Code'] as { S3Key: string }
  const logging = properties['LoggingConfig'] as Record<string, string> | undefined
  const environment = properties['Environment'] as
    | { Variables?: Record<string, string> }
    | undefined
  return {
    id,
    name,
    version: LATEST,
    arn: functionArn(name),
    codeHash: S3Key,
    codeDir: codeDir(S3Key),
    handler: properties['Handler'] as string,
    memoryMb: (properties['MemorySize'] as number | undefined) ?? 128,
    timeoutMs: 1000 * ((properties['Timeout'] as number | undefined) ?? 3),
    environment: environment?.Variables ?? {},
    reservedConcurrency: properties['ReservedConcurrentExecutions'] as number | undefined,
    logFormat: logging?.['LogFormat'] ?? 'Text',
    logLevel: logging?.['ApplicationLogLevel'] ?? 'INFO',
  }
}

interface TargetProperties {
  readonly Arn: string
  readonly Input?: string
  readonly RetryPolicy?: { readonly MaximumRetryAttempts?: number }
}

function ruleSpec(scope: Scope, id: string, properties: Properties): RuleSpec {
  const targets = (properties['Targets'] as readonly TargetProperties[] | undefined) ?? []
  return {
    id,
    name: scope.ref(id),
    arn: scope.attribute(id, 'Arn'),
    schedule: properties['ScheduleExpression'] as string | undefined,
    pattern: properties['EventPattern'],
    targets: targets.map(({ Arn, Input, RetryPolicy }) => ({
      functionName: shortReference(Arn),
      input: Input === undefined ? undefined : JSON.parse(Input),
      retries: RetryPolicy?.MaximumRetryAttempts ?? 2,
    })),
  }
}

function queueSpec(scope: Scope, id: string, properties: Properties): QueueSpec {
  const redrive = properties['RedrivePolicy'] as
    | { deadLetterTargetArn: string; maxReceiveCount: number }
    | undefined
  const arn = scope.attribute(id, 'Arn')
  return {
    id,
    name: arn.slice(arn.lastIndexOf(':') + 1),
    arn,
    visibilityMs: 1000 * ((properties['VisibilityTimeout'] as number | undefined) ?? 30),
    deadLetter:
      redrive === undefined
        ? undefined
        : {
            queueName: redrive.deadLetterTargetArn.slice(
              redrive.deadLetterTargetArn.lastIndexOf(':') + 1,
            ),
            maxReceives: redrive.maxReceiveCount,
          },
  }
}

function eventSourceSpec(id: string, properties: Properties): EventSourceSpec {
  const arn = properties['EventSourceArn'] as string
  const scaling = properties['ScalingConfig'] as { MaximumConcurrency?: number } | undefined
  const reports = (properties['FunctionResponseTypes'] as string[] | undefined) ?? []
  return {
    id,
    queueName: arn.slice(arn.lastIndexOf(':') + 1),
    functionName: shortReference(properties['FunctionName'] as string),
    batchSize: (properties['BatchSize'] as number | undefined) ?? 10,
    maxConcurrency: scaling?.MaximumConcurrency ?? 5,
    reportsFailures: reports.includes('ReportBatchItemFailures'),
  }
}

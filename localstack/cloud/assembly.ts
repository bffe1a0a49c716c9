/** A synthesized stack as what is to run: functions, routes, rules and queues, under the names they have here. */
import { readFileSync } from 'node:fs'
import { join, resolve as resolvePath } from 'node:path'

import { type HttpApiSpec, httpApiSpec, type Properties, type ResourcesOf } from './assembly-api.ts'
import { functionArn, functionNameOf } from './function-name.ts'
import { ACCOUNT, REGION, resolve } from './intrinsics.ts'
import type { Scope } from './intrinsics.ts'

export interface FunctionSpec {
  readonly name: string
  readonly arn: string
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

export interface RuleSpec {
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
  readonly name: string
  readonly arn: string
  readonly visibilityMs: number
  readonly deadLetter?: { readonly queueName: string; readonly maxReceives: number } | undefined
}

export interface EventSourceSpec {
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
  readonly httpApis: readonly HttpApiSpec[]
  readonly rules: readonly RuleSpec[]
  readonly queues: readonly QueueSpec[]
  readonly eventSources: readonly EventSourceSpec[]
}

interface Template {
  readonly Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>
  readonly Parameters?: Record<string, { Default?: string }>
  readonly Outputs?: Record<string, { Value: unknown }>
}

interface Manifest {
  readonly artifacts: Record<string, { type: string; properties?: { templateFile?: string } }>
}

interface AssetManifest {
  readonly files: Record<string, { source: { path: string; packaging: string } }>
}

/** Reads the directory that `cdk synth` wrote. `queueUrl` is where a function will find a queue. */
export function readAssembly(
  directory: string,
  { queueUrl }: { queueUrl: (name: string) => string },
): Assembly {
  const template = readTemplate(directory)
  const resources = Object.entries(template.Resources).map(([id, { Type, Properties = {} }]) => ({
    id,
    type: Type,
    properties: Properties,
  }))
  const scope = scopeOf(template, queueUrl)
  const assets = readAssets(directory)
  const of: ResourcesOf = (type) =>
    resources
      .filter((resource) => resource.type === type)
      // Code is known by its asset; its place in a bucket means nothing here.
      .map(({ id, properties: { Code, ...properties } }) => ({
        id,
        properties: { ...(resolve(properties, scope) as Properties), Code },
      }))
  const lambdas = of('AWS::Lambda::Function')

  return {
    bucketName:
      (resolve(template.Outputs?.['BucketName']?.Value, scope) as string | undefined) ??
      of('AWS::S3::Bucket').map(({ id }) => scope.ref(id))[0],
    functions: lambdas.map(({ id, properties }) =>
      functionSpec(scope.ref(id), properties, (key) => codeDirectory(directory, assets, key)),
    ),
    httpApis: of('AWS::ApiGatewayV2::Api').map((api) => httpApiSpec(api, scope.ref(api.id), of)),
    rules: of('AWS::Events::Rule').map(({ id, properties }) => ruleSpec(scope, id, properties)),
    queues: of('AWS::SQS::Queue').map(({ id, properties }) => queueSpec(scope, id, properties)),
    eventSources: of('AWS::Lambda::EventSourceMapping').map(({ properties }) =>
      eventSourceSpec(properties),
    ),
  }
}

function readJson(directory: string, file: string): unknown {
  return JSON.parse(readFileSync(join(directory, file), 'utf8'))
}

function readTemplate(directory: string): Template {
  const { artifacts } = readJson(directory, 'manifest.json') as Manifest
  const files = Object.values(artifacts).flatMap(({ properties }) => properties?.templateFile ?? [])
  if (files.length !== 1) throw new Error(`${files.length} stacks in ${directory}, not one`)
  return readJson(directory, files[0]!) as Template
}

function readAssets(directory: string): AssetManifest['files'] {
  const { artifacts } = readJson(directory, 'manifest.json') as {
    artifacts: Record<string, { type: string; properties?: { file?: string } }>
  }
  return Object.assign(
    {},
    ...Object.values(artifacts)
      .filter(({ type }) => type === 'cdk:asset-manifest')
      .map(
        ({ properties }) => (readJson(directory, properties?.file ?? '') as AssetManifest).files,
      ),
  ) as AssetManifest['files']
}

function codeDirectory(directory: string, assets: AssetManifest['files'], key: string): string {
  const asset = assets[key.replace(/\.zip$/, '')]
  if (asset === undefined) throw new Error(`no asset ${key} in ${directory}`)
  return resolvePath(directory, asset.source.path)
}

/** Physical names where the template gives them, logical ids in lower case where it does not. */
function scopeOf(template: Template, queueUrl: (name: string) => string): Scope {
  const nameOf = (id: string): string => {
    const properties = template.Resources[id]?.Properties ?? {}
    for (const key of ['FunctionName', 'BucketName', 'QueueName', 'LogGroupName', 'Name']) {
      const name = properties[key]
      if (typeof name === 'string') return name
    }
    return id.toLowerCase()
  }
  const scope: Scope = {
    ref(id) {
      const parameter = template.Parameters?.[id]
      if (parameter !== undefined) return parameter.Default ?? ''
      const { Type: type, Properties: properties } = template.Resources[id] ?? {}
      if (type === 'AWS::SQS::Queue') return queueUrl(nameOf(id))
      if (type === 'AWS::Lambda::Version') return qualified(properties, '1')
      if (type === 'AWS::Lambda::Alias') return qualified(properties, nameOf(id))
      return nameOf(id)
    },
    attribute(id, attribute) {
      const type = template.Resources[id]?.Type
      const name = nameOf(id)
      if (attribute !== 'Arn') return name
      if (type === 'AWS::Lambda::Function') return functionArn(name)
      if (type === 'AWS::S3::Bucket') return `arn:aws:s3:::${name}`
      if (type === 'AWS::SQS::Queue') return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`
      if (type === 'AWS::Events::Rule') return `arn:aws:events:${REGION}:${ACCOUNT}:rule/${name}`
      return `arn:aws:local:${REGION}:${ACCOUNT}:${name}`
    },
  }
  const qualified = (properties: Properties | undefined, qualifier: string): string =>
    `${functionArn(functionNameOf(resolve(properties?.['FunctionName'], scope) as string))}:${qualifier}`
  return scope
}

function functionSpec(
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
    name,
    arn: functionArn(name),
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
    name: scope.ref(id),
    arn: scope.attribute(id, 'Arn'),
    schedule: properties['ScheduleExpression'] as string | undefined,
    pattern: properties['EventPattern'],
    targets: targets.map(({ Arn, Input, RetryPolicy }) => ({
      functionName: functionNameOf(Arn),
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

function eventSourceSpec(properties: Properties): EventSourceSpec {
  const arn = properties['EventSourceArn'] as string
  const scaling = properties['ScalingConfig'] as { MaximumConcurrency?: number } | undefined
  const reports = (properties['FunctionResponseTypes'] as string[] | undefined) ?? []
  return {
    queueName: arn.slice(arn.lastIndexOf(':') + 1),
    functionName: functionNameOf(properties['FunctionName'] as string),
    batchSize: (properties['BatchSize'] as number | undefined) ?? 10,
    maxConcurrency: scaling?.MaximumConcurrency ?? 5,
    reportsFailures: reports.includes('ReportBatchItemFailures'),
  }
}

/** Every default of a function of ours, and its own role, which may write its own log and nothing else until it is told. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { Duration, RemovalPolicy, Stage } from 'aws-cdk-lib'
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  Alias,
  ApplicationLogLevel,
  Architecture,
  Code,
  Function,
  type IFunction,
  type IVersion,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'

import { acknowledge, acknowledgeWildcards } from './acknowledge.ts'
import type { KeyKind, MetricsBucket } from './bucket.ts'
import { bundleFunction } from './bundle.ts'
import { RUNTIME_ENVIRONMENT } from './runtime-environment.ts'
import type { StackConfig } from './stack-config.ts'

export interface ThawFunctionProps {
  readonly config: StackConfig
  /** `query` is functions/query.ts, and the function `<stack>-query`. */
  readonly name: string
  readonly description: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly environment: Readonly<Record<string, string>>
  /** Instances that are kept for it, and its most; 0 or nothing: as many as the account has. */
  readonly reservedConcurrency?: number | undefined
  /** What it does has it woken again, until nothing is left to do: Lambda would take that for a loop, and end it after some 16 turns. */
  readonly wakesItself?: boolean | undefined
}

const NAMED_AS_MADE =
  'Objects of one kind: they get ULIDs, hashes and times as names when they are made, so that no policy can list them'

/** What gateway, schedules and queue call: it moves to the new version when that is there. */
export const LIVE = 'live'

export class ThawFunction extends Construct {
  /** `query`: what it does, without the name of the stack. */
  readonly name: string
  readonly memoryMb: number
  readonly logGroup: LogGroup
  /** Its newest code, which nobody calls: see `live`. */
  readonly function: Function
  readonly live: IFunction

  constructor(scope: Construct, id: string, props: ThawFunctionProps) {
    super(scope, id)
    const { config, name } = props
    this.name = name
    this.memoryMb = props.memoryMb
    const functionName = `${config.stackName}-${name}`

    this.logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${functionName} may do`,
    })

    const stage = Stage.of(this)
    const directory = bundleFunction({
      entry: join(config.functionsDir, `${name}.ts`),
      mapsDir: join(stage?.outdir ?? 'cdk.out', 'source-maps', functionName),
    })
    this.function = new Function(this, 'Function', {
      functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(directory),
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      environment: { ...RUNTIME_ENVIRONMENT, ...props.environment },
      ...(props.reservedConcurrency && { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(props.wakesItself && { recursiveLoop: RecursiveLoop.ALLOW }),
      role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      systemLogLevelV2: SystemLogLevel.WARN,
      // Kept when the next one is live, for requests under way and for going back to it; unless the deployment that made it failed,
      // as then the next try could not publish the same again. With the function all of them go.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
    })
    this.live = new Alias(this, 'Live', {
      aliasName: LIVE,
      // CDK's own types disagree about whether a role may be undefined.
      version: this.function.currentVersion as IVersion,
    }) as IFunction
    // The asset is in the assembly by now.
    rmSync(directory, { recursive: true })

    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [this.logGroup.logGroupArn])
    acknowledge(
      this,
      'Serverless-LambdaDLQ',
      'Who asks waits for the answer; what the clock wakes does the next time what it could not; jobs of the queue go to the dead letters of the queue',
    )
    acknowledge(
      this,
      'Serverless-LambdaTracing',
      'A trace is $5 a million and a right on *: logs say how long each step took, and query_explain each operator',
    )
  }

  /** `why` is for resources with a `*`. */
  allow(actions: readonly string[], resources: readonly string[], why?: string): void {
    if (why !== undefined) acknowledgeWildcards(this, resources, why)
    this.function.addToRolePolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: [...actions],
        resources: [...resources],
      }),
    )
  }

  /**
   * Without the right to list, S3 answers 403 and not 404 for a key that is absent, and what is absent is
   * ordinary here: a lookup not built yet, a cached result that expired.
   */
  allowList(bucket: MetricsBucket): void {
    this.allow(['s3:ListBucket'], [bucket.arn])
  }

  allowRead(bucket: MetricsBucket, kinds: readonly KeyKind[]): void {
    this.allow(['s3:GetObject'], bucket.arnsOf(kinds), NAMED_AS_MADE)
  }

  allowWrite(bucket: MetricsBucket, kinds: readonly KeyKind[]): void {
    this.allow(['s3:PutObject'], bucket.arnsOf(kinds), NAMED_AS_MADE)
  }

  allowDelete(bucket: MetricsBucket, kinds: readonly KeyKind[]): void {
    this.allow(['s3:DeleteObject'], bucket.arnsOf(kinds), NAMED_AS_MADE)
  }

  /** Uploads in parts, of what is not known to be small. */
  allowUpload(bucket: MetricsBucket, kinds: readonly KeyKind[]): void {
    this.allow(['s3:PutObject', 's3:AbortMultipartUpload'], bucket.arnsOf(kinds), NAMED_AS_MADE)
  }
}

/** The bucket that is the database: private, encrypted, and kept when the stack goes. */
import { Aws, CfnOutput, Duration, RemovalPolicy } from 'aws-cdk-lib'
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import type { CfnBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import type { StackConfig } from './stack-config.ts'

/** Object keys by what they hold, as patterns of IAM: `?` is one character and a ULID has 26. */
export const KEYS = {
  blocks: `${'?'.repeat(26)}/*`,
  /** With it a block exists. */
  meta: `${'?'.repeat(26)}/meta.json`,
  /** meta.json and the marks beside it. */
  blockMeta: `${'?'.repeat(26)}/*.json`,
  bucketIndex: 'thaw/bucket-index/*',
  lookup: 'thaw/lookup/*',
  /** Who does which job. */
  lease: 'thaw/lease/*',
  /** Blocks that are made in parts. */
  parts: 'thaw/compact/*',
  /** Jobs that are planned. */
  backlog: 'thaw/backlog.json.gz',
  /** What the ruler knows from one tick to the next. */
  ruleState: 'thaw/rule/state.json.gz',
  /** Who may ask. */
  tokens: 'thaw/tokens.json.gz',
  fresh: 'thaw/fresh/*',
  /** Rule files, as they were pushed. */
  ruleFiles: 'thaw/rule/files/*',
  /** States of the ruler that could not be read. */
  ruleBroken: 'thaw/rule/broken/*',
  results: 'thaw/results/*',
  spill: 'thaw/spill/*',
  /** Whether the store keeps the conditions of conditional writes is tried out here. */
  probe: 'thaw/probe/*',
} as const

export type KeyKind = keyof typeof KEYS

export class MetricsBucket extends Construct {
  readonly name: string
  readonly arn: string

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id)
    const { bucketName, bucketArn } =
      config.bucket === ''
        ? this.#create(config)
        : Bucket.fromBucketName(this, 'Existing', config.bucket)
    this.name = bucketName
    this.arn = bucketArn
    if (config.bucket !== '') this.#sayHowToTell()
  }

  arnsOf(kinds: readonly KeyKind[]): string[] {
    return kinds.map((kind) => `${this.arn}/${KEYS[kind]}`)
  }

  /** Thanos's objstore configuration of this bucket, which is how every part of thaw is told where the data is. */
  objstoreConfig(): string {
    return [
      'type: S3',
      'config:',
      `  bucket: ${this.name}`,
      `  endpoint: s3.${Aws.REGION}.${Aws.URL_SUFFIX}`,
      `  region: ${Aws.REGION}`,
      '',
    ].join('\n')
  }

  /** Its settings are its owner's: what the schedule finds within minutes, an event would tell at once. */
  #sayHowToTell(): void {
    const settings = JSON.stringify({ EventBridgeConfiguration: {} })
    const output = new CfnOutput(this, 'TellOfBlocks', {
      description: `Has ${this.name} tell of new blocks and rule files at once; replaces notifications that it has`,
      value: `aws s3api put-bucket-notification-configuration --bucket ${this.name} --notification-configuration '${settings}'`,
    })
    output.overrideLogicalId('TellOfBlocks')
  }

  /** No versioning and no access logs: docs/stack-options.md says why. */
  #create({ writeOnceBlocks }: StackConfig): Bucket {
    const bucket = new Bucket(this, 'Metrics', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        { id: 'spilled-answers', prefix: 'thaw/spill/', expiration: Duration.days(1) },
        { id: 'cached-results', prefix: 'thaw/results/', expiration: Duration.days(7) },
      ],
    })
    if (writeOnceBlocks) bucket.addToResourcePolicy(onceOnly(bucket.arnForObjects(KEYS.meta)))
    acknowledge(
      bucket,
      'AwsSolutions-S1',
      'A query reads hundreds of ranges, and each would be a line: for the time in which it is needed there are data events of CloudTrail',
    )
    // The construct's own `eventBridgeEnabled` would add a function with wildcard rights just to set this one property.
    const resource = bucket.node.defaultChild as CfnBucket
    resource.notificationConfiguration = {
      eventBridgeConfiguration: { eventBridgeEnabled: true },
    }
    return bucket
  }
}

/** Whoever writes has to ask for what is not there: no credentials can put one block in the place of another. Parts of uploads can't ask. */
function onceOnly(objects: string): PolicyStatement {
  return new PolicyStatement({
    sid: 'BlocksAreWrittenOnce',
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: ['s3:PutObject'],
    resources: [objects],
    conditions: {
      Null: { 's3:if-none-match': 'true' },
      Bool: { 's3:ObjectCreationOperation': 'true' },
    },
  })
}

/** The `rule` function: evaluates recording and alerting rules, once a minute. */
import { Duration } from 'aws-cdk-lib'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import { KEYS, type MetricsBucket } from './bucket.ts'
import { secretArns, secretNames } from './rule-secrets.ts'
import type { StackConfig } from './stack-config.ts'
import { ThawFunction } from './thaw-function.ts'

export interface RuleFunctionProps {
  readonly config: StackConfig
  readonly bucket: MetricsBucket
  /** Of the HTTP API: where alerts point to. */
  readonly url: string
}

export class RuleFunction extends ThawFunction {
  constructor(scope: Construct, id: string, { config, bucket, url }: RuleFunctionProps) {
    super(scope, id, {
      config,
      name: 'rule',
      description: 'Evaluates recording and alerting rules',
      memoryMb: config.ruleMemoryMb,
      // Usually seconds. What does not fit is done in the next tick; one that is killed holds up others for no longer.
      timeoutSeconds: 120,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
        THAW_RULE_FLAGS: config.ruleFlags,
        THAW_EXTERNAL_URL: url,
        THAW_RULE_SECRETS: secretNames(config.ruleSecrets),
      },
    })
    this.allowList(bucket)
    const queried = ['blocks', 'bucketIndex', 'lookup', 'fresh'] as const
    this.allowRead(bucket, [...queried, 'ruleFiles', 'ruleState', 'probe'])
    this.allowWrite(bucket, ['lookup', 'fresh', 'ruleState', 'ruleBroken', 'probe'])
    this.allowDelete(bucket, ['fresh', 'probe'])
    const arns = secretArns(config.ruleSecrets)
    if (arns.length > 0) this.allow(['secretsmanager:GetSecretValue'], arns)

    const everyMinute = new Rule(this, 'EveryMinute', {
      ruleName: `${config.stackName}-rule`,
      description: 'A tick of the ruler',
      schedule: Schedule.rate(Duration.minutes(1)),
    })
    // The next minute makes good for a tick that was lost.
    const target = new LambdaFunction(this.live, {
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
    })
    everyMinute.addTarget(target)
    const changed = new Rule(this, 'FileChanged', {
      ruleName: `${config.stackName}-rule-file`,
      description: 'A rule file came, changed or went: rules look at them all',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created', 'Object Deleted'],
        detail: {
          bucket: { name: [bucket.name] },
          object: { key: [{ prefix: KEYS.ruleFiles.replace('*', '') }] },
        },
      },
    })
    changed.addTarget(target)
    acknowledge(
      this,
      'Serverless-EventBusDLQ',
      'The next tick does what was lost with one, and an alarm tells of ticks that fail',
    )
  }
}

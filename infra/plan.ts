/** The `plan` function: keeps the bucket index true and plans jobs, by the clock and whenever a block arrives. */
import { Duration } from 'aws-cdk-lib'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import type { MetricsBucket } from './bucket.ts'
import type { JobQueue } from './job-queue.ts'
import type { StackConfig } from './stack-config.ts'
import { ThawFunction } from './thaw-function.ts'

export class PlanFunction extends ThawFunction {
  constructor(
    scope: Construct,
    id: string,
    { config, bucket, jobs }: { config: StackConfig; bucket: MetricsBucket; jobs: JobQueue },
  ) {
    super(scope, id, {
      config,
      name: 'plan',
      description: 'Keeps the bucket index true, and says what is to be done',
      memoryMb: 1024,
      timeoutSeconds: 300,
      wakesItself: true,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
        THAW_COMPACT_FLAGS: config.compactFlags,
        // Without a queue it keeps the bucket index true and plans nothing.
        THAW_QUEUE_URL: config.compaction ? jobs.queue.queueUrl : '',
      },
    })
    this.allowList(bucket)
    // S3 asks for the right to read where a write has an ETag as its condition: `probe` for that alone.
    this.allowRead(bucket, [
      'blockMeta',
      'bucketIndex',
      'lease',
      'parts',
      'backlog',
      'ruleState',
      'probe',
    ])
    this.allowWrite(bucket, ['bucketIndex', 'backlog', 'probe'])
    this.allowDelete(bucket, ['bucketIndex', 'probe'])
    if (config.compaction) this.allow(['sqs:SendMessage'], [jobs.queue.queueArn])

    // A run that was lost is made good by the next one, so an old event is not worth a second try.
    const target = new LambdaFunction(this.live, {
      retryAttempts: 1,
      maxEventAge: Duration.minutes(5),
    })
    const clock = new Rule(this, 'EveryFiveMinutes', {
      ruleName: `${config.stackName}-plan`,
      description: 'Finds what no event told of',
      schedule: Schedule.rate(Duration.minutes(5)),
    })
    clock.addTarget(target)
    const arrival = new Rule(this, 'BlockArrived', {
      ruleName: `${config.stackName}-block-arrived`,
      description: 'meta.json is the last object of a block',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { bucket: { name: [bucket.name] }, object: { key: [{ suffix: '/meta.json' }] } },
      },
    })
    arrival.addTarget(target)
    acknowledge(
      this,
      'Serverless-EventBusDLQ',
      'The next run does what was lost with one, and an alarm tells of runs that fail',
    )
  }
}

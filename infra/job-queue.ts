/** The queue from `plan` to `compact`, and what is kept of jobs that never succeed. */
import { Duration } from 'aws-cdk-lib'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import type { StackConfig } from './stack-config.ts'

/** Of one job: the longest that Lambda allows. */
export const JOB_TIMEOUT_SECONDS = 900
/** A job that failed so often is put aside for people to see; `plan` sends it again while it still makes sense. */
const MAX_RECEIVES = 3

export class JobQueue extends Construct {
  readonly queue: Queue
  readonly deadLetters: Queue

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id)
    const encrypted = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true }
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...encrypted,
      queueName: `${config.stackName}-dead-jobs`,
      retentionPeriod: Duration.days(14),
    })
    acknowledge(this.deadLetters, 'Serverless-SQSRedrivePolicy', 'These are the dead letters')
    this.queue = new Queue(this, 'Queue', {
      ...encrypted,
      queueName: `${config.stackName}-jobs`,
      // A message whose function died comes back when no function can be at it any more.
      visibilityTimeout: Duration.seconds(JOB_TIMEOUT_SECONDS + 60),
      // Older ones were planned again meanwhile.
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES },
    })
  }
}

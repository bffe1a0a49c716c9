/** The `compact` function: does the jobs of the queue, one at a time in each of a few instances. */
import type { Construct } from 'constructs'

import { acknowledge } from './acknowledge.ts'
import type { MetricsBucket } from './bucket.ts'
import { JOB_TIMEOUT_SECONDS, type JobQueue } from './job-queue.ts'
import type { StackConfig } from './stack-config.ts'
import { ThawFunction } from './thaw-function.ts'

export interface CompactFunctionProps {
  readonly config: StackConfig
  readonly bucket: MetricsBucket
  readonly jobs: JobQueue
}

export class CompactFunction extends ThawFunction {
  constructor(scope: Construct, id: string, { config, bucket, jobs }: CompactFunctionProps) {
    super(scope, id, {
      config,
      name: 'compact',
      description: 'Merges, downsamples and deletes blocks',
      memoryMb: config.compactMemoryMb,
      timeoutSeconds: JOB_TIMEOUT_SECONDS,
      wakesItself: true,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
        THAW_COMPACT_FLAGS: config.compactFlags,
      },
    })
    this.allowList(bucket)
    this.allowRead(bucket, ['blocks', 'bucketIndex', 'fresh', 'lease', 'parts'])
    this.allowUpload(bucket, ['blocks', 'parts'])
    this.allowWrite(bucket, ['lookup', 'lease', 'fresh'])
    this.allowDelete(bucket, ['blocks', 'lookup', 'fresh', 'lease', 'parts'])
    // With the event source construct the role could do more with the queue than Lambda ever does.
    this.allow(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      [jobs.queue.queueArn],
    )
    this.live.addEventSourceMapping('Jobs', {
      eventSourceArn: jobs.queue.queueArn,
      batchSize: 1,
      maxConcurrency: config.compactConcurrency,
    })
    acknowledge(
      this,
      'Serverless-LambdaEventSourceMappingDestination',
      'What fails three times goes to the dead letters of the queue',
    )
  }
}

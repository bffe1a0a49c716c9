/** The whole of thaw on AWS: a bucket, the functions that work on it, and what wakes them. */
/* oxlint-disable no-new -- a construct adds itself to its scope. */
import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

import { Alarms } from './alarms.ts'
import { AuthorizeFunction } from './authorizer.ts'
import { MetricsBucket } from './bucket.ts'
import { CompactFunction } from './compact.ts'
import { Dashboard } from './dashboard.ts'
import { FrontDoor } from './http-api.ts'
import { JobQueue } from './job-queue.ts'
import { LogMetrics } from './log-metrics.ts'
import { PlanFunction } from './plan.ts'
import { QueryFunction } from './query.ts'
import { RuleFunction } from './rule.ts'
import type { StackConfig } from './stack-config.ts'
import { StoreFunction } from './store.ts'
import { StreamingDoor } from './streaming-door.ts'

export class ThawStack extends Stack {
  constructor(scope: Construct, id: string, { config }: { config: StackConfig }) {
    super(scope, id, {
      description: 'Prometheus metrics in S3, queried with no server running',
      // CloudFormation puts them on all that can have them.
      tags: { ...config.tags },
    })

    const bucket = new MetricsBucket(this, 'Bucket', config)
    const store = new StoreFunction(this, 'Store', { config, bucket })
    const query = new QueryFunction(this, 'Query', { config, bucket, store })
    const jobs = new JobQueue(this, 'Jobs', config)
    const plan = new PlanFunction(this, 'Plan', { config, bucket, jobs })
    const compact = new CompactFunction(this, 'Compact', { config, bucket, jobs })
    const authorize =
      config.authorizer === 'tokens'
        ? new AuthorizeFunction(this, 'Authorize', { config, bucket })
        : undefined
    const door = new FrontDoor(this, 'HttpApi', { config, query, authorize })
    const rule = new RuleFunction(this, 'Rule', { config, bucket, url: door.url })

    const stream = config.streamingDoor
      ? new StreamingDoor(this, 'Stream', { config, bucket, store })
      : undefined
    if (stream) {
      const { url } = stream
      query.pointTo(url)
      new CfnOutput(this, 'StreamUrl', { value: url, description: 'For answers of up to 200 MB' })
    }

    const functions = { query, store, plan, compact, rule, authorize, stream }
    const watched = { config, bucket, jobs, apiId: door.apiId, ...functions }
    const logMetrics = new LogMetrics(this, 'LogMetrics', watched)
    const { names: alarms } = new Alarms(this, 'Alarms', { watched, logMetrics })
    if (config.dashboard) new Dashboard(this, 'Dashboard', { watched, logMetrics, alarms })

    new CfnOutput(this, 'Url', { value: door.url, description: 'Data source URL for Grafana' })
    new CfnOutput(this, 'BucketName', { value: bucket.name, description: 'Where agents ship to' })
  }
}

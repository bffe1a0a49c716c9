/** What alarms and the dashboard look at, and the metrics that AWS has of it. */
import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Queue } from 'aws-cdk-lib/aws-sqs'

import type { MetricsBucket } from './bucket.ts'
import type { JobQueue } from './job-queue.ts'
import type { StackConfig } from './stack-config.ts'
import type { ThawFunction } from './thaw-function.ts'

export interface Watched {
  readonly config: StackConfig
  readonly bucket: MetricsBucket
  readonly jobs: JobQueue
  /** Of the HTTP API. */
  readonly apiId: string
  readonly query: ThawFunction
  readonly store: ThawFunction
  readonly plan: ThawFunction
  readonly compact: ThawFunction
  readonly rule: ThawFunction
  /** Undefined: IAM lets in. */
  readonly authorize: ThawFunction | undefined
  /** Undefined: there is one door. */
  readonly stream: ThawFunction | undefined
}

export function functionsOf(watched: Watched): readonly ThawFunction[] {
  const { query, store, plan, compact, rule, authorize, stream } = watched
  return [query, store, plan, compact, rule, authorize, stream].filter(isThere)
}

export function isThere(one: ThawFunction | undefined): one is ThawFunction {
  return one !== undefined
}

export type LambdaMetric =
  | 'Invocations'
  | 'Errors'
  | 'Throttles'
  | 'Duration'
  | 'ConcurrentExecutions'

/** Of all versions and aliases of a function together. */
export function functionMetric(
  { function: { functionName } }: ThawFunction,
  metricName: LambdaMetric,
  statistic: string,
  period: Duration,
): Metric {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: functionName },
    statistic,
    period,
  })
}

/** Of all functions of the account in this region, ours or not: they share one limit. */
export function accountMetric(
  metricName: LambdaMetric,
  statistic: string,
  period: Duration,
): Metric {
  return new Metric({ namespace: 'AWS/Lambda', metricName, statistic, period })
}

/** HTTP APIs have other names than REST APIs. */
export type ApiMetric = 'Count' | '4xx' | '5xx' | 'Latency' | 'IntegrationLatency'

export function apiMetric(
  { apiId }: Watched,
  metricName: ApiMetric,
  statistic: string,
  period: Duration,
): Metric {
  return new Metric({
    namespace: 'AWS/ApiGateway',
    metricName,
    dimensionsMap: { ApiId: apiId, Stage: '$default' },
    statistic,
    period,
  })
}

export type QueueMetric =
  | 'ApproximateNumberOfMessagesVisible'
  | 'ApproximateNumberOfMessagesNotVisible'
  | 'ApproximateAgeOfOldestMessage'

export function queueMetric(
  { queueName }: Queue,
  metricName: QueueMetric,
  period: Duration,
): Metric {
  return new Metric({
    namespace: 'AWS/SQS',
    metricName,
    dimensionsMap: { QueueName: queueName },
    statistic: 'Maximum',
    period,
  })
}

/** Of the bucket's objects in the standard class, once a day. */
export function storedBytes({ bucket }: Watched): Metric {
  return new Metric({
    namespace: 'AWS/S3',
    metricName: 'BucketSizeBytes',
    dimensionsMap: { BucketName: bucket.name, StorageType: 'StandardStorage' },
    statistic: 'Average',
    period: Duration.days(1),
  })
}

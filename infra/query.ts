/** The `query` function: the HTTP API of Prometheus and Thanos, which cuts a query into slices and joins the answers. */
import type { Construct } from 'constructs'

import type { MetricsBucket } from './bucket.ts'
import type { StackConfig } from './stack-config.ts'
import type { StoreFunction } from './store.ts'
import { ThawFunction } from './thaw-function.ts'

export interface QueryFunctionProps {
  readonly config: StackConfig
  readonly bucket: MetricsBucket
  readonly store: StoreFunction
}

export class QueryFunction extends ThawFunction {
  constructor(scope: Construct, id: string, { config, bucket, store }: QueryFunctionProps) {
    super(scope, id, {
      config,
      name: 'query',
      description: 'Prometheus and Thanos HTTP API over the bucket',
      memoryMb: config.queryMemoryMb,
      // One second less than the gateway gives: the function's own answer reaches the client.
      timeoutSeconds: 29,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
        THAW_QUERY_FLAGS: config.queryFlags,
        // The version of this deployment, so that slices and frames are always between equals.
        THAW_STORE_FUNCTION: store.function.currentVersion.functionArn,
      },
    })
    // Invoking with a response stream is the same right. All versions, as a role is of all versions: older ones of `query` call older ones.
    this.allow(['lambda:InvokeFunction'], [`${store.function.functionArn}:*`])
    this.allowList(bucket)
    // A lone small slice is evaluated in place, so this reads what `store` reads.
    const inPlace = ['blocks', 'bucketIndex', 'lookup', 'fresh', 'results', 'spill'] as const
    this.allowRead(bucket, [...inPlace, 'backlog', 'ruleState'])
    this.allowWrite(bucket, ['lookup', 'results'])
  }
}

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
      reservedConcurrency: config.queryConcurrency,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
        THAW_QUERY_FLAGS: config.queryFlags,
        // The version of this deployment, so that slices and frames are always between equals.
        THAW_STORE_FUNCTION: store.function.currentVersion.functionArn,
      },
    })
    allowQueries(this, bucket, store)
  }

  /** What is too large for the gateway can be asked for there. */
  pointTo(streamUrl: string): void {
    this.function.addEnvironment('THAW_STREAM_URL', streamUrl)
  }
}

/** What answering a query takes. */
export function allowQueries(
  asker: ThawFunction,
  bucket: MetricsBucket,
  store: StoreFunction,
): void {
  // Invoking with a response stream is the same right. All versions, as a role is of all versions: older ones of `query` call older ones.
  asker.allow(
    ['lambda:InvokeFunction'],
    [`${store.function.functionArn}:*`],
    'All versions of one function: older versions of this one call older ones of that',
  )
  asker.allowList(bucket)
  // A lone small slice is evaluated in place, so this reads what `store` reads.
  const inPlace = ['blocks', 'bucketIndex', 'lookup', 'fresh', 'results', 'spill'] as const
  asker.allowRead(bucket, [...inPlace, 'backlog', 'ruleState'])
  asker.allowWrite(bucket, ['lookup', 'results'])
}

/**
 * The second door, where it is wanted: a function URL whose answers are streamed, up to 200 MB and for 15 minutes, where the gateway ends at 6 MB
 * and 30 seconds. A function of its own, as its time limit, its role and what it costs to leave open are its own.
 */
import { FunctionUrlAuthType, InvokeMode } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'

import type { MetricsBucket } from './bucket.ts'
import { allowQueries } from './query.ts'
import type { StackConfig } from './stack-config.ts'
import type { StoreFunction } from './store.ts'
import { ThawFunction } from './thaw-function.ts'

export interface StreamingDoorProps {
  readonly config: StackConfig
  readonly bucket: MetricsBucket
  readonly store: StoreFunction
}

/** The longest that Lambda allows, and what an answer may take of it. */
const TIMEOUT_SECONDS = 900
const DEADLINE_SECONDS = 870

/** There is time for many, of a size that `store` does within its own; `--query-range.max-query-parallelism` of them at a time. */
const MAX_SLICES = 512

export class StreamingDoor extends ThawFunction {
  /** Ends with a slash. */
  readonly url: string

  constructor(scope: Construct, id: string, { config, bucket, store }: StreamingDoorProps) {
    const asksForTokens = config.authorizer === 'tokens'
    super(scope, id, {
      config,
      name: 'stream',
      description: 'Prometheus and Thanos HTTP API over the bucket, streamed',
      memoryMb: config.queryMemoryMb,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
        // What an operator says of the same flag comes later, and so it counts.
        THAW_QUERY_FLAGS: `--query.timeout=${DEADLINE_SECONDS}s ${config.queryFlags}`.trim(),
        // Of this deployment, as that of `query` is.
        THAW_STORE_FUNCTION: store.function.currentVersion.functionArn,
        THAW_QUERY_DEADLINE_MS: String(1000 * DEADLINE_SECONDS),
        THAW_MAX_SLICES: String(MAX_SLICES),
        // Nobody in front of a function URL knows tokens.
        ...(asksForTokens && { THAW_VERIFY_TOKENS: 'true' }),
      },
    })
    allowQueries(this, bucket, store)
    if (asksForTokens) this.allowRead(bucket, ['tokens'])
    this.url = this.live.addFunctionUrl({
      authType: asksForTokens ? FunctionUrlAuthType.NONE : FunctionUrlAuthType.AWS_IAM,
      invokeMode: InvokeMode.RESPONSE_STREAM,
    }).url
  }
}

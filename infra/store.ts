/** The `store` function: reads blocks and evaluates one slice of a query. */
import type { Construct } from 'constructs'

import type { MetricsBucket } from './bucket.ts'
import type { StackConfig } from './stack-config.ts'
import { ThawFunction } from './thaw-function.ts'

export class StoreFunction extends ThawFunction {
  constructor(
    scope: Construct,
    id: string,
    { config, bucket }: { config: StackConfig; bucket: MetricsBucket },
  ) {
    super(scope, id, {
      config,
      name: 'store',
      description: 'Evaluates one slice of a query over the blocks in the bucket',
      memoryMb: config.storeMemoryMb,
      timeoutSeconds: 29,
      reservedConcurrency: config.storeConcurrency,
      environment: {
        THAW_OBJSTORE_CONFIG: bucket.objstoreConfig(),
      },
    })
    this.allowList(bucket)
    // `spill` to see whether an upload is there whose last answer was lost.
    this.allowRead(bucket, ['blocks', 'lookup', 'fresh', 'spill'])
    this.allowWrite(bucket, ['lookup'])
    this.allowUpload(bucket, ['spill'])
  }
}

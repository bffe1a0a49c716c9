/** The contract of a bucket on real S3 servers. */
import { afterAll, beforeAll, describe } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findS3Peers } from '#test/peer/s3-peers.ts'
import { createBucket, type S3Server } from '#test/peer/s3-server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'

for (const { name, start, skips } of await findS3Peers()) {
  if (isMissing(start)) {
    describeSkipped(name, start)
    continue
  }
  describe(`on ${name}`, () => {
    let server: S3Server

    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => server?.stop())

    bucketContract(
      's3Bucket',
      async () =>
        openBucket({
          type: 'S3',
          s3: await createBucket(server, 'contract'),
          prefix: '',
          ignored: [],
        }),
      skips,
    )

    bucketContract(
      'prefixed s3Bucket',
      async () =>
        openBucket({
          type: 'S3',
          s3: await createBucket(server, 'contract-prefixed'),
          prefix: 'metrics/eu',
          ignored: [],
        }),
      skips,
    )
  })
}

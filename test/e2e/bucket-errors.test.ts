/** What real S3 servers say when something is wrong, as thaw's errors. */
import { DeleteBucketCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectKeys } from '#test/bucket/listing.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findS3Peers } from '#test/peer/s3-peers.ts'
import { createBucket, s3ClientOf, s3ConfigOf, type S3Server } from '#test/peer/s3-server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { CorruptError, DomainError, NotFoundError } from '#lib/model/errors.ts'

for (const { name, start, checksSignatures, makesBuckets } of await findS3Peers()) {
  if (isMissing(start)) {
    describeSkipped(name, start)
    continue
  }
  describe(`on ${name}`, () => {
    let server: S3Server
    let good: S3Config

    beforeAll(async () => {
      server = await start()
      good = await createBucket(server, 'errors')
    })
    afterAll(async () => server?.stop())

    const open = async (s3: S3Config): Promise<Bucket> =>
      openBucket({ type: 'S3', s3, prefix: '', ignored: [] }, { retry: { attempts: 1 } })

    async function failures(bucket: Bucket): Promise<string[]> {
      const errors = await Promise.all(
        [
          bucket.get('a'),
          bucket.put('a', new Uint8Array([1])),
          collectKeys(bucket, ''),
          bucket.putStream('a', twoParts()),
        ].map((promise) => promise.then(() => 'done').catch((e: unknown) => e)),
      )
      return errors.map((error) => (error instanceof DomainError ? error.kind : String(error)))
    }

    it('calls a wrong secret unauthorized', async (context) => {
      if (!checksSignatures) context.skip(`${name} takes any credentials`)
      const bucket = await open({ ...good, secretKey: 'wrong-secret' })
      expect(await failures(bucket)).toEqual(Array(4).fill('unauthorized'))
      await expect(bucket.get('a')).rejects.toThrow(
        /SignatureDoesNotMatch .*, check secret_key and session_token/,
      )
    })

    it('calls an unknown access key unauthorized', async (context) => {
      if (!checksSignatures) context.skip(`${name} takes any credentials`)
      const bucket = await open({ ...good, accessKey: 'nobody' })
      expect(await failures(bucket)).toEqual(Array(4).fill('unauthorized'))
      await expect(bucket.get('a')).rejects.toThrow(/InvalidAccessKeyId .*, check access_key/)
    })

    it('names a bucket that is not there', async (context) => {
      if (makesBuckets) context.skip(`${name} makes a bucket when it is written to`)
      const bucket = await open(s3ConfigOf(server, 'nowhere'))
      expect(await failures(bucket)).toEqual(Array(4).fill('not-found'))
      const error = await bucket.get('a').catch((e: unknown) => e)
      expect(error).not.toBeInstanceOf(NotFoundError)
      expect((error as Error).message).toBe(
        `no bucket s3://nowhere at http://${server.endpoint}, create the bucket or correct its name`,
      )
    })

    it('names a bucket that goes away in the middle', async (context) => {
      if (makesBuckets) context.skip(`${name} makes a bucket when it is written to`)
      const bucket = await open(await createBucket(server, 'short-lived'))
      await bucket.put('a', new Uint8Array([1]))
      await bucket.delete('a')
      await s3ClientOf(server).send(new DeleteBucketCommand({ Bucket: 'short-lived' }))
      expect(await failures(bucket)).toEqual(Array(4).fill('not-found'))
      await expect(bucket.get('a')).rejects.toThrow(/^no bucket s3:\/\/short-lived at /)
    })

    it('rejects a range of an object that is shorter than its index said', async () => {
      const bucket = await open(good)
      await bucket.put('short', new Uint8Array(10))
      const error = await bucket.getRange('short', 4, 20).catch((e: unknown) => e)
      expect(error).toBeInstanceOf(CorruptError)
      expect((error as Error).message).toBe(
        'short: bytes 4..20 wanted, the object has 10 at byte 10',
      )
    })

    it('finds the conditions of writes kept', async () => {
      const bucket = await open(good)
      await checkConditionalWrites(bucket, { id: '01HZZZ' })
      expect(await collectKeys(bucket, 'thaw/')).toEqual([])
    })

    it('leaves no upload behind when a stream fails', async () => {
      const bucket = await open(good)
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(20 * 1024 * 1024)
        throw new Error('the source broke')
      }
      await expect(bucket.putStream('broken', broken())).rejects.toThrow('the source broke')
      const { ListMultipartUploadsCommand } = await import('@aws-sdk/client-s3')
      const { Uploads } = await s3ClientOf(server).send(
        new ListMultipartUploadsCommand({ Bucket: good.bucket, Prefix: 'broken' }),
      )
      expect(Uploads ?? []).toEqual([])
    })
  })
}

async function* twoParts(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(9 * 1024 * 1024)
  yield new Uint8Array(9 * 1024 * 1024)
}

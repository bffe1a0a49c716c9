/** The policy of a bucket in AWS. */
import { GetBucketPolicyCommand } from '@aws-sdk/client-s3'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { connectS3 } from './s3-client.ts'
import { s3CodeOf, s3Error } from './s3-errors.ts'

/** Other stores have other ones, or none. */
export function isInAws(config: S3Config): boolean {
  const { client, store } = connectS3(config)
  client.destroy()
  return store === `s3://${config.bucket}`
}

/** Its JSON; '' where there is none. */
export async function bucketPolicy(config: S3Config, signal: AbortSignal): Promise<string> {
  const { client, store } = connectS3(config)
  try {
    const command = new GetBucketPolicyCommand({ Bucket: config.bucket })
    return (await client.send(command, { abortSignal: signal })).Policy ?? ''
  } catch (error) {
    if (s3CodeOf(error) === 'NoSuchBucketPolicy') return ''
    throw s3Error(error, { store, action: 's3:GetBucketPolicy', signal })
  } finally {
    client.destroy()
  }
}

/** What all S3 servers for tests have in common once they run. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import type { PeerServer } from './server.ts'

export interface S3Server extends Pick<PeerServer, 'log' | 'stop'> {
  /** `127.0.0.1:port`, plain HTTP. */
  readonly endpoint: string
  /** The only one that it is asked for in; undefined: any. */
  readonly region?: string | undefined
  readonly accessKey: string
  readonly secretKey: string
}

export function s3ConfigOf(server: S3Server, bucket: string): S3Config {
  const { endpoint, accessKey, secretKey, region = 'us-east-1' } = server
  return { bucket, endpoint, accessKey, secretKey, insecure: true, region }
}

/** For everything a test must do behind the back of the code under test. */
export function s3ClientOf(server: S3Server): S3Client {
  return new S3Client({
    endpoint: `http://${server.endpoint}`,
    region: server.region ?? 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

export async function createBucket(server: S3Server, bucket: string): Promise<S3Config> {
  await s3ClientOf(server).send(new CreateBucketCommand({ Bucket: bucket }))
  return s3ConfigOf(server, bucket)
}

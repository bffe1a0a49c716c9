/** HEAD, whose answer has no body: where it is refused, the reason is asked for by GET. */
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3'
import { NotFoundError } from '#lib/model/errors.ts'
import { discardBody } from './s3-body.ts'
import { s3CodeOf, statusOf } from './s3-errors.ts'
import type { HttpOptions, S3Requests } from './s3-requests.ts'

/** Rejects with NotFoundError, and with errors of the SDK, which `S3Requests.send` is to read. */
export async function headObject(
  { client, bucket, customerKey }: S3Requests,
  key: string,
  http: HttpOptions,
): Promise<HeadObjectCommandOutput> {
  const place = { Bucket: bucket, Key: key, ...customerKey }
  try {
    return await client.send(new HeadObjectCommand(place), http)
  } catch (error) {
    // Of whatever type the answer says that its missing body is.
    if (statusOf(error) === 404) throw new NotFoundError(key, { cause: error })
    if (!isRefusedWithoutReason(error)) throw error
    // One byte: a code and a sentence come where it is refused too.
    const { Body } = await client.send(new GetObjectCommand({ ...place, Range: 'bytes=0-0' }), http)
    discardBody(Body)
    throw error
  }
}

function isRefusedWithoutReason(error: unknown): boolean {
  const status = statusOf(error)
  return s3CodeOf(error) === '' && (status === 400 || status === 401 || status === 403)
}

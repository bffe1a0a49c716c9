/** What a store says of itself in the header of any answer: where the bucket is, and what time it is. */
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { connectS3 } from './s3-client.ts'
import { s3Error } from './s3-errors.ts'

export interface StoreAnswer {
  /** Of the bucket. Only S3 says it. */
  readonly region?: string | undefined
  /** That requests are signed for. */
  readonly askedRegion?: string | undefined
  /** Its clock less that of this machine. */
  readonly clockAheadMs?: number | undefined
}

/** Seconds are all that the header has. */
const HALF_SECOND_MS = 500

/** Asked without credentials: a refusal has the same header. Rejects where nothing answers. */
export async function askStore(
  config: S3Config,
  now: () => number,
  signal: AbortSignal,
): Promise<StoreAnswer> {
  const { client, store } = connectS3({ ...config, accessKey: 'nobody', secretKey: 'nobody' })
  let headers: Readonly<Record<string, string>> | undefined
  let clockAheadMs: number | undefined
  client.middlewareStack.add(
    (next) => async (args) => {
      delete (args.request as { headers: Record<string, string> }).headers['authorization']
      const askedMs = now()
      const result = await next(args)
      // The first answer: another region's is followed behind our back.
      if (headers === undefined) {
        headers = (result.response as { headers?: Record<string, string> }).headers ?? {}
        const storeMs = Date.parse(headers['date'] ?? '') + HALF_SECOND_MS
        if (!Number.isNaN(storeMs)) clockAheadMs = storeMs - (askedMs + now()) / 2
      }
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'doctorSeesHeaders' },
  )
  try {
    await client.send(new HeadBucketCommand({ Bucket: config.bucket }), { abortSignal: signal })
  } catch (error) {
    if (headers === undefined) throw s3Error(error, { store, signal })
  } finally {
    client.destroy()
  }
  const askedRegion = await client.config.region()
  return { region: headers?.['x-amz-bucket-region'], askedRegion, clockAheadMs }
}

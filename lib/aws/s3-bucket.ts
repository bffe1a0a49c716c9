/** A bucket of S3 or of a store that speaks its protocol. Importing this file loads the AWS SDK. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import type {
  Bucket,
  BucketObject,
  BucketTail,
  ListPage,
  ObjectInfo,
  PutOptions,
} from '#lib/bucket/bucket.ts'
import { OBJECT_STORE_READ_GAP } from '#lib/bucket/bucket.ts'
import { throwIfAborted } from '#lib/bucket/cancellation.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import {
  checkKey,
  checkPut,
  checkRange,
  checkTail,
  shortObject,
} from '#lib/bucket/request-check.ts'
import type { RetryPolicy } from '#lib/bucket/retry.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import { ConflictError, DomainError, NotFoundError } from '#lib/model/errors.ts'
import type { Denial } from './denials.ts'
import { discardBody, readBody } from './s3-body.ts'
import { connectS3 } from './s3-client.ts'
import { notS3, s3CodeOf, statusOf } from './s3-errors.ts'
import { headObject } from './s3-head.ts'
import { writeStream } from './s3-multipart.ts'
import { S3Requests } from './s3-requests.ts'
import { customerKey, writeSettings } from './s3-write-settings.ts'

/** Small enough for a function of 256 MB, large enough that a chunk segment of 512 MB is 64 requests. */
const PART_SIZE = 8 * 1024 * 1024

export interface S3BucketOptions {
  /** For the parts of a stream, which no wrapper can ask for again. All other requests are tried once. */
  readonly retry: RetryPolicy
  /** Told of each request that is refused for want of a right. */
  readonly denied?: ((denial: Denial) => void) | undefined
}

export function s3Bucket(config: S3Config, { retry, denied }: S3BucketOptions): Bucket {
  const { client, store, isPlain } = connectS3(config)
  const requests = new S3Requests({
    client,
    bucket: config.bucket,
    store,
    isPlain,
    writeSettings: writeSettings(config),
    customerKey: customerKey(config),
    denied,
  })
  const place = { Bucket: config.bucket }
  const sse = requests.customerKey

  async function put(
    key: string,
    body: Uint8Array,
    options: PutOptions | undefined,
  ): Promise<{ etag: string }> {
    const { signal } = options ?? {}
    try {
      const { ETag } = await requests.send('s3:PutObject', key, signal, (http) =>
        client.send(
          new PutObjectCommand({
            ...place,
            Key: key,
            Body: body,
            ContentLength: body.length,
            ContentType: options?.contentType,
            ...requests.conditions(options),
            ...requests.writeSettings,
            ...sse,
          }),
          http,
        ),
      )
      return { etag: requests.objectEtag(ETag, key) }
    } catch (error) {
      throw lostCondition(error, key, options)
    }
  }

  async function getObject(
    key: string,
    signal: AbortSignal | undefined,
    unlessEtag?: string,
  ): Promise<BucketObject | undefined> {
    return requests.send('s3:GetObject', key, signal, async (http) => {
      try {
        const { Body, ContentLength, ETag } = await client.send(
          new GetObjectCommand({ ...place, Key: key, IfNoneMatch: unlessEtag, ...sse }),
          http,
        )
        return { body: await readBody(Body, ContentLength), etag: requests.objectEtag(ETag, key) }
      } catch (error) {
        if (unlessEtag !== undefined && statusOf(error) === 304) return undefined
        throw error
      }
    })
  }

  async function head(key: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
    const { ContentLength, ETag, LastModified } = await requests.send(
      's3:GetObject',
      key,
      signal,
      (http) => headObject(requests, key, http),
    )
    return {
      key,
      size: ContentLength ?? 0,
      etag: requests.objectEtag(ETag, key),
      lastModifiedMs: LastModified?.getTime() ?? 0,
    }
  }

  return {
    name: store,
    readGap: OBJECT_STORE_READ_GAP,

    async get(key, options) {
      checkKey(key)
      return (await getObject(key, options?.signal))!
    },

    async getIfChanged(key, etag, options) {
      checkKey(key)
      return getObject(key, options?.signal, etag)
    },

    async getRange(key, start, end, options) {
      checkRange(key, start, end)
      throwIfAborted(options?.signal)
      if (start === end) return new Uint8Array(0)
      return requests.send('s3:GetObject', key, options?.signal, async (http) => {
        let answer
        try {
          answer = await client.send(
            new GetObjectCommand({
              ...place,
              Key: key,
              Range: `bytes=${start}-${end - 1}`,
              ...sse,
            }),
            http,
          )
        } catch (error) {
          if (isBehindEnd(error)) throw shortObject(key, start, end, undefined, { cause: error })
          throw error
        }
        if (answer.ETag === undefined) {
          discardBody(answer.Body)
          throw notS3(requests.place(key))
        }
        const range = parseContentRange(answer.ContentRange)
        const got = range ?? {
          start: 0,
          end: answer.ContentLength ?? -1,
          size: answer.ContentLength,
        }
        if (got.start === start && got.end < end) {
          discardBody(answer.Body)
          throw shortObject(key, start, end, got.size)
        }
        if (got.start !== start || got.end !== end) {
          discardBody(answer.Body)
          throw new DomainError(
            'unsupported',
            `${store}: bytes ${start}..${end} of ${key} wanted, ${got.start}..${got.end} given`,
          )
        }
        return readBody(answer.Body, end - start)
      })
    },

    async getTail(key, length, options) {
      checkTail(key, length)
      const emptyTail = async (): Promise<BucketTail> => {
        const { size, etag } = await head(key, options?.signal)
        return { body: new Uint8Array(0), size, etag }
      }
      if (length === 0) return emptyTail()
      const tail = await requests.send('s3:GetObject', key, options?.signal, async (http) => {
        try {
          const answer = await client.send(
            new GetObjectCommand({ ...place, Key: key, Range: `bytes=-${length}`, ...sse }),
            http,
          )
          const range = parseContentRange(answer.ContentRange)
          const size = range?.size ?? answer.ContentLength ?? 0
          if (!range && size > length) {
            discardBody(answer.Body)
            throw new DomainError(
              'unsupported',
              `${store}: the last ${length} bytes of ${key} wanted, all ${size} given`,
            )
          }
          const body = await readBody(answer.Body, answer.ContentLength)
          return { body, size, etag: requests.objectEtag(answer.ETag, key) }
        } catch (error) {
          if (isBehindEnd(error)) return undefined // an empty object has no last bytes
          throw error
        }
      })
      return tail ?? emptyTail()
    },

    async head(key, options) {
      checkKey(key)
      return head(key, options?.signal)
    },

    async *list(prefix, options) {
      // What all keys are behind of anyhow takes SeaweedFS past the prefix.
      const startAfter = behindPrefix(prefix, options?.startAfter)
      let token: string | undefined
      do {
        const continuation = token
        const page = await requests.send('s3:ListBucket', undefined, options?.signal, (http) =>
          client.send(
            new ListObjectsV2Command({
              ...place,
              Prefix: prefix,
              Delimiter: options?.delimiter,
              StartAfter: continuation === undefined ? startAfter : undefined,
              ContinuationToken: continuation,
            }),
            http,
          ),
        )
        if (page.IsTruncated === undefined && page.Name === undefined) {
          // Any page of the web reads as a listing of nothing, which must not pass for an empty bucket.
          throw notS3(requests.place(undefined))
        }
        token = page.IsTruncated ? page.NextContinuationToken : undefined
        yield {
          objects: (page.Contents ?? []).map((object) => ({
            key: object.Key ?? '',
            size: object.Size ?? 0,
            etag: requests.etag(object.ETag),
            lastModifiedMs: object.LastModified?.getTime() ?? 0,
          })),
          // Stores differ in whether a prefix that holds `startAfter` is given.
          prefixes: (page.CommonPrefixes ?? [])
            .map((common) => common.Prefix ?? '')
            .filter((common) => startAfter === undefined || compareUtf8(common, startAfter) > 0),
          isLast: token === undefined,
        } satisfies ListPage
      } while (token !== undefined)
    },

    async put(key, body, options) {
      checkPut(key, options)
      return put(key, body, options)
    },

    async putStream(key, parts, options) {
      checkPut(key, options)
      const target = { requests, partSize: config.partSize ?? PART_SIZE, retry, put }
      try {
        return await writeStream(target, key, parts, options)
      } catch (error) {
        throw lostCondition(error, key, options)
      }
    },

    async delete(key, options) {
      checkKey(key)
      try {
        await requests.send('s3:DeleteObject', key, options?.signal, (http) =>
          client.send(new DeleteObjectCommand({ ...place, Key: key }), http),
        )
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error // some stores do mind
      }
    },
  }
}

/** S3 answers If-Match on an object that is not there with 404, not with 412. */
function lostCondition(error: unknown, key: string, options: PutOptions | undefined): unknown {
  if (error instanceof NotFoundError && options?.ifMatch !== undefined) {
    return new ConflictError(key, 'no such object', { cause: error })
  }
  return error
}

function isBehindEnd(error: unknown): boolean {
  return statusOf(error) === 416 || s3CodeOf(error) === 'InvalidRange'
}

/** `bytes 0-99/1234`, as [start, end). */
function parseContentRange(
  text: string | undefined,
): { start: number; end: number; size: number | undefined } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text ?? '')
  if (!match) return undefined
  return {
    start: Number(match[1]),
    end: Number(match[2]) + 1,
    size: match[3] === '*' ? undefined : Number(match[3]),
  }
}

function behindPrefix(prefix: string, startAfter: string | undefined): string | undefined {
  if (startAfter === undefined || compareUtf8(startAfter, prefix) < 0) return undefined
  return startAfter
}

/** Writing an object of unknown size to S3: in one request when it is small, else in parts that are all removed on failure. */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { PutOptions } from '#lib/bucket/bucket.ts'
import { throwIfAborted, untilAborted } from '#lib/bucket/cancellation.ts'
import { type RetryPolicy, withRetries } from '#lib/bucket/retry.ts'
import { DomainError, isKind, LimitError } from '#lib/model/errors.ts'
import { notS3, s3CodeOf } from './s3-errors.ts'
import { headObject } from './s3-head.ts'
import type { S3Requests } from './s3-requests.ts'

/** S3's own limit. */
const MAX_PARTS = 10_000

/** Parts on their way at once. With the one that is filling, so many part sizes of memory. */
const PARTS_IN_FLIGHT = 3

/** Cleaning up goes on when the caller has given up, but not for ever. */
const CLEANUP_MS = 20_000

export interface Written {
  readonly etag: string
  readonly size: number
}

export interface StreamTarget {
  readonly requests: S3Requests
  readonly partSize: number
  readonly retry: RetryPolicy
  /** The write of an object that fits into one part. */
  readonly put: (
    key: string,
    body: Uint8Array,
    options: PutOptions | undefined,
  ) => Promise<{ etag: string }>
}

export async function writeStream(
  target: StreamTarget,
  key: string,
  source: AsyncIterable<Uint8Array>,
  options: PutOptions | undefined,
): Promise<Written> {
  throwIfAborted(options?.signal)
  const parts = cutParts(source, target.partSize, options?.signal)
  try {
    const first = await parts.next()
    const head = first.done ? new Uint8Array(0) : first.value
    const second = head.length < target.partSize ? undefined : await parts.next()
    if (!second || second.done) {
      const { etag } = await target.put(key, head, options)
      return { etag, size: head.length }
    }
    return await upload(target, key, prepend([head, second.value], parts), options)
  } finally {
    await parts.return?.(undefined)
  }
}

async function upload(
  target: StreamTarget,
  key: string,
  parts: AsyncIterable<Uint8Array>,
  options: PutOptions | undefined,
): Promise<Written> {
  const { requests, retry } = target
  const { signal } = options ?? {}
  const uploadId = await withRetries(retry, signal, async () => {
    const { UploadId } = await requests.send('s3:PutObject', key, signal, (http) =>
      requests.client.send(
        new CreateMultipartUploadCommand({
          Bucket: requests.bucket,
          Key: key,
          ContentType: options?.contentType,
          ...requests.writeSettings,
          ...requests.customerKey,
        }),
        http,
      ),
    )
    if (UploadId === undefined) throw notS3(requests.place(key))
    return UploadId
  })
  // One failed part stops the others.
  const stop = new AbortController()
  const partSignal = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const inFlight = new Set<Promise<unknown>>()
  const done: CompletedPart[] = []
  let size = 0
  try {
    let number = 0
    for await (const part of parts) {
      throwIfAborted(signal)
      number++
      if (number > MAX_PARTS) {
        throw new LimitError(
          `${key}: more than ${MAX_PARTS} parts of ${target.partSize} bytes, raise part_size`,
          MAX_PARTS,
          number,
        )
      }
      size += part.length
      const tracked = sendPart(target, key, uploadId, number, part, partSignal)
        .then((sent) => done.push(sent))
        .finally(() => inFlight.delete(tracked))
      tracked.catch(() => undefined) // seen below, by race or all
      inFlight.add(tracked)
      if (inFlight.size >= PARTS_IN_FLIGHT) await untilAborted(Promise.race(inFlight), signal)
    }
    await untilAborted(Promise.all(inFlight), signal)
    if (done.length !== number) throw new Error(`bug: ${done.length} of ${number} parts sent`)
    done.sort((a, b) => a.PartNumber! - b.PartNumber!)
    const etag = await complete(target, key, uploadId, done, size, options)
    return { etag, size }
  } catch (error) {
    stop.abort()
    await Promise.allSettled(inFlight)
    await abandon(requests, key, uploadId)
    throw error
  }
}

async function sendPart(
  { requests, retry }: StreamTarget,
  key: string,
  uploadId: string,
  number: number,
  part: Uint8Array,
  signal: AbortSignal,
): Promise<CompletedPart> {
  return withRetries(retry, signal, async () => {
    const { ETag } = await requests.send('s3:PutObject', key, signal, (http) =>
      requests.client.send(
        new UploadPartCommand({
          Bucket: requests.bucket,
          Key: key,
          UploadId: uploadId,
          PartNumber: number,
          Body: part,
          ...requests.customerKey,
        }),
        http,
      ),
    )
    return { PartNumber: number, ETag: requests.objectEtag(ETag, key) }
  })
}

/**
 * When the answer of a completion is lost, the next try hears that there is no such upload. The object is then
 * ours if it has our size and our number of parts, because nobody else knows the upload.
 */
async function complete(
  { requests, retry }: StreamTarget,
  key: string,
  uploadId: string,
  parts: CompletedPart[],
  size: number,
  options: PutOptions | undefined,
): Promise<string> {
  const { signal } = options ?? {}
  return withRetries(retry, signal, async (failures) => {
    try {
      const { ETag } = await requests.send('s3:PutObject', key, signal, (http) =>
        requests.client.send(
          new CompleteMultipartUploadCommand({
            Bucket: requests.bucket,
            Key: key,
            UploadId: uploadId,
            MultipartUpload: { Parts: parts },
            ...requests.conditions(options),
            ...requests.customerKey,
          }),
          http,
        ),
      )
      // Some servers leave the etag of the finished object out of the answer.
      return requests.etag(ETag) || (await headOf(requests, key, signal)).etag
    } catch (error) {
      const ambiguous = failures > 0 && (isNoSuchUpload(error) || isKind(error, 'conflict'))
      if (!ambiguous) throw error
      const head = await headOf(requests, key, signal)
      if (head.size !== size || !head.etag.endsWith(`-${parts.length}`)) throw error
      return head.etag
    }
  })
}

function isNoSuchUpload(error: unknown): boolean {
  return error instanceof Error && s3CodeOf(error.cause) === 'NoSuchUpload'
}

async function headOf(
  requests: S3Requests,
  key: string,
  signal: AbortSignal | undefined,
): Promise<{ etag: string; size: number }> {
  const { ETag, ContentLength } = await requests.send('s3:GetObject', key, signal, (http) =>
    headObject(requests, key, http),
  )
  return { etag: requests.etag(ETag), size: ContentLength ?? -1 }
}

/** The first error is the one to report; what stays behind here is removed by the bucket's lifecycle rule. */
async function abandon(requests: S3Requests, key: string, uploadId: string): Promise<void> {
  try {
    await requests.send('s3:AbortMultipartUpload', key, AbortSignal.timeout(CLEANUP_MS), (http) =>
      requests.client.send(
        new AbortMultipartUploadCommand({
          Bucket: requests.bucket,
          Key: key,
          UploadId: uploadId,
        }),
        http,
      ),
    )
  } catch (error) {
    if (!(error instanceof DomainError)) throw error // a bug, not a failed request
  }
}

/** Parts of exactly `partSize` bytes, the last one of what is left. Each is memory of its own. */
async function* cutParts(
  source: AsyncIterable<Uint8Array>,
  partSize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let pieces: Uint8Array[] = []
  let length = 0
  for await (const given of source) {
    throwIfAborted(signal)
    let rest = given
    while (length + rest.length >= partSize) {
      const missing = partSize - length
      pieces.push(rest.slice(0, missing))
      rest = rest.subarray(missing)
      yield join(pieces, partSize)
      pieces = []
      length = 0
    }
    if (rest.length > 0) {
      pieces.push(rest.slice())
      length += rest.length
    }
  }
  if (length > 0) yield join(pieces, length)
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const joined = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    joined.set(piece, offset)
    offset += piece.length
  }
  return joined
}

async function* prepend<T>(first: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first
  yield* rest
}

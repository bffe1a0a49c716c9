import { afterEach, describe, expect, it } from 'vitest'
import {
  type Answer,
  brokenAnswer,
  bytesAnswer,
  errorAnswer,
  pageAnswer,
  type ScriptedS3,
  scriptedS3,
} from '#test/aws/scripted-s3.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { DEFAULT_RETRY } from '#lib/aws/open-bucket.ts'
import { s3Bucket } from '#lib/aws/s3-bucket.ts'
import { ConflictError, CorruptError, DomainError, NotFoundError } from '#lib/model/errors.ts'

describe('s3Bucket', () => {
  let server: ScriptedS3
  afterEach(async () => server.stop())

  async function bucketWith(...answers: readonly Answer[]): Promise<Bucket> {
    return configured({}, ...answers)
  }

  async function configured(
    config: Partial<S3Config>,
    ...answers: readonly Answer[]
  ): Promise<Bucket> {
    server = await scriptedS3(...answers)
    return s3Bucket(
      { ...server.config, ...config },
      { retry: { ...DEFAULT_RETRY, sleep: async () => undefined } },
    )
  }

  async function failure(work: Promise<unknown>): Promise<[kind: string, message: string]> {
    const error = await work.then(
      () => undefined,
      (e: unknown) => e,
    )
    if (!(error instanceof DomainError)) throw error ?? new Error('no failure')
    return [error.kind, error.message.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')]
  }

  const store = 's3://bucket at http://HOST'

  it.each([
    [
      403,
      'AccessDenied',
      'unauthorized',
      `${store}/a: AccessDenied (403, request R1): words, allow s3:GetObject on a; without s3:ListBucket a missing object is denied too, or leave out insecure, where a policy wants TLS`,
    ],
    [
      403,
      'SignatureDoesNotMatch',
      'unauthorized',
      `${store}/a: SignatureDoesNotMatch (403, request R1): words, check secret_key and session_token`,
    ],
    [
      403,
      'InvalidAccessKeyId',
      'unauthorized',
      `${store}/a: InvalidAccessKeyId (403, request R1): words, check access_key: nobody has it, or it was deleted, or it is one of another store`,
    ],
    [
      400,
      'ExpiredToken',
      'unauthorized',
      `${store}/a: ExpiredToken (400, request R1): words, the session is over: log in again (aws sso login), or use credentials that renew themselves, such as a role of this machine`,
    ],
    [
      403,
      'RequestTimeTooSkewed',
      'unauthorized',
      `${store}/a: RequestTimeTooSkewed (403, request R1): words, set the clock of this machine`,
    ],
    [
      403,
      'SomethingNew',
      'unauthorized',
      `${store}/a: SomethingNew (403, request R1): words, check the credentials and the policy`,
    ],
    [404, 'NoSuchBucket', 'not-found', `no bucket ${store}, create the bucket or correct its name`],
    [
      503,
      'SlowDown',
      'unavailable',
      `${store}/a: SlowDown (503, request R1): words, it was asked too fast: thaw tries again by itself, and where it stays, let less run at once`,
    ],
    [500, 'InternalError', 'unavailable', `${store}/a: InternalError (500, request R1): words`],
    [
      429,
      'TooManyRequests',
      'unavailable',
      `${store}/a: TooManyRequests (429, request R1): words, it was asked too fast: thaw tries again by itself, and where it stays, let less run at once`,
    ],
    [
      301,
      'PermanentRedirect',
      'misconfigured',
      `${store}/a: PermanentRedirect (301, request R1): words, check region and endpoint`,
    ],
    [
      400,
      'AuthorizationHeaderMalformed',
      'misconfigured',
      `${store}/a: AuthorizationHeaderMalformed (400, request R1): words, check region and endpoint`,
    ],
    [
      501,
      'NotImplemented',
      'unsupported',
      `${store}/a: NotImplemented (501, request R1): words, the store can not do this: use a later version of it, or another store`,
    ],
  ])('turns %i %s into %s', async (status, code, kind, message) => {
    const bucket = await bucketWith(errorAnswer(status, code, 'words.'))
    expect(await failure(bucket.get('a'))).toEqual([kind, message])
  })

  it('tells an object that is not there from a bucket that is not there', async () => {
    const bucket = await bucketWith(
      errorAnswer(404, 'NoSuchKey', ''),
      errorAnswer(404, 'NoSuchBucket', ''),
    )
    const missing = await bucket.get('a').catch((e: unknown) => e)
    expect(missing).toBeInstanceOf(NotFoundError)
    const gone = await bucket.get('a').catch((e: unknown) => e)
    expect(gone).not.toBeInstanceOf(NotFoundError)
  })

  it('takes 412 and 409 for a lost condition', async () => {
    const bucket = await bucketWith(
      errorAnswer(412, 'PreconditionFailed', ''),
      errorAnswer(409, 'ConditionalRequestConflict', ''),
      errorAnswer(404, 'NoSuchKey', ''),
    )
    await expect(bucket.put('a', bytes(1), { ifAbsent: true })).rejects.toBeInstanceOf(
      ConflictError,
    )
    await expect(bucket.put('a', bytes(1), { ifAbsent: true })).rejects.toBeInstanceOf(
      ConflictError,
    )
    await expect(bucket.put('a', bytes(1), { ifMatch: 'e' })).rejects.toBeInstanceOf(ConflictError)
  })

  it('signs again with the time of the store when the clock of this machine is wrong', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toUTCString()
    const bucket = await bucketWith(
      errorAnswer(403, 'RequestTimeTooSkewed', '', { date: tomorrow }),
      bytesAnswer(200, 'body'),
    )
    expect((await bucket.get('a')).body).toEqual(new TextEncoder().encode('body'))
    const days = server.headers.map((headers) => Number(String(headers['x-amz-date']).slice(0, 8)))
    expect(days[1]).not.toBe(days[0])
  })

  it('calls a connection that breaks in the middle of a body unavailable', async () => {
    const bucket = await bucketWith(brokenAnswer(206, 'abc', 10))
    expect((await failure(bucket.get('a')))[0]).toBe('unavailable')
    expect((await failure(bucket.getRange('a', 0, 10)))[0]).toBe('unavailable')
    expect((await failure(bucket.getTail('a', 10)))[0]).toBe('unavailable')
  })

  it('calls an object that is shorter than the range corrupt', async () => {
    const bucket = await bucketWith(bytesAnswer(206, 'abc', { 'content-range': 'bytes 0-2/3' }))
    const error = await bucket.getRange('a', 0, 10).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(CorruptError)
    expect((error as Error).message).toBe('a: bytes 0..10 wanted, the object has 3 at byte 3')
  })

  it('refuses a store that answers a range with something else', async () => {
    const bucket = await bucketWith(bytesAnswer(200, 'abcdefghij'))
    expect((await failure(bucket.getRange('a', 2, 4)))[0]).toBe('unsupported')
    expect((await failure(bucket.getTail('a', 4)))[0]).toBe('unsupported')
  })

  it.each([200, 403, 404, 405])('refuses a host that is no S3 and answers %i', async (status) => {
    const page = pageAnswer(status)
    const bucket = await bucketWith(page)
    const failures = [
      await failure(drain(bucket)),
      await failure(bucket.get('a')),
      await failure(bucket.getRange('a', 0, 4)),
      await failure(bucket.getTail('a', 4)),
      await failure(bucket.put('a', new Uint8Array(1))),
      await failure(bucket.putStream('a', parts(4))),
    ]
    const said = ([kind, text]: readonly [string, string]): string =>
      `${kind} ${text.replace(`${store}/a`, store)}`
    expect(new Set(failures.map(said))).toEqual(
      new Set([
        `misconfigured ${store}: the answer (${status}) is not one of S3, check endpoint: it is that of the store's API, not of its console, a proxy or another program; where it speaks TLS, leave out insecure`,
      ]),
    )
  })

  it('does not take a page of the web for an object that is there', async () => {
    const bucket = await bucketWith(pageAnswer(200))
    expect((await failure(bucket.head('a')))[0]).toBe('misconfigured')
  })

  it('calls a server that is not there unavailable', async () => {
    const bucket = await bucketWith()
    await server.stop()
    expect(await failure(bucket.get('a'))).toEqual([
      'unavailable',
      `${store}/a: no connection (ECONNREFUSED), nobody listens there: check endpoint, and whether the store runs`,
    ])
  })

  it('does not wait for ever for an answer', async () => {
    const bucket = await configured({ http: { responseTimeoutMs: 50 } }, () => undefined)
    expect((await failure(bucket.get('a')))[0]).toBe('timeout')
  })

  it('ends a request whose signal is aborted while it waits', async () => {
    const controller = new AbortController()
    const bucket = await bucketWith(() => controller.abort())
    expect((await failure(bucket.get('a', { signal: controller.signal })))[0]).toBe('canceled')
  })

  it('says timeout when the deadline of the caller ends a request', async () => {
    const bucket = await bucketWith(() => undefined)
    expect((await failure(bucket.get('a', { signal: AbortSignal.timeout(30) })))[0]).toBe('timeout')
  })

  it('asks each request once, and an opened bucket asks again', async () => {
    const bucket = await bucketWith(errorAnswer(503, 'SlowDown', ''))
    await failure(bucket.get('a'))
    expect(server.requests).toEqual(['GET /bucket/a'])
    const opened = await openBucket(
      { type: 'S3', s3: { ...server.config, maxRetries: 3 }, prefix: 'p', ignored: [] },
      { retry: { sleep: async () => undefined } },
    )
    await failure(opened.get('a'))
    expect(server.requests.slice(1)).toEqual([
      'GET /bucket/p/a',
      'GET /bucket/p/a',
      'GET /bucket/p/a',
    ])
  })

  it('retries a part of a stream, and removes the upload when that does not help', async () => {
    const started = bytesAnswer(
      200,
      '<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>',
    )
    const bucket = await configured(
      { partSize: 5 * 1024 * 1024 },
      started,
      (request, response, body) => {
        if (request.method === 'DELETE') bytesAnswer(204, '')(request, response, body)
        else errorAnswer(503, 'SlowDown', '')(request, response, body)
      },
    )
    expect((await failure(bucket.putStream('a', parts(2))))[0]).toBe('unavailable')
    const part = (n: number): number =>
      server.requests.filter((line) => line.includes(`partNumber=${n}`)).length
    expect(part(1)).toBe(DEFAULT_RETRY.attempts)
    // Not always the last: a part that was cut off on its way may reach the server whole, and later.
    const deletions = server.requests.filter((line) => line.startsWith('DELETE'))
    expect(deletions).toEqual(['DELETE /bucket/a?uploadId=U'])
  })

  it('knows that an upload has won whose completion was answered too late', async () => {
    let completions = 0
    const bucket = await configured({ partSize: 5 * 1024 * 1024 }, (request, response, body) => {
      const url = request.url ?? ''
      const answer = (() => {
        if (url.includes('uploads'))
          return bytesAnswer(
            200,
            '<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>',
          )
        if (request.method === 'PUT') return bytesAnswer(200, '')
        if (request.method === 'POST' && completions++ === 0)
          return errorAnswer(500, 'InternalError', '')
        if (request.method === 'POST') return errorAnswer(404, 'NoSuchUpload', '')
        return bytesAnswer(200, '', { etag: '"won-2"', 'content-length': String(10 * 1024 * 1024) })
      })()
      answer(request, response, body)
    })
    expect(await bucket.putStream('a', parts(2))).toEqual({ etag: 'won-2', size: 10 * 1024 * 1024 })
  })

  it('asks for encryption, storage class and metadata with each write', async () => {
    const bucket = await configured(
      {
        sse: { type: 'SSE-KMS', kmsKeyId: 'key', kmsEncryptionContext: { a: 'b' } },
        putUserMetadata: { 'X-Amz-Storage-Class': 'STANDARD_IA', Team: 'metrics' },
      },
      bytesAnswer(200, ''),
    )
    await bucket.put('a', bytes(1), { contentType: 'application/json' })
    expect(server.headers[0]).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key',
      'x-amz-server-side-encryption-context': Buffer.from('{"a":"b"}').toString('base64'),
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-meta-team': 'metrics',
      'content-type': 'application/json',
    })
  })

  it('sends no checksum that a store may not know', async () => {
    const bucket = await bucketWith(bytesAnswer(200, ''))
    await bucket.put('a', bytes(1))
    const names = Object.keys(server.headers[0] ?? {})
    expect(names.filter((name) => name.includes('checksum') || name.includes('trailer'))).toEqual(
      [],
    )
  })

  it('puts the secret key into no error', async () => {
    const bucket = await bucketWith(errorAnswer(403, 'SignatureDoesNotMatch', 'words'))
    const error = await bucket.get('a').catch((e: unknown) => e)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(
      'secret-of-the-test',
    )
  })
})

async function drain(bucket: Bucket): Promise<void> {
  for await (const page of bucket.list('')) void page
}

async function* parts(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(5 * 1024 * 1024)
}

function bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values)
}

import { expect, it } from 'vitest'
import { tellDenials } from '#lib/aws/denials.ts'
import { DEFAULT_RETRY, openBucket } from '#lib/aws/open-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { bytesAnswer, errorAnswer, scriptedS3 } from './scripted-s3.ts'

const MINUTE_MS = 60_000

function teller() {
  const told: string[] = []
  const clock = { ms: 0 }
  const tell = tellDenials({ now: () => clock.ms, warn: (message) => void told.push(message) })
  const deny = (action: string, key: string | undefined): void =>
    tell({ action, key, error: new DomainError('unauthorized', `${action} ${key}`) })
  return { told, clock, deny }
}

it('says each right and kind of key once, and again when it is still so later', () => {
  const { told, clock, deny } = teller()
  deny('s3:PutObject', 'thaw/lookup/01HZZZZZZZZZZZZZZZZZZZZZZA')
  deny('s3:PutObject', 'thaw/lookup/01HZZZZZZZZZZZZZZZZZZZZZZB')
  deny('s3:GetObject', 'thaw/lookup/01HZZZZZZZZZZZZZZZZZZZZZZB')
  deny('s3:GetObject', '01HZZZZZZZZZZZZZZZZZZZZZZB/index')
  deny('s3:ListBucket', undefined)
  clock.ms = 10 * MINUTE_MS - 1
  deny('s3:ListBucket', undefined)
  const first = [
    's3:PutObject thaw/lookup/01HZZZZZZZZZZZZZZZZZZZZZZA',
    's3:GetObject thaw/lookup/01HZZZZZZZZZZZZZZZZZZZZZZB',
    's3:GetObject 01HZZZZZZZZZZZZZZZZZZZZZZB/index',
    's3:ListBucket undefined',
  ].map((text) => `${text}; said once in 10 minutes`)
  expect(told).toEqual(first)
  clock.ms++
  deny('s3:ListBucket', undefined)
  expect(told).toEqual([...first, 's3:ListBucket undefined; said once in 10 minutes'])
})

it('does not fill a log with kinds', () => {
  const { told, clock, deny } = teller()
  for (let i = 0; i < 1000; i++) deny('s3:PutObject', `${'x'.repeat(i)}/y`)
  expect(told).toHaveLength(32)
  clock.ms = 10 * MINUTE_MS
  deny('s3:PutObject', 'z')
  expect(told).toHaveLength(33)
})

it('hears of each refusal of S3, also where an upload can not even be given up', async () => {
  const refused = errorAnswer(403, 'AccessDenied', 'words')
  const server = await scriptedS3(
    refused,
    errorAnswer(404, 'NoSuchKey', 'words'),
    bytesAnswer(
      200,
      '<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>',
    ),
    errorAnswer(400, 'InvalidRequest', 'words'),
    refused,
  )
  const told: string[] = []
  try {
    const bucket = await openBucket(
      { type: 'S3', s3: { ...server.config, partSize: 4 }, prefix: 'p', ignored: [] },
      {
        retry: { ...DEFAULT_RETRY, attempts: 1 },
        denied: ({ action, key, error }) => void told.push(`${action} ${key}: ${error.kind}`),
      },
    )
    await expect(bucket.get('a')).rejects.toThrow('allow s3:GetObject on p/a')
    await expect(bucket.get('a')).rejects.toThrow('no object')
    const parts = (async function* () {
      for (let i = 0; i < 2; i++) yield new Uint8Array(4)
    })()
    await expect(bucket.putStream('b', parts)).rejects.toThrow('InvalidRequest')
    expect(told).toEqual([
      's3:GetObject p/a: unauthorized',
      's3:AbortMultipartUpload p/b: unauthorized',
    ])
  } finally {
    await server.stop()
  }
})

/** One file of a block, where something is there already. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { uploadFile } from '#agent/ship/upload-file.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { temporaryDir } from './block-fixture.ts'

const KEY = '01AAAAAAAAAAAAAAAAAAAA0001/index'
const MIB = 1024 * 1024

function bytes(size: number, last = 1): Uint8Array {
  const all = new Uint8Array(size).fill(7)
  if (size > 0) all[size - 1] = last
  return all
}

async function upload(bucket: Bucket, body: Uint8Array, progress: number[] = []) {
  const path = join(await temporaryDir(), 'index')
  await writeFile(path, body)
  return uploadFile({
    bucket,
    key: KEY,
    file: { path, relPath: 'index', size: body.length },
    hashFunc: 'SHA256',
    progress: (sent) => void progress.push(sent),
  })
}

function sha256(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

describe.each([
  ['one put', 3 * MIB + 7],
  ['a stream', 5 * MIB + 7],
  ['nothing at all', 0],
])('a file that is %s', (_, size) => {
  it('is put onto nothing, and stays where it is there', async () => {
    const bucket = memoryBucket()
    const progress: number[] = []
    expect(await upload(bucket, bytes(size), progress)).toBe(sha256(bytes(size)))
    const { etag } = await bucket.head(KEY)
    expect(await upload(bucket, bytes(size), progress)).toBe(sha256(bytes(size)))
    const after = await bucket.head(KEY)
    expect([after.etag, after.size]).toEqual([etag, size])
    // Each byte is told of once in each upload.
    expect(progress.reduce((sum, one) => sum + one, 0)).toBe(2 * size)
  })

  const others: [string, Uint8Array][] = [['longer', bytes(size + 1)]]
  if (size > 0) others.push(['as long', bytes(size, 2)], ['shorter', bytes(size - 1)])
  it.each(others)('leaves another that is %s', async (_, other) => {
    const bucket = memoryBucket()
    await bucket.put(KEY, other)
    const error: unknown = await upload(bucket, bytes(size)).catch((reason: unknown) => reason)
    expect(isKind(error, 'conflict')).toBe(true)
    expect((error as Error).message).toMatch(
      /^01A.*\/index: other bytes are there, which somebody else has put, and are left as they are: see who did, and delete them/,
    )
    expect(Buffer.compare((await bucket.get(KEY)).body, other)).toBe(0)
  })

  it('is put into a store without conditional writes too', async () => {
    const inner = memoryBucket()
    const refuse = (options: { readonly ifAbsent?: boolean | undefined } | undefined): void => {
      if (options?.ifAbsent) throw new DomainError('unsupported', 'NotImplemented')
    }
    const bucket: Bucket = {
      ...inner,
      async put(key, body, options) {
        refuse(options)
        return inner.put(key, body, options)
      },
      async putStream(key, parts, options) {
        refuse(options)
        return inner.putStream(key, parts, options)
      },
    }
    expect(await upload(bucket, bytes(size))).toBe(sha256(bytes(size)))
    expect(Buffer.compare((await inner.get(KEY)).body, bytes(size))).toBe(0)
  })

  it('is tried again later where another write was under way, and nothing is there', async () => {
    const conflict = new DomainError('conflict', 'another write is under way')
    const refuse = async (): Promise<never> => {
      throw conflict
    }
    const bucket: Bucket = { ...memoryBucket(), put: refuse, putStream: refuse }
    await expect(upload(bucket, bytes(size))).rejects.toBe(conflict)
  })
})

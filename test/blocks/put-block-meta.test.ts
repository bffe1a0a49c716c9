import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createBlockMeta, putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket, PutOptions } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { ConflictError, DomainError } from '#lib/model/errors.ts'
import { type BlockMeta, formatBlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'

const ID = '01JDATA00000000000000000AA'
const KEY = `${ID}/meta.json`

function meta(uploadTime: string, numSeries = 1): BlockMeta {
  return {
    ulid: ID,
    minTime: 0,
    maxTime: 10,
    stats: { numSamples: 5, numSeries, numChunks: 1 },
    compaction: { level: 1, sources: [ID] },
    version: 1,
    thanos: {
      version: 1,
      labels: { cluster: 'eu' },
      downsample: { resolution: 0 },
      source: 'sidecar',
      upload_time: uploadTime,
    },
  }
}

const FIRST = meta('2026-01-01T00:00:00Z')
const LATER = meta('2026-01-01T00:05:00Z')

async function stored(bucket: Bucket): Promise<BlockMeta> {
  return parseBlockMeta((await bucket.get(KEY)).body)
}

describe('putBlockMeta', () => {
  it('writes where there is none, under a condition that a policy can ask for', async () => {
    const conditions: (PutOptions | undefined)[] = []
    const inner = memoryBucket()
    const bucket: Bucket = {
      ...inner,
      put: (key, body, options) => {
        conditions.push(options)
        return inner.put(key, body, options)
      },
    }
    expect(await putBlockMeta(bucket, FIRST)).toBe(FIRST)
    expect(await stored(bucket)).toEqual(parseBlockMeta(formatBlockMeta(FIRST)))
    expect(conditions).toMatchObject([{ ifAbsent: true, contentType: 'application/json' }])
  })

  it('is content with the same block of an earlier time, and leaves it', async () => {
    const bucket = memoryBucket()
    await putBlockMeta(bucket, FIRST)
    expect((await putBlockMeta(bucket, LATER)).thanos?.upload_time).toBe('2026-01-01T00:00:00Z')
    expect((await stored(bucket)).thanos?.upload_time).toBe('2026-01-01T00:00:00Z')
  })

  it.each([
    ['another block', formatBlockMeta(meta('2026-01-01T00:00:00Z', 2))],
    ['what is no meta.json', '{'],
  ])('does not write over %s', async (_, text) => {
    const bucket = memoryBucket()
    await bucket.put(KEY, Buffer.from(text))
    const error: unknown = await putBlockMeta(bucket, FIRST).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConflictError)
    expect((error as Error).message).toBe(
      `${KEY}: another block has this ULID, and is left as it is`,
    )
    expect(Buffer.from((await bucket.get(KEY)).body).toString()).toBe(text)
  })

  it('hears of a write that is under way, where there is nothing yet', async () => {
    const bucket: Bucket = {
      ...memoryBucket(),
      put: async () => {
        throw new ConflictError(KEY, 'another write is under way')
      },
    }
    await expect(putBlockMeta(bucket, FIRST)).rejects.toThrow('another write is under way')
  })

  it('writes without a condition where the store has none', async () => {
    const inner = memoryBucket()
    const bucket: Bucket = {
      ...inner,
      put: async (key, body, options) => {
        if (options?.ifAbsent) throw new DomainError('unsupported', 'NotImplemented')
        return inner.put(key, body, options)
      },
    }
    await putBlockMeta(bucket, FIRST)
    expect((await stored(bucket)).ulid).toBe(ID)
    await createBlockMeta(bucket, ID, Buffer.from(formatBlockMeta(LATER)))
    expect((await stored(bucket)).thanos?.upload_time).toBe('2026-01-01T00:05:00Z')
  })

  it('is the only way in which we write a meta.json into a bucket', () => {
    const files = execFileSync('git', ['ls-files', 'lib', 'agent', 'cli', 'functions'], {
      encoding: 'utf8',
    })
    const writes = /\.put(?:Stream)?\(\s*[^,;]*(?:META_FILE|meta\.json|metaKey)/g
    const found = files
      .split('\n')
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => (readFileSync(path, 'utf8').match(writes) ?? []).map(() => path))
    expect(found).toEqual([
      // Of parts that never leave the folder in which they are made.
      'lib/backfill/block-parts.ts',
      // One that has changed in the source.
      'lib/replicate/replicate-blocks.ts',
    ])
    // Both of `putBlockMeta` name the key beforehand.
    expect('await bucket.put(`${ulid}/${META_FILE}`, body)'.match(writes)).toHaveLength(1)
  })
})

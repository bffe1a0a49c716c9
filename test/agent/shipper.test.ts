/** The pass over a data directory: which blocks are shipped, in which order, and what is written. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SILENT } from '#agent/logger.ts'
import { type ShipperOptions, shipBlocks } from '#agent/ship/shipper.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { HOUR, blockId, chunkBytes, indexBytes, temporaryDir, writeBlock } from './block-fixture.ts'
import { keysOf, readJson, recordingBucket, visibleBlocks } from './test-buckets.ts'

const NOW = Date.UTC(2026, 0, 31, 12)
const LABELS = { cluster: 'eu', replica: 'a' }

function shipper(
  tsdbPath: string,
  bucket: Bucket,
  options: Partial<ShipperOptions> = {},
): ShipperOptions {
  return {
    bucket,
    tsdbPath,
    metaFileName: 'thanos.shipper.json',
    uploadCompacted: false,
    allowOutOfOrderUploads: false,
    skipCorruptedBlocks: false,
    uploadConcurrency: 0,
    hashFunc: '',
    source: 'sidecar',
    logger: SILENT,
    now: () => NOW,
    ...options,
  }
}

const pass = { externalLabels: LABELS }

async function stateFile(dir: string): Promise<unknown> {
  return JSON.parse(await readFile(join(dir, 'thanos.shipper.json'), 'utf8'))
}

describe('shipBlocks', () => {
  it('uploads chunks, then the index, then meta.json, block by block from the oldest', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { minTime: 4 * HOUR, chunkFiles: 2 })
    await writeBlock(dir, 2, { minTime: 2 * HOUR })
    const bucket = recordingBucket(memoryBucket())
    const outcome = await shipBlocks(shipper(dir, bucket), pass)
    expect(bucket.written).toEqual([
      `${blockId(2)}/chunks/000001`,
      `${blockId(2)}/index`,
      `${blockId(2)}/meta.json`,
      `${blockId(1)}/chunks/000001`,
      `${blockId(1)}/chunks/000002`,
      `${blockId(1)}/index`,
      `${blockId(1)}/meta.json`,
    ])
    expect(outcome).toEqual({
      uploaded: [
        { ulid: blockId(2), byteLength: 64 + 121 },
        { ulid: blockId(1), byteLength: 128 + 121 },
      ],
      skipped: [],
      failed: [],
      notReached: [],
    })
    expect(await stateFile(dir)).toEqual({ version: 1, uploaded: [blockId(2), blockId(1)] })
  })

  it('writes the meta.json that Thanos writes, and leaves the local one alone', async () => {
    const dir = await temporaryDir()
    const ulid = await writeBlock(dir, 1, {
      thanos: { labels: { cluster: 'old', tenant: 't1' }, extensions: { mine: 1 } },
      extra: { unheardOf: { kept: true } },
    })
    const local = await readFile(join(dir, ulid, 'meta.json'), 'utf8')
    const bucket = memoryBucket()
    await shipBlocks(shipper(dir, bucket, { hashFunc: 'SHA256' }), pass)
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    expect(await readJson(bucket, `${ulid}/meta.json`)).toMatchObject({
      ulid,
      minTime: 2 * HOUR,
      maxTime: 4 * HOUR,
      version: 1,
      stats: { numSamples: 120, numSeries: 2, numChunks: 3 },
      compaction: { level: 1, sources: [ulid] },
      unheardOf: { kept: true },
      thanos: {
        version: 1,
        labels: { cluster: 'eu', replica: 'a', tenant: 't1' },
        downsample: { resolution: 0 },
        source: 'sidecar',
        segment_files: ['000001'],
        files: [
          {
            rel_path: 'chunks/000001',
            size_bytes: 64,
            hash: { hashFunc: 'SHA256', value: sha256(chunkBytes(1, 64)) },
          },
          {
            rel_path: 'index',
            size_bytes: 121,
            hash: { hashFunc: 'SHA256', value: sha256(indexBytes(1)) },
          },
          { rel_path: 'meta.json' },
        ],
        index_stats: {},
        extensions: { mine: 1 },
      },
    })
    const written = (await readJson(bucket, `${ulid}/meta.json`)) as {
      thanos: { upload_time: string }
    }
    expect(Date.parse(written.thanos.upload_time)).toBe(NOW)
    expect(await readFile(join(dir, ulid, 'meta.json'), 'utf8')).toBe(local)
    expect(existsSync(join(dir, 'thanos', 'upload', ulid))).toBe(false)
  })

  it('ships the bytes of every file, and no tombstones', async () => {
    const dir = await temporaryDir()
    const big = 9 * 1024 * 1024 + 17
    const ulid = await writeBlock(dir, 1, { chunkFiles: 2, chunkFileSize: big })
    const bucket = memoryBucket()
    const seen: number[] = []
    await shipBlocks(shipper(dir, bucket, { uploadConcurrency: 4 }), {
      ...pass,
      onProgress: ({ uploadedBytes }) => seen.push(uploadedBytes),
    })
    expect(await keysOf(bucket)).toEqual([
      `${ulid}/chunks/000001`,
      `${ulid}/chunks/000002`,
      `${ulid}/index`,
      `${ulid}/meta.json`,
    ])
    for (const n of [1, 2]) {
      const { body } = await bucket.get(`${ulid}/chunks/00000${n}`)
      expect(Buffer.compare(body, chunkBytes(n, big))).toBe(0)
    }
    expect(seen.at(-1)).toBe(2 * big + 121)
    expect([...seen].sort((a, b) => a - b)).toEqual(seen)
  })

  it('skips blocks that are listed, empty, compacted, or in the bucket', async () => {
    const dir = await temporaryDir()
    const listed = await writeBlock(dir, 1)
    const empty = await writeBlock(dir, 2, { numSamples: 0 })
    const compacted = await writeBlock(dir, 3, { level: 2 })
    const there = await writeBlock(dir, 4)
    await writeFile(
      join(dir, 'thanos.shipper.json'),
      JSON.stringify({ version: 1, uploaded: [blockId(9), listed] }),
    )
    const bucket = recordingBucket(memoryBucket())
    await bucket.put(`${there}/meta.json`, new Uint8Array([123, 125]))
    const outcome = await shipBlocks(shipper(dir, bucket), pass)
    expect(outcome.skipped).toEqual([
      { ulid: listed, reason: 'already-uploaded' },
      { ulid: empty, reason: 'empty' },
      { ulid: compacted, reason: 'compacted' },
      { ulid: there, reason: 'in-bucket' },
    ])
    expect(bucket.written).toEqual([`${there}/meta.json`])
    expect(bucket.heads).toEqual([`${there}/meta.json`])
    // The id of a block that is gone from the disk leaves the file.
    expect(await stateFile(dir)).toEqual({ version: 1, uploaded: [listed, there] })
  })

  it.each([
    ['no JSON', '{"version":1,'],
    ['another version', '{"version":2,"uploaded":[]}'],
    ['no list', '{"version":1,"uploaded":"all"}'],
  ])('asks the bucket when the state file is %s', async (_, text) => {
    const dir = await temporaryDir()
    const ulid = await writeBlock(dir, 1)
    await writeFile(join(dir, 'thanos.shipper.json'), text)
    const bucket = memoryBucket()
    const outcome = await shipBlocks(shipper(dir, bucket), pass)
    expect(outcome.uploaded.map((block) => block.ulid)).toEqual([ulid])
    expect(await stateFile(dir)).toEqual({ version: 1, uploaded: [ulid] })
  })

  it('refuses to ship without external labels', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1)
    const bucket = memoryBucket()
    await expect(shipBlocks(shipper(dir, bucket), { externalLabels: {} })).rejects.toMatchObject({
      kind: 'invalid',
    })
    expect(await keysOf(bucket)).toEqual([])
  })

  it('says which flag to set when the data directory is not there', async () => {
    const dir = join(await temporaryDir(), 'nowhere')
    await expect(shipBlocks(shipper(dir, memoryBucket()), pass)).rejects.toThrow(
      /no directory .*nowhere, set --tsdb\.path/,
    )
  })

  it('takes other names in the data directory for no blocks', async () => {
    const dir = await temporaryDir()
    await writeBlock(join(dir, 'wal'), 1)
    await writeFile(join(dir, blockId(2)), 'a file')
    await writeBlock(dir, 3)
    await writeFile(join(dir, `${blockId(4)}.tmp-for-deletion`), '')
    const outcome = await shipBlocks(shipper(dir, memoryBucket()), pass)
    expect(outcome.uploaded.map((block) => block.ulid)).toEqual([blockId(3)])
  })
})

describe('a compacted block with --shipper.upload-compacted', () => {
  const options = { uploadCompacted: true }

  async function bucketWith(labels: Record<string, string>): Promise<Bucket> {
    const dir = await temporaryDir()
    await writeBlock(dir, 8, { minTime: 0, maxTime: 2 * HOUR })
    const bucket = memoryBucket()
    await shipBlocks(shipper(dir, bucket), { externalLabels: labels })
    return bucket
  }

  it('is shipped beside blocks it does not overlap', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { level: 3, minTime: 2 * HOUR, maxTime: 10 * HOUR })
    const bucket = await bucketWith(LABELS)
    const outcome = await shipBlocks(shipper(dir, bucket, options), pass)
    expect(outcome.uploaded.map(({ ulid }) => ulid)).toEqual([blockId(1)])
  })

  it('is refused when one of the same external labels overlaps', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { level: 3, minTime: HOUR, maxTime: 10 * HOUR })
    await writeBlock(dir, 2, { minTime: 20 * HOUR })
    const bucket = await bucketWith(LABELS)
    const outcome = await shipBlocks(shipper(dir, bucket, options), pass)
    expect(outcome.uploaded).toEqual([])
    expect(outcome.failed.map(({ ulid, error }) => [ulid, error.kind])).toEqual([
      [blockId(1), 'conflict'],
    ])
    expect(outcome.failed[0]!.error.message).toContain(`overlaps ${blockId(8)} [0, ${2 * HOUR})`)
    expect(outcome.notReached).toEqual([blockId(2)])
  })

  it('is left out when all its sources are in the bucket, and refused when one is not', async () => {
    const dir = await temporaryDir()
    const bucket = await bucketWith(LABELS)
    const facts = { level: 2, minTime: 0, maxTime: 4 * HOUR }
    const covered = await writeBlock(dir, 1, { ...facts, sources: [blockId(8)] })
    const partly = await writeBlock(dir, 2, { ...facts, sources: [blockId(8), blockId(9)] })
    const outcome = await shipBlocks(shipper(dir, bucket, options), pass)
    expect(outcome.skipped).toEqual([{ ulid: covered, reason: 'sources-in-bucket' }])
    expect(outcome.failed.map(({ ulid }) => ulid)).toEqual([partly])
    expect(await stateFile(dir)).toEqual({ version: 1, uploaded: [covered] })
  })

  it('is shipped when the overlapping one has other external labels', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { level: 3, minTime: HOUR, maxTime: 10 * HOUR })
    const bucket = await bucketWith({ cluster: 'eu', replica: 'b' })
    const outcome = await shipBlocks(shipper(dir, bucket, options), pass)
    expect(outcome.uploaded).toHaveLength(1)
  })

  it('is shipped over an overlap when out-of-order uploads are allowed', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { level: 3, minTime: HOUR, maxTime: 10 * HOUR })
    const bucket = await bucketWith(LABELS)
    const outcome = await shipBlocks(
      shipper(dir, bucket, { ...options, allowOutOfOrderUploads: true }),
      pass,
    )
    expect(outcome.uploaded).toHaveLength(1)
  })

  it('is compared with what the same pass has uploaded', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { minTime: 0 })
    await writeBlock(dir, 2, { level: 2, minTime: HOUR, maxTime: 6 * HOUR })
    await writeBlock(dir, 3, { level: 2, minTime: HOUR, maxTime: 7 * HOUR })
    const outcome = await shipBlocks(shipper(dir, memoryBucket(), options), pass)
    expect(outcome.failed.map(({ ulid }) => ulid)).toEqual([blockId(2)])
  })
})

describe('a corrupted local block', () => {
  async function threeBlocks(spoil: (block: string) => Promise<void>): Promise<string> {
    const dir = await temporaryDir()
    for (const n of [1, 2, 3]) await writeBlock(dir, n)
    await spoil(join(dir, blockId(2)))
    return dir
  }

  const spoilers: [string, (block: string) => Promise<void>, RegExp][] = [
    [
      'a meta.json cut short',
      (block) => truncate(join(block, 'meta.json'), 40),
      /meta\.json: .* at byte \d+$/,
    ],
    ['no meta.json', (block) => rm(join(block, 'meta.json')), /meta\.json: no such file/],
    ['no index', (block) => rm(join(block, 'index')), /index: no such file at byte 0$/],
    [
      'an empty index',
      (block) => truncate(join(block, 'index'), 0),
      /index: 0 bytes .* at byte 0$/,
    ],
    [
      'an index cut short',
      (block) => truncate(join(block, 'index'), 120),
      /index: crc .* at byte 116$/,
    ],
    [
      'chunks of another format',
      (block) => writeFile(join(block, 'chunks', '000001'), 'PAR1PAR1PAR1'),
      /chunks\/000001: magic 50415231 where 85bd40dd is known at byte 0$/,
    ],
  ]

  it.each(spoilers)('with %s ends the pass, named with file and offset', async (_, spoil, text) => {
    const dir = await threeBlocks(spoil)
    const bucket = memoryBucket()
    const outcome = await shipBlocks(shipper(dir, bucket), pass)
    expect(outcome.failed.map(({ ulid, error }) => [ulid, error.kind])).toEqual([
      [blockId(2), 'corrupt'],
    ])
    expect(outcome.failed[0]!.error.message).toMatch(text)
    expect(await visibleBlocks(bucket)).not.toContain(blockId(2))
    expect(await visibleBlocks(bucket)).not.toContain(blockId(3))
  })

  it.each(spoilers)(
    'with %s is left out with --shipper.skip-corrupted-blocks',
    async (_, spoil) => {
      const dir = await threeBlocks(spoil)
      const bucket = memoryBucket()
      const options = shipper(dir, bucket, { skipCorruptedBlocks: true })
      const outcome = await shipBlocks(options, pass)
      expect(outcome.failed.map(({ ulid }) => ulid)).toEqual([blockId(2)])
      expect(await visibleBlocks(bucket)).toEqual([blockId(1), blockId(3)])
    },
  )

  it('whose meta.json is of another block is not shipped under either name', async () => {
    const dir = await threeBlocks(async (block) => {
      await writeFile(
        join(block, 'meta.json'),
        await readFile(join(block, '..', blockId(1), 'meta.json')),
      )
    })
    const outcome = await shipBlocks(shipper(dir, memoryBucket()), pass)
    expect(outcome.failed[0]!.error.message).toContain(`block ${blockId(1)} in the directory of`)
  })
})

describe('a pass that is ended', () => {
  it('begins no further block after stopping, and keeps what it did', async () => {
    const dir = await temporaryDir()
    for (const n of [1, 2, 3]) await writeBlock(dir, n)
    const stop = new AbortController()
    const bucket = memoryBucket()
    const outcome = await shipBlocks(shipper(dir, bucket), {
      ...pass,
      stopping: stop.signal,
      onProgress: () => stop.abort(),
    })
    expect(outcome.uploaded.map(({ ulid }) => ulid)).toEqual([blockId(1)])
    expect(outcome.notReached).toEqual([blockId(2), blockId(3)])
    expect(await stateFile(dir)).toEqual({ version: 1, uploaded: [blockId(1)] })
  })

  it('gives up the running upload on abort: nothing visible, nothing staged', async () => {
    const dir = await temporaryDir()
    await writeBlock(dir, 1, { chunkFiles: 3 })
    const abort = new AbortController()
    const bucket = memoryBucket()
    const running = shipBlocks(shipper(dir, bucket), {
      ...pass,
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    })
    await expect(running).rejects.toSatisfy(
      (error) => error instanceof DomainError && error.kind === 'canceled',
    )
    expect(await visibleBlocks(bucket)).toEqual([])
    expect(await readdir(join(dir, 'thanos', 'upload'))).toEqual([])
  })
})

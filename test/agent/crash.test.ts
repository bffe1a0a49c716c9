/** Whatever breaks at whatever write: nothing half is visible, and the next pass completes it. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { shipOnce } from '#agent/ship/ship-once.ts'
import { linkOrCopy, stageBlock } from '#agent/ship/staging.ts'
import { readLocalBlocks } from '#agent/ship/block-dir.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { blockId, chunkBytes, temporaryDir, writeBlock } from './block-fixture.ts'
import { failingAtWrite, keysOf, readJson, recordingBucket, visibleBlocks } from './test-buckets.ts'

const given = { externalLabels: { cluster: 'eu' }, now: () => 1_769_860_800_000 }

/** Two blocks of two chunk files: eight writes. */
async function dataDir(): Promise<string> {
  const dir = await temporaryDir()
  await writeBlock(dir, 1, { chunkFiles: 2 })
  await writeBlock(dir, 2, { chunkFiles: 2 })
  return dir
}

async function expectWhole(bucket: Bucket): Promise<void> {
  for (const ulid of await visibleBlocks(bucket)) {
    const meta = await readJson(bucket, `${ulid}/meta.json`)
    const { files } = meta['thanos'] as { files: { rel_path: string; size_bytes?: number }[] }
    expect(files.map((file) => file.rel_path)).toEqual([
      'chunks/000001',
      'chunks/000002',
      'index',
      'meta.json',
    ])
    for (const { rel_path, size_bytes } of files.filter((file) => file.rel_path !== 'meta.json')) {
      expect((await bucket.head(`${ulid}/${rel_path}`)).size).toBe(size_bytes)
    }
  }
}

describe('an upload that breaks', () => {
  const writes = [1, 2, 3, 4, 5, 6, 7, 8]

  for (const when of ['before', 'after'] as const) {
    it.each(writes)(`${when} write %i is completed by the next pass`, async (write) => {
      const dir = await dataDir()
      const store = memoryBucket()
      const broken = failingAtWrite(store, write, when)
      const first = await shipOnce({ ...given, tsdbPath: dir, bucket: broken })
      expect(first.failed).toHaveLength(1)
      expect(first.failed[0]!.error.kind).toBe('unavailable')
      await expectWhole(store)

      const second = await shipOnce({ ...given, tsdbPath: dir, bucket: store })
      expect(second.failed).toEqual([])
      expect(await visibleBlocks(store)).toEqual([blockId(1), blockId(2)])
      await expectWhole(store)
      expect(await keysOf(store)).toHaveLength(8)
    })
  }

  it('does not ship a younger block past an older one that failed', async () => {
    const dir = await dataDir()
    const store = memoryBucket()
    const broken = failingAtWrite(store, 2, 'before')
    const outcome = await shipOnce({ ...given, tsdbPath: dir, bucket: broken })
    expect(outcome.notReached).toEqual([blockId(2)])
    expect(await visibleBlocks(store)).toEqual([])
  })

  it('goes on with younger blocks when out-of-order uploads are allowed', async () => {
    const dir = await dataDir()
    const store = memoryBucket()
    const outcome = await shipOnce({
      ...given,
      tsdbPath: dir,
      bucket: failingAtWrite(store, 2, 'before'),
      allowOutOfOrderUploads: true,
    })
    expect(outcome.failed.map(({ ulid }) => ulid)).toEqual([blockId(1)])
    expect(await visibleBlocks(store)).toEqual([blockId(2)])
  })

  it('is harmless twice: the second upload of a block leaves what is there, and puts what is missing', async () => {
    const dir = await dataDir()
    const store = recordingBucket(memoryBucket())
    await shipOnce({ ...given, tsdbPath: dir, bucket: store })
    await rm(join(dir, 'thanos.shipper.json'))
    const lost = [`${blockId(1)}/meta.json`, `${blockId(2)}/index`, `${blockId(2)}/meta.json`]
    for (const key of lost) await store.delete(key)
    await shipOnce({ ...given, tsdbPath: dir, bucket: store })
    expect(store.written.slice(8).toSorted()).toEqual(lost)
    expect(await keysOf(store)).toHaveLength(8)
    await expectWhole(store)
  })
})

describe('two agents on one directory', () => {
  it('ship every block whole, whoever wins', async () => {
    const dir = await temporaryDir()
    for (let n = 1; n <= 6; n++) await writeBlock(dir, n, { chunkFiles: 2 })
    const store = memoryBucket()
    const one = { ...given, tsdbPath: dir, bucket: store }
    await Promise.all([shipOnce(one), shipOnce(one)])
    await expectWhole(store)
    const last = await shipOnce(one)
    expect(last.failed).toEqual([])
    expect(await visibleBlocks(store)).toEqual([1, 2, 3, 4, 5, 6].map(blockId))
    await expectWhole(store)
  })
})

describe('staging', () => {
  it('is cleaned of what a killed agent left', async () => {
    const dir = await dataDir()
    const left = join(dir, 'thanos', 'upload', blockId(7), 'chunks')
    await mkdir(left, { recursive: true })
    await writeFile(join(left, '000001'), 'left over')
    const ours = join(dir, 'thanos', 'upload', blockId(8), `${process.pid}-0`)
    const living = join(dir, 'thanos', 'upload', blockId(9), `${process.ppid}-1`)
    for (const path of [ours, living]) await mkdir(path, { recursive: true })
    await writeFile(join(dir, 'thanos.shipper.json.4194305-1.tmp'), '{')
    await shipOnce({ ...given, tsdbPath: dir, bucket: memoryBucket() })
    // What belongs to a process that lives stays.
    expect(await readdir(join(dir, 'thanos', 'upload'))).toEqual([blockId(9)])
    expect((await readdir(dir)).filter((name) => name.startsWith('thanos.'))).toEqual([
      'thanos.shipper.json',
    ])
  })

  it('outlives the block it was made from', async () => {
    const dir = await dataDir()
    const { blocks } = await readLocalBlocks(dir)
    const staged = await stageBlock(blocks[0]!, { tsdbPath: dir })
    await rm(blocks[0]!.dir, { recursive: true })
    expect(staged?.files.map(({ relPath, size }) => [relPath, size])).toEqual([
      ['chunks/000001', 64],
      ['chunks/000002', 64],
      ['index', 121],
    ])
  })

  it('knows a block that Prometheus has just deleted', async () => {
    const dir = await dataDir()
    const { blocks } = await readLocalBlocks(dir)
    await rm(blocks[0]!.dir, { recursive: true })
    expect(await stageBlock(blocks[0]!, { tsdbPath: dir })).toBeUndefined()
    expect(await readdir(join(dir, 'thanos', 'upload')).catch(() => [])).toEqual([])
  })

  it('copies where a link would cross file systems', async () => {
    const dir = await dataDir()
    const { blocks } = await readLocalBlocks(dir)
    const crossing = () => {
      throw Object.assign(new Error('cross-device link'), { code: 'EXDEV' })
    }
    const staged = await stageBlock(blocks[0]!, {
      tsdbPath: dir,
      link: (from, to) => linkOrCopy(from, to, crossing),
    })
    await rm(blocks[0]!.dir, { recursive: true })
    const store = memoryBucket()
    const { uploadBlock } = await import('#agent/ship/upload.ts')
    await uploadBlock({
      bucket: store,
      staged: staged!,
      meta: blocks[0]!.meta,
      externalLabels: { cluster: 'eu' },
      source: 'sidecar',
      hashFunc: '',
      concurrency: 1,
      now: () => 0,
    })
    const { body } = await store.get(`${blockId(1)}/chunks/000002`)
    expect(Buffer.compare(body, chunkBytes(2, 64))).toBe(0)
  })
})

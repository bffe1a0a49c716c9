/** Chunk by chunk the bytes that Thanos wrote of the same raw block: `test/data/README.md` says how they were made. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { downsampleBlock } from '#lib/compact/downsample/downsample-block.ts'
import { type BlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { testId } from '#test/store/sample-block.ts'
import { chunksOf } from './chunks-of.ts'
import { agreedSeries, putRaw, RAW_ID } from './world.ts'

const FOLDER = fileURLToPath(new URL('../../data/aggregates-e103a81b', import.meta.url))

const bucket = memoryBucket()

async function recordOf(id: string): Promise<BlockRecord> {
  const block = await scanBlock(bucket, id)
  if (!block || 'reason' in block) throw new Error(`no block ${id}`)
  return block
}

async function metaOf(id: string): Promise<BlockMeta> {
  return parseBlockMeta((await bucket.get(`${id}/meta.json`)).body)
}

describe.each([
  { resolutionMs: 300_000, from: RAW_ID, ulid: testId(2) },
  { resolutionMs: 3_600_000, from: testId(2), ulid: testId(3) },
])('to $resolutionMs ms', ({ resolutionMs, from, ulid }) => {
  let golden: string
  let ours: ReadonlyMap<string, readonly ReadyChunk[]>
  let theirs: ReadonlyMap<string, readonly ReadyChunk[]>

  beforeAll(async () => {
    if (from === RAW_ID) {
      await putRaw(bucket, agreedSeries())
      for (const id of readdirSync(FOLDER).filter((name) => name !== 'version')) {
        for (const file of ['index', 'meta.json', 'chunks/000001']) {
          await bucket.put(`${id}/${file}`, readFileSync(join(FOLDER, id, file)))
        }
      }
    }
    for (const id of readdirSync(FOLDER).filter((name) => name !== 'version')) {
      if ((await recordOf(id)).resolutionMs === resolutionMs) golden = id
    }
    const block = await recordOf(from)
    await downsampleBlock({ bucket, block, resolutionMs, ulid, now: () => 0 })
    ours = await chunksOf(bucket, ulid)
    theirs = await chunksOf(bucket, golden)
  })

  it('has the same series', () => {
    expect([...ours.keys()]).toEqual([...theirs.keys()])
    expect(ours.size).toBe(agreedSeries().length)
  })

  it.each(agreedSeries().map(({ labels }) => labels.join(' ')))('has the bytes of %s', (labels) => {
    expect(ours.get(labels)).toEqual(theirs.get(labels))
  })

  it('says the same of itself', async () => {
    const [own, other] = [await metaOf(ulid), await metaOf(golden)]
    expect(own.minTime).toBe(other.minTime)
    expect(own.maxTime).toBe(other.maxTime)
    expect(own.compaction).toEqual(other.compaction)
    const { numSamples, numSeries, numChunks } = other.stats
    expect(own.stats).toMatchObject({ numSamples, numSeries, numChunks })
    expect(own.thanos).toMatchObject({
      version: 1,
      labels: other.thanos!.labels,
      downsample: other.thanos!.downsample,
      source: 'compactor',
      segment_files: other.thanos!.segment_files,
    })
  })
})

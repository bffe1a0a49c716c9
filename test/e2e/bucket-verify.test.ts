/** What `thanos tools bucket verify` finds, thaw finds; and what thaw repaired, Thanos finds good. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { repairBlock } from '#lib/verify/repair.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'
import { verifyBucket } from '#lib/verify/verify-bucket.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { uncheckedIndex } from '#test/verify/unchecked-index.ts'

const BINARY = process.env['THAW_THANOS']
const HOUR_MS = 3_600_000
const MS = Date.UTC(2026, 0, 28)
const KNOWN = new Set(['index_known_issues', 'index'] as const)

interface Case {
  readonly name: string
  readonly chunks?: (chunks: readonly ChunkMeta[]) => readonly ChunkMeta[]
  /** Of meta.json, from the start of the block. */
  readonly endMs?: number
  readonly startMs?: number
  /** Thanos's words. */
  readonly theirs: RegExp | undefined
  readonly ours: string | undefined
}

const CASES: readonly Case[] = [
  { name: 'a good block', theirs: undefined, ours: undefined },
  {
    name: 'chunks out of order',
    chunks: (all) => all.toReversed(),
    theirs: /2\/2 series have an average of 1\.000 out-of-order chunks/,
    ours: 'chunks are out of order or overlap',
  },
  {
    name: 'chunks outside',
    endMs: HOUR_MS / 2 - 10_000,
    theirs: /found 2 chunks completely outside the block time range/,
    ours: 'chunks are completely outside of the times of the block',
  },
  {
    name: 'chunks that begin where the block ends',
    endMs: HOUR_MS / 2,
    theirs: /found 2 chunks outside the block time range introduced by/,
    ours: 'chunks begin where the block ends',
  },
  {
    name: 'chunks partly outside',
    startMs: 60_000,
    theirs: /found 2 chunks non-completely outside the block time range/,
    ours: 'chunks are partly outside of the times of the block',
  },
  {
    name: 'chunks twice',
    chunks: (all) => [all[0]!, ...all],
    // Its own count of them is not among its complaints.
    theirs: undefined,
    ours: 'chunks have the same times',
  },
]

if (BINARY === undefined) {
  describeSkipped('verifying beside Thanos', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('verifying beside Thanos', () => {
    let root: string

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'thaw-verify-'))
    })

    afterAll(() => rm(root, { recursive: true, force: true }))

    async function bucketOf(name: string, ids: readonly string[]): Promise<[string, Bucket]> {
      const dir = join(root, name)
      await mkdir(dir)
      const bucket = fileBucket(dir)
      for (const id of ids) await putGood(bucket, id)
      return [dir, bucket]
    }

    it.each(CASES)('$name', async ({ name, chunks, startMs, endMs, theirs, ours }) => {
      const [dir, bucket] = await bucketOf(name, [testId(1)])
      const good = await readBlock(bucket, testId(1))
      if (chunks) {
        const series = [...good.index.allSeries()].map((one) => ({
          labels: one.labels,
          chunks: chunks(one.chunks),
        }))
        await bucket.put(`${testId(1)}/index`, uncheckedIndex({ series }))
      }
      const text = formatBlockMeta({
        ...good.meta,
        minTime: MS + (startMs ?? 0),
        maxTime: MS + (endMs ?? HOUR_MS),
      })
      await bucket.put(`${testId(1)}/meta.json`, new TextEncoder().encode(text))

      const said = await thanosVerify(dir, 'index_known_issues')
      expect(said).toMatch(theirs ?? /verify task completed/)
      expect(said.includes('detected issue')).toBe(theirs !== undefined)
      const verified = await verifyBlock({ bucket, id: testId(1), issues: KNOWN })
      const found = verified.report.problems.map(({ message }) => message)
      expect(found).toEqual(ours === undefined ? [] : [ours])

      const repair = await repairBlock(verified, {
        bucket,
        backup: memoryBucket(),
        newUlid: () => testId(2),
        now: Date.now,
        dryRun: false,
      })
      const canRepair = ours !== undefined && startMs === undefined
      expect(repair?.status).toBe(ours === undefined ? undefined : canRepair ? 'repaired' : 'left')
      if (!canRepair) return
      expect(await thanosVerify(dir, 'index_known_issues')).not.toContain('detected issue')
      // Of chunks outside each series loses one.
      const series = Object.values(contentsOf(await readBlock(bucket, testId(2))))
      expect(series.map(({ length }) => length)).toEqual(chunks ? [240, 240] : [120, 120])
    })

    it('overlaps and duplicates', async () => {
      const ids = [testId(1), testId(2)]
      const [dir, bucket] = await bucketOf('duplicates', ids)
      for (const id of ids) {
        const { meta } = await readBlock(bucket, id)
        const sources = [testId(7), testId(8)]
        const text = formatBlockMeta({ ...meta, compaction: { level: 2, sources } })
        await bucket.put(`${id}/meta.json`, new TextEncoder().encode(text))
      }
      expect(await thanosVerify(dir, 'duplicated_compaction')).toContain('num=1')
      const report = await verifyBucket({
        bucket,
        now: Date.now,
        issues: new Set(['duplicated_compaction']),
        ids: [],
      })
      expect(report.bucket.map(({ count }) => count)).toEqual([1])
      expect((await scanBlocks(bucket, new Map())).blocks).toHaveLength(2)
    })
  })
}

function putGood(bucket: Bucket, id: string): Promise<unknown> {
  return putBlock(bucket, {
    id,
    minTimeMs: MS,
    maxTimeMs: MS + HOUR_MS,
    series: ['a', 'b'].map((host) => ({
      labels: labels({ __name__: 'cpu', host }),
      samples: every(15_000, MS, MS + HOUR_MS, (t) => t % 1000),
    })),
  })
}

/** What it logs. */
function thanosVerify(dir: string, issue: string): Promise<string> {
  const args = [
    'tools',
    'bucket',
    'verify',
    `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`,
    `--issues=${issue}`,
    '--log.level=debug',
  ]
  return new Promise((resolve, reject) => {
    execFile(BINARY!, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(error)
      else resolve(stdout + stderr)
    })
  })
}

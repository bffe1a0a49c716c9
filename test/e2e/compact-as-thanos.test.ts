/** `compactBlocks` makes of blocks what `thanos compact` makes of them: to the byte where chunks stay as they are, else sample for sample. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { compactBlocks } from '#lib/compact/compact-blocks.ts'
import type { Dedup } from '#lib/compact/jobs/job.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { type BlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { command } from '#test/peer/cache.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { columns, labels, putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { noise } from './support/noise.ts'
import { floatSeries, histogramSeries, WRITTEN_START_MS } from './support/written-series.ts'

const BINARY = process.env['THAW_THANOS']
const HOUR_MS = 3_600_000
/** A multiple of eight hours. */
const START_MS = WRITTEN_START_MS
const OURS = testId(900)

const PENALTY: Dedup = { func: 'penalty', replicaLabels: ['replica'] }
const CHAIN: Dedup = { func: '', replicaLabels: ['replica'] }

if (BINARY === undefined) {
  describeSkipped('compacting beside Thanos', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('compacting beside Thanos', () => {
    it('writes the bytes that it writes, where blocks follow each other', async () => {
      await inBucket(async (bucket, directory) => {
        for (let i = 0; i < 5; i++) {
          const minTimeMs = START_MS + i * 2 * HOUR_MS
          const maxTimeMs = minTimeMs + 2 * HOUR_MS
          // No chunk is so small that thaw would join it with the next.
          const series = many(30 + i, minTimeMs, maxTimeMs)
          await putBlock(bucket, { id: testId(i + 1), minTimeMs, maxTimeMs, series })
        }
        const [made] = await compactedBy(BINARY, directory)
        const sources = made!.parents
        expect(sources.length).toBe(4)
        await compact(bucket, sources)
        for (const file of ['index', 'chunks/000001']) {
          const theirs = await readFile(join(directory, made!.id, file))
          expect(Buffer.compare(await readFile(join(directory, OURS, file)), theirs)).toBe(0)
        }
        const [ours, theirs] = [await metaOf(directory, OURS), await metaOf(directory, made!.id)]
        expect({
          ...ours,
          ulid: '',
          thanos: { ...ours.thanos, version: 0, upload_time: '' },
        }).toEqual({
          ...theirs,
          ulid: '',
          thanos: { ...theirs.thanos, version: 0, upload_time: '' },
        })
      })
    })

    it.each([
      ['floats, by penalty', floatSeries, PENALTY],
      ['histograms, by penalty', histogramSeries, PENALTY],
      ['floats, each sample once', floatSeries, CHAIN],
    ] as const)('takes the samples of replicas that it takes: %s', async (_, made, dedup) => {
      await inBucket(async (bucket, directory) => {
        const maxTimeMs = START_MS + 6 * HOUR_MS
        for (const replica of [0, 1, 2]) {
          const series = made(START_MS, maxTimeMs, true).map((one, i) =>
            lagging(one, i, replica, dedup),
          )
          await putReplica(bucket, replica, START_MS, maxTimeMs, series)
        }
        const theirs = (await compactedBy(BINARY, directory, dedup))[0]!
        expect(theirs.parents.length).toBe(3)
        await compact(bucket, theirs.parents, dedup)
        const [ours, wanted] = [await readBlock(bucket, OURS), await readBlock(bucket, theirs.id)]
        expect(contentsOf(ours)).toEqual(contentsOf(wanted))
        expect(ours.meta.thanos!.labels).toEqual(wanted.meta.thanos!.labels)
        expect(ours.meta.stats.numSamples).toBe(wanted.meta.stats.numSamples)
      })
    })
  })
}

async function inBucket(run: (bucket: Bucket, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-compact-'))
  try {
    await run(fileBucket(directory), directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface Made {
  readonly id: string
  readonly parents: readonly string[]
}

/** The blocks that Thanos made, in the order in which it made them. */
async function compactedBy(binary: string, directory: string, dedup?: Dedup): Promise<Made[]> {
  const before = new Set(await readdir(directory))
  const data = await mkdtemp(join(tmpdir(), 'thaw-thanos-'))
  try {
    const config = join(data, 'bucket.yml')
    await writeFile(config, JSON.stringify({ type: 'FILESYSTEM', config: { directory } }))
    await command(binary, [
      'compact',
      `--objstore.config-file=${config}`,
      `--data-dir=${join(data, 'work')}`,
      '--consistency-delay=0s',
      '--downsampling.disable',
      '--http-address=127.0.0.1:0',
      ...(dedup ? ['--deduplication.replica-label=replica'] : []),
      ...(dedup?.func === 'penalty' ? ['--deduplication.func=penalty'] : []),
    ])
  } finally {
    await rm(data, { recursive: true, force: true })
  }
  const made = (await readdir(directory)).filter((id) => !before.has(id) && id !== 'thaw').sort()
  return Promise.all(
    made.map(async (id) => {
      const { compaction } = await metaOf(directory, id)
      return { id, parents: (compaction.parents ?? []).map(({ ulid }) => ulid) }
    }),
  )
}

async function metaOf(directory: string, id: string): Promise<BlockMeta> {
  return parseBlockMeta(await readFile(join(directory, id, 'meta.json')))
}

async function compact(bucket: Bucket, ids: readonly string[], dedup?: Dedup): Promise<void> {
  const { blocks } = await scanBlocks(bucket, new Map())
  const chosen = blocks.filter(({ id }) => ids.includes(id))
  await compactBlocks({ bucket, blocks: chosen, ulid: OURS, now: () => 0, dedup })
}

function many(count: number, startMs: number, endMs: number): TestSeries[] {
  return Array.from({ length: count }, (_, i) => ({
    labels: labels({ __name__: `metric_${i % 7}`, instance: `host-${i}`, cafe: 'é' }),
    samples: columns(
      Array.from({ length: (endMs - startMs) / 15_000 }, (_, n): [number, number] => [
        startMs + n * 15_000 + i,
        noise(i, n) * 100,
      ]),
    ),
  }))
}

/** A replica begins later, and lacks samples; by chain those that are there have the times and values of the others. */
function lagging(
  { labels: own, samples }: TestSeries,
  i: number,
  replica: number,
  { func }: Dedup,
): TestSeries {
  const { length, timestamps, values, histograms } = samples
  const list = histograms?.list(length)
  const kept: number[] = []
  for (let n = 0; n < length; n++) {
    const isAway = noise(i + 7 * replica, n >> 4) < 0.2 || noise(i * 3 + replica, n) < 0.05
    if (!isAway) kept.push(n)
  }
  const shiftMs = func === 'penalty' ? replica * 3100 : 0
  return {
    labels: own,
    samples: {
      length: kept.length,
      timestamps: Float64Array.from(kept, (n) => timestamps[n]! + shiftMs),
      values: Float64Array.from(kept, (n) => values[n]!),
      ...(list && { histograms: HistogramColumn.of(kept.map((n) => list[n])) }),
    },
  }
}

async function putReplica(
  bucket: Bucket,
  replica: number,
  minTimeMs: number,
  maxTimeMs: number,
  series: readonly TestSeries[],
): Promise<void> {
  await putBlock(bucket, {
    id: testId(replica + 1),
    minTimeMs,
    maxTimeMs,
    externalLabels: { cluster: 'a', replica: String(replica) },
    series,
  })
}

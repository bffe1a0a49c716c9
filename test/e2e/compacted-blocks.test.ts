/** What we compact is what it was for everyone who reads blocks: Prometheus, Thanos; and what Thanos compacts is that for us. */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { runHere } from '#lib/compact/run-here.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { seriesIds } from '#test/compact/histories/series-ids.ts'
import { command } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped, needPeer } from '#test/peer/skip-report.ts'
import { objstore, startThanos } from '#test/peer/thanos.ts'
import { putBlock, testId } from '#test/store/sample-block.ts'
import { type Ask, askUrl } from './support/ask.ts'
import { compareAll, sameAnnotations } from './support/compare-all.ts'
import { thawOver } from './support/thaw-app.ts'
import { FLOATS, FLOATS_3, HISTOGRAMS, writtenRequests } from './support/written-queries.ts'
import {
  customBucketSeries,
  floatSeries,
  histogramSeries,
  WRITTEN_START_MS,
} from './support/written-series.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const THANOS = process.env['THAW_THANOS']
const HOUR_MS = 3_600_000
const EXTERNAL_LABELS = { cluster: 'made', replica: 'a' }
/** Two hours each, and one that has some of it once more. */
const BLOCKS = [
  [0, 2],
  [2, 4],
  [4, 6],
  [6, 8],
  [8, 10],
  [3, 5],
] as const

type Kind = 'floats' | 'histograms'

async function putWritten(bucket: Bucket, kind: Kind, deletes: boolean): Promise<void> {
  for (const [i, [from, to]] of BLOCKS.entries()) {
    const minTimeMs = WRITTEN_START_MS + from * HOUR_MS
    const maxTimeMs = WRITTEN_START_MS + to * HOUR_MS
    const series =
      kind === 'floats'
        ? floatSeries(minTimeMs, maxTimeMs)
        : [...histogramSeries(minTimeMs, maxTimeMs), ...customBucketSeries(minTimeMs, maxTimeMs)]
    const id = testId(i + 1)
    await putBlock(bucket, { id, minTimeMs, maxTimeMs, externalLabels: EXTERNAL_LABELS, series })
    if (!deletes || i !== 1) continue
    const interval = { minTimeMs: minTimeMs + 600_000, maxTimeMs: minTimeMs + 1_900_000 }
    const ids = (await seriesIds(bucket, id)).filter((_, at) => at % 3 === 0)
    await bucket.put(
      `${id}/tombstones`,
      writeTombstones(new Map(ids.map((one) => [one, [interval]]))),
    )
  }
}

/** First to four hours, in parts, then to twelve. Inputs are deleted. Gives the levels of the blocks that are there then. */
async function compact(bucket: Bucket): Promise<number[]> {
  for (const [hours, maxJobSeconds] of [
    [4, 0.5],
    [12, 600],
  ] as const) {
    const settings = {
      ...DEFAULT_COMPACT_SETTINGS,
      consistencyDelayMs: 0,
      deleteDelayMs: 0,
      downsampling: false,
      rangesMs: hours === 4 ? [2, 4].map((h) => h * HOUR_MS) : [2, 4, 12].map((h) => h * HOUR_MS),
      maxJobSeconds,
    }
    // A while later each time, so that marks are old enough.
    let nowMs = Date.now()
    for (let round = 0; round < 3; round++) {
      nowMs += HOUR_MS
      const { done } = await runHere({
        bucket,
        settings,
        now: () => nowMs,
        newUlid: () => ulid(nowMs),
        owner: 'test',
        concurrency: 2,
      })
      const failed = done.filter(({ outcome }) => outcome.status === 'failed')
      expect(failed).toEqual([])
    }
  }
  const { blocks } = await scanBlocks(bucket, new Map())
  return blocks.map(({ level }) => level)
}

const found = await findPrometheus()
const ends: (() => Promise<void>)[] = []
let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-compacted-'))
  ends.push(() => rm(root, { recursive: true, force: true }))
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

async function directory(...names: readonly string[]): Promise<string> {
  const dir = join(root, ...names)
  await mkdir(dir, { recursive: true })
  return dir
}

/** Blocks as they came, and what became of copies of them. */
async function bothOf(name: string, kind: Kind, deletes: boolean): Promise<[string, string]> {
  const [before, after] = [await directory(name, 'before'), await directory(name, 'after')]
  await putWritten(fileBucket(before), kind, deletes)
  await putWritten(fileBucket(after), kind, deletes)
  expect(Math.max(...(await compact(fileBucket(after))))).toBeGreaterThan(2)
  return [before, after]
}

/** A Prometheus over copies of the blocks of a bucket. */
async function prometheusOver(binary: string, bucketDir: string): Promise<Ask> {
  const dataDir = await mkdtemp(join(root, 'data-'))
  await mkdir(join(dataDir, 'wal'))
  for (const id of await readdir(bucketDir)) {
    if (id.startsWith('0')) await cp(join(bucketDir, id), join(dataDir, id), { recursive: true })
  }
  const settings = {
    binary,
    dataDir,
    config: 'scrape_configs: []\n',
    flags: [
      '--storage.tsdb.min-block-duration=2h',
      '--storage.tsdb.max-block-duration=2h',
      '--storage.tsdb.retention.time=10y',
    ],
  }
  // The first start makes the directory a data directory.
  await (await startPrometheus(settings)).stop()
  const server = await startPrometheus(settings)
  ends.push(() => server.stop())
  expect(server.log()).not.toMatch(/level=(error|ERROR)|corrupt/)
  return askUrl(server.url)
}

describe('a Prometheus', () => {
  it('2.42 answers from compacted blocks of floats as from those before', async (context) => {
    const { binary, promtool } = needPeer(context, found)
    const [before, after] = await bothOf('floats-2', 'floats', true)
    const [old, compacted] = [
      await prometheusOver(binary, before),
      await prometheusOver(binary, after),
    ]
    const report = await compareAll(writtenRequests(FLOATS), compacted, old, {
      mayBeClose: () => undefined,
    })
    console.log(`floats, Prometheus 2.42: ${report.summary}`)
    expect(report.differences).toEqual([])
    expect(report.values).toBeGreaterThan(5000)
    await mkdir(join(after, 'wal'))
    const list = await command(promtool, ['tsdb', 'list', after])
    expect(list.match(/^\w{26} /gm)?.length).toBeGreaterThan(0)
  })

  it.for([
    ['floats', [...FLOATS, ...FLOATS_3]],
    ['histograms', HISTOGRAMS],
  ] as const)(
    '3.x answers from compacted blocks of %s as from those before',
    async ([kind, exprs], context) => {
      if (PROMETHEUS_3 === undefined)
        return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
      const [before, after] = await bothOf(`${kind}-3`, kind, true)
      const [old, compacted] = [
        await prometheusOver(PROMETHEUS_3, before),
        await prometheusOver(PROMETHEUS_3, after),
      ]
      const report = await compareAll(writtenRequests(exprs), compacted, old, {
        mayBeClose: () => undefined,
        also: sameAnnotations,
      })
      console.log(`${kind}, Prometheus 3.x: ${report.summary}`)
      expect(report.differences).toEqual([])
      expect(report.values).toBeGreaterThan(5000)
    },
  )
})

/** `resets` over raw blocks sees totals in Thanos, not samples: see docs/differences.md. */
const RESETS = 'resets(requests_total[3h])'
/** Prometheus sums histograms more exactly since Thanos took over its engine. */
const SUMS_HISTOGRAMS = /\b(sum|avg)(_over_time)?( by \(job\) )?\(.*_seconds/

if (THANOS === undefined) {
  describeSkipped('Thanos and compacted blocks', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe.each(['floats', 'histograms'] as const)('Thanos and compacted blocks of %s', (kind) => {
    const exprs = (kind === 'floats' ? [...FLOATS, ...FLOATS_3] : HISTOGRAMS).filter(
      (one) => typeof one !== 'string' || (!SUMS_HISTOGRAMS.test(one) && one !== RESETS),
    )

    async function thanosOver(bucketDir: string): Promise<Ask> {
      const workDir = await mkdtemp(join(root, 'work-'))
      const { urls, stop } = await startThanos({ binary: THANOS!, bucketDir, workDir })
      ends.push(stop)
      return askUrl(urls.chain)
    }

    it('finds nothing wrong with ours, and answers from them as from those before', async () => {
      const [before, after] = await bothOf(`${kind}-thanos`, kind, false)
      const args = ['tools', 'bucket', 'verify', `--objstore.config=${objstore(after)}`]
      const verified = await command(THANOS, [...args, '--log.level=info'])
      console.log(verified.slice(-500))
      const report = await compareAll(
        writtenRequests(exprs),
        await thanosOver(after),
        await thanosOver(before),
        { mayBeClose: () => undefined },
      )
      console.log(`${kind}, Thanos: ${report.summary}`)
      expect(report.differences).toEqual([])
      expect(report.values).toBeGreaterThan(4000)
    })

    it('answers from what it compacts as we do', async () => {
      const bucketDir = await directory(`${kind}-by-thanos`)
      await putWritten(fileBucket(bucketDir), kind, false)
      await command(THANOS, [
        'compact',
        `--data-dir=${await directory(`${kind}-compactor`)}`,
        `--objstore.config=${objstore(bucketDir)}`,
        '--consistency-delay=0s',
        '--delete-delay=0s',
        '--compact.enable-vertical-compaction',
        '--deduplication.replica-label=none',
        '--downsampling.disable',
        '--log.level=error',
        '--http-address=127.0.0.1:0',
      ])
      const bucket = fileBucket(bucketDir)
      const { blocks } = await scanBlocks(bucket, new Map())
      expect(Math.max(...blocks.map(({ level }) => level))).toBeGreaterThan(1)
      const ours = thawOver(bucket, { replicaLabels: ['replica'], deduplication: 'chain' })
      const report = await compareAll(writtenRequests(exprs), ours, await thanosOver(bucketDir), {
        mayBeClose: () => undefined,
      })
      console.log(`${kind}, thaw over what Thanos compacted: ${report.summary}`)
      expect(report.differences).toEqual([])
      expect(report.values).toBeGreaterThan(4000)
    })
  })
}

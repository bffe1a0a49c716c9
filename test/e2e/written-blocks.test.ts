/** Blocks that thaw wrote are blocks: a real promtool takes them, and a real Prometheus answers from them as thaw does. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { command } from '#test/peer/cache.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { askUrl, type Ask } from './support/ask.ts'
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
const BLOCK_MS = 7_200_000
type Kind = 'floats' | 'histograms'

const series: Record<Kind, (startMs: number, endMs: number) => TestSeries[]> = {
  floats: floatSeries,
  histograms: (startMs, endMs) => [
    ...histogramSeries(startMs, endMs),
    ...customBucketSeries(startMs, endMs),
  ],
}

const found = await findPrometheus()
const ends: (() => Promise<void>)[] = []
let root: string
const thaw: Partial<Record<Kind, Ask>> = {}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-written-'))
  ends.push(() => rm(root, { recursive: true, force: true }))
  for (const kind of ['floats', 'histograms'] as const) {
    const dataDir = join(root, kind)
    // Promtool opens a data directory only where there is a log of writes.
    await mkdir(join(dataDir, 'wal'), { recursive: true })
    const bucket = memoryBucket()
    for (const to of [fileBucket(dataDir), bucket]) {
      for (let i = 0; i < 3; i++) {
        const minTimeMs = WRITTEN_START_MS + i * BLOCK_MS
        const maxTimeMs = minTimeMs + BLOCK_MS
        await putBlock(to, {
          id: testId(i),
          minTimeMs,
          maxTimeMs,
          externalLabels: {},
          series: series[kind](minTimeMs, maxTimeMs),
        })
      }
    }
    thaw[kind] = thawOver(bucket, { sliceBytes: 200 })
  }
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

/** Its second start: the first one has made the directory a data directory. */
async function restarted(binary: string, kind: Kind): Promise<Ask> {
  const settings = {
    binary,
    dataDir: join(root, kind),
    config: 'scrape_configs: []\n',
    flags: [
      '--storage.tsdb.min-block-duration=2h',
      '--storage.tsdb.max-block-duration=2h',
      '--storage.tsdb.retention.time=10y',
    ],
  }
  await (await startPrometheus(settings)).stop()
  const server: PrometheusServer = await startPrometheus(settings)
  ends.push(() => server.stop())
  expect(server.log()).not.toMatch(/level=(error|ERROR)|corrupt/)
  return askUrl(server.url)
}

describe('promtool', () => {
  const kinds = ['floats', 'histograms'] as const
  it.for(kinds)('lists blocks of %s with our counts', async (kind, context) => {
    const { promtool } = needPeer(context, found)
    const text = await command(promtool, ['tsdb', 'list', join(root, kind)])
    for (let i = 0; i < 3; i++) {
      const start = WRITTEN_START_MS + i * BLOCK_MS
      const made = series[kind](start, start + BLOCK_MS)
      const samples = made.reduce((sum, { samples }) => sum + samples.length, 0)
      expect(text).toMatch(new RegExp(`${testId(i)} .* ${samples} +\\d+ +${made.length} `))
    }
  })

  it('analyzes a block of floats', async (context) => {
    const { promtool } = needPeer(context, found)
    const text = await command(promtool, ['tsdb', 'analyze', join(root, 'floats'), testId(1)])
    expect(text).toMatch(
      new RegExp(
        `Series: ${floatSeries(WRITTEN_START_MS + BLOCK_MS, WRITTEN_START_MS + 2 * BLOCK_MS).length}\n`,
      ),
    )
  })
})

describe('a restarted Prometheus', () => {
  it('2.42 answers from blocks of floats as thaw does', async (context) => {
    const prometheus = await restarted(needPeer(context, found).binary, 'floats')
    const report = await compareAll(writtenRequests(FLOATS), thaw.floats!, prometheus, {
      mayBeClose: ({ asked }) => asked.roundsOtherwise,
    })
    console.log(`floats, against Prometheus 2.42: ${report.summary}`)
    expect(report.differences).toEqual([])
    expect(report.silent).toEqual([])
    expect(report.values).toBeGreaterThan(5000)
  })

  it.for([
    ['floats', [...FLOATS, ...FLOATS_3]],
    ['histograms', HISTOGRAMS],
  ] as const)('3.x answers from blocks of %s as thaw does', async ([kind, exprs], context) => {
    if (PROMETHEUS_3 === undefined) return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
    const prometheus = await restarted(PROMETHEUS_3, kind)
    const report = await compareAll(writtenRequests(exprs), thaw[kind]!, prometheus, {
      mayBeClose: () => undefined,
      also: sameAnnotations,
    })
    console.log(`${kind}, against Prometheus 3.x: ${report.summary}`)
    expect(report.differences).toEqual([])
    expect(report.silent).toEqual([])
    expect(report.values).toBeGreaterThan(5000)
  })
})

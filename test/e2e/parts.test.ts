/** A block that was made in parts is a block: promtool takes it, and a real Prometheus answers from it as thaw does from the blocks before. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { cutBlocks } from '#lib/compact/parts/cut-blocks.ts'
import { deleteCut, finishParts } from '#lib/compact/parts/finish-parts.ts'
import { writePart } from '#lib/compact/parts/write-part.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { command } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { putBlock, testId } from '#test/store/sample-block.ts'
import { askUrl, type Ask } from './support/ask.ts'
import { compareAll, sameAnnotations } from './support/compare-all.ts'
import type { Request } from './support/requests.ts'
import { thawOver } from './support/thaw-app.ts'
import {
  floatSeries,
  histogramSeries,
  WRITTEN_END_MS,
  WRITTEN_START_MS,
} from './support/written-series.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const BLOCK_MS = 7_200_000
const ULID = testId(900)

const found = await findPrometheus()
const ends: (() => Promise<void>)[] = []
let root: string
let meta: BlockMeta
let thaw: Ask

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-parts-'))
  ends.push(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'wal'))
  const bucket = memoryBucket()
  // The first two have the same: blocks that overlap get more segment files than they need.
  for (let i = 0; i < 4; i++) {
    const minTimeMs = WRITTEN_START_MS + Math.max(0, i - 1) * BLOCK_MS
    const maxTimeMs = minTimeMs + BLOCK_MS
    const made = [...floatSeries(minTimeMs, maxTimeMs), ...histogramSeries(minTimeMs, maxTimeMs)]
    await putBlock(bucket, {
      id: testId(i),
      minTimeMs,
      maxTimeMs,
      series: made,
      externalLabels: {},
    })
  }
  const { blocks } = await scanBlocks(bucket, new Map())
  thaw = thawOver(bucket, { sliceBytes: 200 })
  const inParts = memoryBucket()
  for await (const { objects } of bucket.list('')) {
    for (const { key } of objects) await inParts.put(key, (await bucket.get(key)).body)
  }
  await cutBlocks({ bucket: inParts, blocks, ulid: ULID, parts: 5, segmentSize: 6000 })
  for (const part of [3, 1, 4, 0, 2]) await writePart({ bucket: inParts, ulid: ULID, part })
  const outcome = await finishParts({ bucket: inParts, ulid: ULID, now: () => 0 })
  meta = (outcome as { meta: BlockMeta }).meta
  await deleteCut(inParts, ULID)
  const dataDir = fileBucket(root)
  for await (const { objects } of inParts.list(`${ULID}/`)) {
    for (const { key } of objects) await dataDir.put(key, (await inParts.get(key)).body)
  }
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

describe('a block made in parts', () => {
  it('has several segment files, some of them without chunks', () => {
    const sizes = meta.thanos!.files!.flatMap(({ size_bytes: size }) => size ?? [])
    expect(sizes.length).toBeGreaterThan(10)
    expect(sizes).toContain(8)
  })

  it('is listed and analyzed by promtool', async (context) => {
    const { promtool } = needPeer(context, found)
    const { numSamples, numChunks, numSeries } = meta.stats
    const list = await command(promtool, ['tsdb', 'list', root])
    expect(list).toMatch(new RegExp(`${ULID} .* ${numSamples} +${numChunks} +${numSeries} `))
    const text = await command(promtool, ['tsdb', 'analyze', '--limit=1', root, ULID])
    expect(text).toContain(`Series: ${numSeries}\n`)
  })

  it('answers in Prometheus 3.x as the blocks before do in thaw', async (context) => {
    if (PROMETHEUS_3 === undefined) return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
    const settings = {
      binary: PROMETHEUS_3,
      dataDir: root,
      config: 'scrape_configs: []\n',
      flags: ['--storage.tsdb.retention.time=10y', '--storage.tsdb.max-block-duration=6h'],
    }
    await (await startPrometheus(settings)).stop()
    const server = await startPrometheus(settings)
    ends.push(() => server.stop())
    expect(server.log()).not.toMatch(/level=(error|ERROR)|corrupt/)
    const exprs = [
      '{__name__=~".+"}',
      'count by (__name__) ({__name__=~".+"})',
      'rate({__name__=~".*_total"}[5m])',
      'sum by (job) (level)',
      'count_over_time({__name__=~".+"}[20m])',
      'histogram_quantile(0.9, rate({__name__=~".*_seconds"}[5m]))',
    ]
    const range = { start: WRITTEN_START_MS / 1000, end: WRITTEN_END_MS / 1000, step: 61 }
    const time = WRITTEN_START_MS / 1000 + 9011
    const requests = exprs.flatMap((expr): Request[] => {
      const more = { asked: { expr }, ordered: false, long: false }
      return [
        { ...more, path: 'query', params: { query: expr, time } },
        { ...more, path: 'query_range', params: { query: expr, ...range } },
      ]
    })
    const report = await compareAll(requests, thaw, askUrl(server.url), {
      mayBeClose: () => undefined,
      also: sameAnnotations,
    })
    console.log(`a block made in parts, in Prometheus 3.x: ${report.summary}`)
    expect(report.differences).toEqual([])
    expect(report.values).toBeGreaterThan(5000)
  })
})

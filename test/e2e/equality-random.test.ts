/**
 * Requests made by chance: the answer does not depend on how the query is cut into slices, and is Prometheus 3.x's.
 * Samples are on whole half minutes here, so that ranges, steps and borders of blocks meet them exactly.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { putBlock, testId } from '#test/store/sample-block.ts'
import { type Ask, askUrl } from './support/ask.ts'
import { sameAnnotations } from './support/compare-all.ts'
import { compareAnswers } from './support/compare.ts'
import { type RandomRequest, randomRequest } from './support/random-requests.ts'
import { thawOver } from './support/thaw-app.ts'
import {
  customBucketSeries,
  floatSeries,
  histogramSeries,
  WRITTEN_START_MS,
} from './support/written-series.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
/** Another one gives other requests; each failure names it. */
const SEED = Number(process.env['THAW_SEED'] ?? 1)
const COUNT = Number(process.env['THAW_RANDOM_REQUESTS'] ?? 500)
const BLOCK_MS = 7_200_000

const bucket = memoryBucket()
/** One bucket index and one slice for everything. */
const uncut = thawOver(bucket, { sliceBytes: 1e9 })

async function putBlocks(to: Bucket): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const minTimeMs = WRITTEN_START_MS + i * BLOCK_MS
    const maxTimeMs = minTimeMs + BLOCK_MS
    const series = [floatSeries, histogramSeries, customBucketSeries].flatMap((make) =>
      make(minTimeMs, maxTimeMs, true),
    )
    await putBlock(to, { id: testId(i), minTimeMs, maxTimeMs, externalLabels: {}, series })
  }
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-random-'))
  await putBlocks(bucket)
})
afterAll(async () => rm(root, { recursive: true, force: true }))

/** What is not equal, with what it takes to ask it again. */
async function differences(
  actual: (request: RandomRequest) => Ask,
  expected: Ask,
): Promise<{ found: string[]; values: number }> {
  const found: string[] = []
  let values = 0
  for (let i = 0; i < COUNT; i++) {
    const request = randomRequest(SEED, i)
    const { path, params } = request
    const [got, want] = await Promise.all([actual(request)(path, params), expected(path, params)])
    const comparison = compareAnswers(got, want)
    if (comparison.type === 'equal') values += comparison.values
    // Errors say the same; what an error says besides is not compared.
    const annotations = got.status === 'success' ? sameAnnotations(got, want) : undefined
    if (comparison.type !== 'equal' || annotations !== undefined) {
      found.push(
        `THAW_SEED=${SEED} #${i} ${path} ${JSON.stringify(params)}: ${JSON.stringify(comparison)} ${annotations ?? ''}`,
      )
    }
  }
  return { found, values }
}

const sliced = ({ sliceBytes }: RandomRequest): Ask => thawOver(bucket, { sliceBytes })

async function sliceCounts(): Promise<number[]> {
  const counts: number[] = []
  for (let i = 0; i < COUNT / 10; i++) {
    const request = randomRequest(SEED, i)
    const { data } = await sliced(request)(request.path, { ...request.params, stats: 'all' })
    const { stats } = (data ?? {}) as { stats?: { thaw: { slices: number } } }
    if (stats !== undefined) counts.push(stats.thaw.slices)
  }
  return counts
}

describe(`${COUNT} requests made by chance`, () => {
  it('have the same answer however they are cut', async () => {
    const { found, values } = await differences(sliced, uncut)
    expect(found).toEqual([])
    expect(values).toBeGreaterThan(30 * COUNT)
    const counts = await sliceCounts()
    expect(counts.filter((count) => count > 1).length).toBeGreaterThan(counts.length / 4)
  })

  it('have the answer of Prometheus 3.x to the last bit', async (context) => {
    if (PROMETHEUS_3 === undefined) return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
    const dataDir = join(root, 'data')
    await mkdir(dataDir)
    await putBlocks(fileBucket(dataDir))
    const server = await startPrometheus({
      binary: PROMETHEUS_3,
      dataDir,
      config: 'scrape_configs: []\n',
      flags: ['--storage.tsdb.retention.time=10y'],
    })
    try {
      const { found, values } = await differences(sliced, askUrl(server.url))
      expect(found).toEqual([])
      expect(values).toBeGreaterThan(30 * COUNT)
    } finally {
      await server.stop()
    }
  })
})

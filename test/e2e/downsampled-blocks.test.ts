/**
 * Thanos and thaw downsample the same raw blocks: chunk by chunk they write the same bytes, and Thanos's store and querier answer the same over
 * either's blocks.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { downsampleBlock } from '#lib/compact/downsample/downsample-block.ts'
import { planDownsampling } from '#lib/compact/downsample/plan-downsampling.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { chunksOf } from '#test/compact/downsample/chunks-of.ts'
import { agreedSeries, END_MS, putRaw, START_MS } from '#test/compact/downsample/world.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { thanosTool } from '#test/peer/thanos-tools.ts'
import { downsampleBucket, startThanos } from '#test/peer/thanos.ts'
import { testId } from '#test/store/sample-block.ts'
import { type ApiAnswer, askUrl } from './support/ask.ts'
import { compareAnswers } from './support/compare.ts'
import {
  Chance,
  putRandomWorld,
  randomThanosRequest,
  type ThanosRequest,
} from './support/thanos-random.ts'

const BINARY = process.env['THAW_THANOS']
const SEED = Number(process.env['THAW_SEED'] ?? 1)
const COUNT = Number(process.env['THAW_RANDOM_REQUESTS'] ?? 300)

const RULES = {
  nowMs: Date.UTC(2027, 0),
  consistencyDelayMs: 0,
  retentionMs: { fiveMinutes: 0, oneHour: 0 },
}

/** All that the plan says, until it says nothing more. */
async function downsampleAll(bucket: Bucket): Promise<void> {
  for (let n = 900; ;) {
    const { jobs } = planDownsampling((await scanBlocks(bucket, new Map())).blocks, RULES)
    if (jobs.length === 0) return
    for (const { block, resolutionMs } of jobs) {
      await downsampleBlock({ bucket, block, resolutionMs, ulid: testId(n++), now: () => 0 })
    }
  }
}

/** What was downsampled to what. */
function nameOf({ resolutionMs, labels, sources, minTimeMs, maxTimeMs }: BlockRecord): string {
  return [resolutionMs, ...labels, ...sources, minTimeMs, maxTimeMs].join(' ')
}

async function downsampled(
  bucket: Bucket,
): Promise<Map<string, ReadonlyMap<string, ReadyChunk[]>>> {
  const found = new Map<string, ReadonlyMap<string, ReadyChunk[]>>()
  const { blocks } = await scanBlocks(bucket, new Map())
  for (const block of blocks) {
    if (block.resolutionMs > 0) found.set(nameOf(block), await chunksOf(bucket, block.id))
  }
  return found
}

/** They are reset, and then thaw cuts chunks otherwise: docs/differences.md. */
const RESET = /whole_seconds|fraction_seconds/

const MADE = { cluster: 'made' }
const MADE_QUERIES = [
  'whole_seconds',
  'histogram_count(fraction_seconds)',
  'histogram_quantile(0.9, rate(whole_seconds[3h]))',
  'increase(custom_seconds[5h])',
  'max_over_time(level[3h])',
  'rate(requests_total[4h])',
  'increase(requests_total[3d])',
  'avg_over_time(mixed_seconds[1h])',
  'count_over_time(gaps[9h])',
  'min_over_time(special[2h])',
  'sum_over_time(late[3h])',
  'flapping',
  'gauge_seconds',
  'once',
].map((query) => query.replace(/\b([a-z_]+)(?=\[|\)|$)/, `$1{cluster="${MADE.cluster}"}`))

function madeRequests(): ThanosRequest[] {
  return MADE_QUERIES.flatMap((query) =>
    ['5m', '1h'].map((resolution): ThanosRequest => ({
      asked: 'penalty',
      path: 'query_range',
      params: {
        query,
        start: START_MS / 1000,
        end: END_MS / 1000,
        step: 7201,
        max_source_resolution: resolution,
      },
    })),
  )
}

interface World {
  readonly theirs: string
  readonly ours: string
  readonly workDir: string
  readonly requests: readonly ThanosRequest[]
}

async function makeWorld(binary: string, workDir: string): Promise<World> {
  const [theirs, ours] = [join(workDir, 'theirs'), join(workDir, 'ours')]
  const requests = madeRequests()
  for (const bucketDir of [theirs, ours]) {
    await mkdir(bucketDir)
    const chance = new Chance(SEED)
    const world = await putRandomWorld(fileBucket(bucketDir), chance)
    await putRaw(fileBucket(bucketDir), agreedSeries())
    if (bucketDir === ours) continue
    while (requests.length < COUNT) {
      const request = randomThanosRequest(chance, world)
      if (!RESET.test(String(request.params['query']))) requests.push(request)
    }
  }
  await downsampleBucket({ binary, bucketDir: theirs, workDir })
  await downsampleAll(fileBucket(ours))
  return { theirs, ours, workDir, requests }
}

async function answersOf(
  binary: string,
  bucketDir: string,
  { workDir, requests }: World,
): Promise<ApiAnswer[]> {
  const own = join(workDir, `servers-${bucketDir.split('/').at(-1)!}`)
  await mkdir(own)
  const { urls, stop } = await startThanos({ binary, bucketDir, workDir: own })
  const answers: ApiAnswer[] = []
  for (const { asked, path, params } of requests)
    answers.push(await askUrl(urls[asked])(path, params))
  await stop()
  return answers
}

if (BINARY === undefined) {
  describeSkipped('downsampled by Thanos and by thaw', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('downsampled by Thanos and by thaw', () => {
    it('blocks are the same, and so are answers over them', async () => {
      const workDir = await mkdtemp(join(tmpdir(), 'thaw-downsampled-'))
      try {
        const world = await makeWorld(BINARY, workDir)
        const [theirs, ours] = [
          await downsampled(fileBucket(world.theirs)),
          await downsampled(fileBucket(world.ours)),
        ]
        expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
        let same = 0
        for (const [name, expected] of theirs) {
          const actual = ours.get(name)!
          expect([...actual.keys()]).toEqual([...expected.keys()])
          for (const [labels, chunks] of expected) {
            if (RESET.test(labels) && !name.includes(MADE.cluster)) continue
            expect(actual.get(labels)).toEqual(chunks)
            same += chunks.length
          }
        }
        expect(same).toBeGreaterThan(60)

        const verified = await thanosTool(BINARY, world.ours, 'verify', '-i', 'index_known_issues')
        expect(verified.err).not.toMatch(/level=(warn|error)/)
        expect(verified.code).toBe(0)

        const expected = await answersOf(BINARY, world.theirs, world)
        const actual = await answersOf(BINARY, world.ours, world)
        let answered = 0
        for (const [i, request] of world.requests.entries()) {
          const comparison = compareAnswers(actual[i]!, expected[i]!)
          expect({ request, comparison }).toMatchObject({ request, comparison: { type: 'equal' } })
          if (comparison.type === 'equal' && comparison.values > 0) answered++
        }
        expect(answered).toBeGreaterThan(world.requests.length / 2)
        console.log(
          `${same} chunks are the same, ${answered} of ${COUNT} requests have answers, all the same`,
        )
      } finally {
        await rm(workDir, { recursive: true })
      }
    })
  })
}

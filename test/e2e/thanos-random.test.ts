/**
 * Requests made by chance over buckets made by chance: with Thanos's deduplication the answers are Thanos's, bit for bit, whether thaw reads
 * the bucket, or asks Thanos's store, or a querier of Thanos.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import { endpointsOf } from '#test/endpoints/fake-endpoint.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { blockMetas, downsampleBucket, startThanos } from '#test/peer/thanos.ts'
import { type ApiAnswer, type Ask, askUrl } from './support/ask.ts'
import { compareAnswers } from './support/compare.ts'
import {
  Chance,
  putRandomWorld,
  randomThanosRequest,
  type ThanosRequest,
} from './support/thanos-random.ts'
import { thawOver } from './support/thaw-app.ts'

const BINARY = process.env['THAW_THANOS']
/** Another one gives other buckets and requests; each failure names it. */
const SEED = Number(process.env['THAW_SEED'] ?? 1)
const COUNT = Number(process.env['THAW_RANDOM_REQUESTS'] ?? 300)
const WORLDS = 3

async function compareWorld(
  binary: string,
  seed: number,
): Promise<{ answered: number; different: string[] }> {
  const workDir = await mkdtemp(join(tmpdir(), 'thaw-thanos-'))
  const bucketDir = join(workDir, 'bucket')
  const settings = { binary, bucketDir, workDir }
  const chance = new Chance(seed)
  try {
    await mkdir(bucketDir)
    const world = await putRandomWorld(fileBucket(bucketDir), chance)
    await downsampleBucket(settings)
    for (const { ulid, thanos } of await blockMetas(bucketDir)) {
      const goes = thanos.downsample.resolution > 0 && chance.is(0.15)
      if (goes) await rm(join(bucketDir, ulid), { recursive: true })
    }
    const bucket = memoryBucket()
    for (const { ulid } of await blockMetas(bucketDir)) {
      for (const file of ['index', 'chunks/000001', 'meta.json']) {
        await bucket.put(`${ulid}/${file}`, await readFile(join(bucketDir, ulid, file)))
      }
    }
    const { urls, storeApis, stop } = await startThanos(settings)
    const nothing = memoryBucket()
    const places = [
      { place: 'the bucket', ...thawsOver(bucket) },
      { place: 'a store', ...thawsOver(nothing, endpointsOf(storeApis.slice(0, 1))) },
      { place: 'a querier', ...thawsOver(nothing, endpointsOf(storeApis.slice(1))) },
    ]
    let answered = 0
    const different: string[] = []
    for (let i = 0; i < COUNT; i++) {
      const request = randomThanosRequest(chance, world)
      const { asked, path, params } = request
      const expected = comparable(await askUrl(urls[asked])(path, params), request)
      for (const { place, ...thaw } of places) {
        const actual = comparable(await thaw[asked](path, params), request)
        const comparison = compareAnswers(actual, expected)
        if (comparison.type === 'equal' && comparison.values > 0) answered++
        if (comparison.type === 'equal') continue
        different.push(JSON.stringify({ seed, place, request, comparison }))
      }
    }
    await stop()
    return { answered, different }
  } finally {
    await rm(workDir, { recursive: true })
  }
}

/** thaw as each of the queriers and the frontend. */
function thawsOver(
  bucket: Bucket,
  endpoints?: EndpointSet,
): Record<'penalty' | 'chain' | 'frontend', Ask> {
  const ours = (deduplication: 'penalty' | 'chain', requestDownsampled = false): Ask =>
    thawOver(bucket, {
      replicaLabels: ['replica'],
      deduplication,
      requestDownsampled,
      exactDownsampling: false,
      endpoints,
    })
  return { penalty: ours('penalty'), chain: ours('chain'), frontend: ours('penalty', true) }
}

/** Without the buckets of histograms that may be averages, in which Thanos has noise. The query-frontend writes buckets where there are none. */
function comparable(answer: ApiAnswer, { params }: ThanosRequest): ApiAnswer {
  const averaged = /long.*_seconds|_seconds.*long/.test(String(params['query']))
  const text = JSON.stringify(answer)
  return JSON.parse(text.replace(averaged ? BUCKETS : NO_BUCKETS, '')) as ApiAnswer
}

const NO_BUCKETS = /,"buckets":\[\]/g
const BUCKETS = /,"buckets":\[(\[[^\]]*\],?)*\]/g

if (BINARY === undefined) {
  describeSkipped('Thanos', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('Thanos', () => {
    it.each(Array.from({ length: WORLDS }, (_, i) => SEED * WORLDS + i))(
      'answers what thaw answers, seed %d',
      async (seed) => {
        const { answered, different } = await compareWorld(BINARY, seed)
        expect(different).toEqual([])
        expect(answered).toBeGreaterThan((COUNT / 4) * 3)
      },
    )
  })
}

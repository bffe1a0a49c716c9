/** The same answers as Thanos gave over the same bucket, bit for bit: `test/data/README.md` says how they were made. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Ask } from '#test/e2e/support/ask.ts'
import { thawOver } from '#test/e2e/support/thaw-app.ts'
import { THANOS_CASES, type ThanosCase } from './cases.ts'
import { OLD_BORDER_MS, OLD_RAW_IDS, putWorld, US_START_MS } from './world.ts'

const FOLDER = fileURLToPath(new URL('../../data/downsampled-e103a81b', import.meta.url))

interface GoldenCase extends ThanosCase {
  readonly httpStatus: number
  readonly status: string
  readonly data?: QueryData
  readonly warnings?: readonly string[]
}

interface QueryData {
  readonly resultType: string
  readonly result: readonly QuerySeries[]
}

interface QuerySeries {
  readonly metric: Readonly<Record<string, string>>
  readonly histograms?: readonly HistogramPoint[]
}

type HistogramPoint = readonly [number, { readonly count: string; readonly sum: string }]

const { cases } = JSON.parse(
  gunzipSync(readFileSync(join(FOLDER, 'answers.json.gz'))).toString(),
) as { readonly cases: readonly GoldenCase[] }

/**
 * Prometheus leaves the order of a vector open. The buckets of averaged histograms are left out: Thanos divides them where its decoder
 * still needs them, and what comes out is noise (2974 as 1e-27); count and sum are right.
 */
function comparable({ resultType, result }: QueryData, { params }: ThanosCase): unknown {
  const averaged = params['query'] === AVERAGED && params['max_source_resolution'] !== '0s'
  const keyed = result.map((one) => [labelsKey(labelsFrom(one.metric)), one] as const)
  const ordered = keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
  if (!averaged) return { resultType, result: ordered }
  return {
    resultType,
    result: ordered.map((one) => ({ ...one, histograms: one.histograms!.map(withoutBuckets) })),
  }
}

const AVERAGED = 'size_bytes[45m]'

function withoutBuckets([time, { count, sum }]: HistogramPoint): unknown {
  return [time, count, sum]
}

function nameOf({ deduplication, frontend, path, params }: ThanosCase): string {
  return `${frontend ? 'frontend' : deduplication} ${path} ${new URLSearchParams(params as Record<string, string>).toString()}`
}

describe('answers of Thanos', () => {
  const asks = new Map<string, Ask>()

  beforeAll(async () => {
    const bucket = memoryBucket()
    await putWorld(bucket)
    for (const id of readdirSync(FOLDER).filter((name) => !name.includes('.'))) {
      for (const file of ['index', 'meta.json', 'chunks/000001']) {
        await bucket.put(`${id}/${file}`, readFileSync(join(FOLDER, id, file)))
      }
    }
    for (const id of OLD_RAW_IDS) {
      for (const file of ['index', 'chunks/000001', 'meta.json'])
        await bucket.delete(`${id}/${file}`)
    }
    const replicaLabels = ['replica']
    for (const deduplication of ['penalty', 'chain'] as const) {
      const options = {
        replicaLabels,
        deduplication,
        requestDownsampled: false,
        exactDownsampling: false,
      }
      asks.set(deduplication, thawOver(bucket, options))
    }
    asks.set(
      'frontend',
      thawOver(bucket, { replicaLabels, deduplication: 'penalty', exactDownsampling: false }),
    )
  })

  it('are of these cases', () => {
    expect(cases.map(nameOf)).toEqual(THANOS_CASES.map(nameOf))
  })

  it.each(cases.map((one, i) => [`${i} ${nameOf(one)}`, one] as const))('%s', async (_, golden) => {
    const answer = await asks.get(golden.frontend ? 'frontend' : golden.deduplication)!(
      golden.path,
      golden.params,
    )
    expect(answer.status).toBe(golden.status)
    if (golden.status === 'error') return
    expect(comparable(answer.data as QueryData, golden)).toEqual(comparable(golden.data!, golden))
    const warned = (warnings: readonly string[] = []): boolean =>
      warnings.some((text) => !text.startsWith('PromQL'))
    expect(warned(answer.warnings)).toBe(warned(golden.warnings))
  })

  it('are over series that are found where only downsampled blocks are left', async () => {
    const params = { 'match[]': 'depth', start: US_START_MS / 1000, end: OLD_BORDER_MS / 1000 }
    const { data } = await asks.get('penalty')!('series', params)
    expect(data).toEqual([{ __name__: 'depth', cluster: 'old' }])
  })
})

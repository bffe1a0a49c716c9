/** Ranges that begin in a downsampled block and end in a raw one, and replicas of downsampled blocks. */
import { beforeAll, describe, expect, it } from 'vitest'
import { scanBlock } from '#lib/blocks/scan.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { downsampleBlock } from '#lib/compact/downsample/downsample-block.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { Ask } from '#test/e2e/support/ask.ts'
import { exponential } from '#test/e2e/support/written-series.ts'
import { thawOver } from '#test/e2e/support/thaw-app.ts'
import { scrapedSamples } from '#test/store/scraped.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

function hours(from: number, to: number): TestSeries[] {
  const times = Array.from(
    { length: (to - from) * 60 },
    (_, k) => from * HOUR_MS + k * MINUTE_MS + 5000,
  )
  const seriesOf = (name: string, value: (k: number) => number | object): TestSeries => ({
    labels: labelsFrom({ __name__: name }),
    samples: scrapedSamples(times, (i) => value(from * 60 + i) as number)!,
  })
  return [
    seriesOf('level', (k) => (k % 13) + k / 100),
    seriesOf('wait_seconds', (k) => exponential(1, k + 200, 1)),
    // Floats first, histograms then.
    seriesOf('turning', (k) => (k < 45 * 60 ? k % 7 : exponential(1, k + 200, 1))),
  ]
}

const QUERIES = [
  'count_over_time(level[6h])',
  'avg_over_time(level[6h])',
  'sum_over_time(level[6h])',
  'max_over_time(level[6h])',
  'resets(level[5m])',
  'count_over_time(wait_seconds[6h])',
  'histogram_avg(avg_over_time(wait_seconds[6h]))',
  'histogram_count(sum_over_time(wait_seconds[6h]))',
  'count_over_time(turning[8h])',
] as const

async function valueOf(ask: Ask, query: string): Promise<number> {
  const params = { query, time: 51 * 3600, max_source_resolution: '5m' }
  const { data, error } = await ask('query', params)
  const { result } = data as { result: { value: [number, string] }[] }
  if (!result[0]) throw new Error(`${query}: ${String(error)}`)
  return Number(result[0].value[1])
}

describe('functions over a range with raw and downsampled blocks', () => {
  let raw: Ask
  let mixed: Ask
  let replicas: Ask

  beforeAll(async () => {
    const all = memoryBucket()
    const later = memoryBucket()
    const twice = memoryBucket()
    const put = async (
      bucket: typeof all,
      n: number,
      from: number,
      to: number,
      replica = 'a',
    ): Promise<void> => {
      await putBlock(bucket, {
        id: testId(n),
        minTimeMs: from * HOUR_MS,
        maxTimeMs: to * HOUR_MS,
        externalLabels: { cluster: 'a', replica },
        series: hours(from, to),
      })
    }
    await put(all, 1, 0, 48)
    await put(all, 2, 48, 52)
    await put(later, 2, 48, 52)
    for (const [n, replica] of [
      [1, 'a'],
      [4, 'b'],
    ] as const) {
      await put(twice, n, 0, 48, replica)
      await put(twice, n + 1, 48, 52, replica)
    }
    for (const [from, to, n] of [
      [all, later, 1],
      [twice, twice, 1],
      [twice, twice, 4],
    ] as const) {
      const block = await scanBlock(from, testId(n))
      if (!block || 'reason' in block) throw new Error('no block')
      const ulid = testId(n + 10)
      await downsampleBlock({ bucket: from, block, resolutionMs: 300_000, ulid, now: () => 0 })
      if (from === to) continue
      for (const file of ['chunks/000001', 'index', 'meta.json']) {
        await to.put(`${ulid}/${file}`, (await from.get(`${ulid}/${file}`)).body)
        await from.delete(`${ulid}/${file}`)
      }
    }
    const replicaLabels = ['replica']
    raw = thawOver(all, { replicaLabels })
    mixed = thawOver(later, { replicaLabels })
    replicas = thawOver(twice, { replicaLabels })
  })

  it.each(QUERIES)('%s is what it is over raw blocks', async (query) => {
    expect(await valueOf(mixed, query)).toBeCloseTo(await valueOf(raw, query), 9)
  })

  it.each(QUERIES)('%s is the same of replicas', async (query) => {
    expect(await valueOf(replicas, query)).toBe(await valueOf(mixed, query))
  })
})

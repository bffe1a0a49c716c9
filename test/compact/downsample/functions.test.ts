/** The table of docs/downsampling.md: what functions give over downsampled blocks, beside what they give over the raw ones. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { downsampleBlock } from '#lib/compact/downsample/downsample-block.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { Ask } from '#test/e2e/support/ask.ts'
import { noise } from '#test/e2e/support/noise.ts'
import { exponential } from '#test/e2e/support/written-series.ts'
import { thawOver } from '#test/e2e/support/thaw-app.ts'
import { scrapedSamples, type ScrapedValue } from '#test/store/scraped.ts'
import { putBlock, testId } from '#test/store/sample-block.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const START_MS = Date.UTC(2026, 2, 3)
const END_MS = START_MS + 250 * HOUR_MS
const RAW = testId(1)
const FIVE = testId(2)
const HOUR = testId(3)

/** Scraped each minute, never at the border of a window. */
const METRICS: Readonly<Record<string, (k: number) => ScrapedValue>> = {
  level: (k) =>
    k % 300 < 151 || k % 300 > 157
      ? 50 + 20 * Math.sin(k / 400) + Math.round(20 * noise(1, k)) / 10
      : undefined,
  // Begins anew every 17 hours.
  hits_total: (k) => 3 * (k % 1021) + Math.floor(2 * noise(2, k)),
  up: () => 1,
  wait_seconds: (k) => (k % 2 === 0 ? exponential(1, k / 2 + 200, 1) : undefined),
}

/** What a bucket has in which there is nothing else. */
async function bucketOf(id: string, from: Bucket): Promise<Bucket> {
  const bucket = memoryBucket()
  for (const file of ['chunks/000001', 'index', 'meta.json']) {
    await bucket.put(`${id}/${file}`, (await from.get(`${id}/${file}`)).body)
  }
  return bucket
}

const QUERIES: readonly string[] = [
  'level',
  'min(level)',
  'max(level)',
  'sum(level)',
  'count(level)',
  'count_values("v", up)',
  'avg_over_time(level[6h])',
  'sum_over_time(level[6h])',
  'min_over_time(level[6h])',
  'max_over_time(level[6h])',
  'count_over_time(level[6h])',
  'present_over_time(level[6h])',
  'last_over_time(level[6h])',
  'quantile_over_time(0.9, level[6h])',
  'stddev_over_time(level[6h])',
  'changes(level[6h])',
  'delta(level[6h])',
  'deriv(level[6h])',
  'predict_linear(level[6h], 3600)',
  'avg_over_time(level[6h:1h])',
  'sum_over_time(level[6h:1h])',
  'count_over_time(level[6h:1h])',
  'rate(hits_total[6h])',
  'increase(hits_total[6h])',
  'increase(hits_total[200h])',
  'irate(hits_total[6h])',
  'resets(hits_total[100h])',
  'histogram_count(sum_over_time(wait_seconds[6h]))',
  'histogram_sum(avg_over_time(wait_seconds[6h]))',
  'count_over_time(wait_seconds[6h])',
  'histogram_count(increase(wait_seconds[6h]))',
  'histogram_quantile(0.9, rate(wait_seconds[6h]))',
]

const PARAMS = { start: START_MS / 1000 + 210 * 3600, end: END_MS / 1000, step: 7200 }

interface Answer {
  readonly labels: string
  /** Of all steps that have one. */
  readonly values: readonly number[]
}

async function answerOf(ask: Ask, query: string, maxSourceResolution: string): Promise<Answer> {
  const params = { ...PARAMS, query, max_source_resolution: maxSourceResolution }
  const { status, error, data } = await ask('query_range', params)
  if (status !== 'success') throw new Error(`${query}: ${String(error)}`)
  const { result } = data as { result: { metric: object; values: [number, string][] }[] }
  expect(result).toHaveLength(1)
  const { metric, values } = result[0]!
  return { labels: JSON.stringify(metric), values: values.map(([, value]) => Number(value)) }
}

/** `=`: the same; `≈`: within a tenth; `≠`: neither. */
function compare(actual: Answer, expected: Answer): string {
  if (actual.labels !== expected.labels || actual.values.length !== expected.values.length)
    return '≠'
  const worst = Math.max(
    ...actual.values.map(
      (value, i) =>
        Math.abs(value - expected.values[i]!) / Math.max(1e-9, Math.abs(expected.values[i]!)),
    ),
  )
  return worst < 1e-9 ? '=' : worst < 0.1 ? '≈' : '≠'
}

const TABLE = /^\| `(?<query>[^`]+)` \| (?<cells>.*) \|$/gm

describe('functions over downsampled blocks', () => {
  const rows = new Map<string, string>()

  beforeAll(async () => {
    const bucket = memoryBucket()
    const times = Array.from({ length: 250 * 60 }, (_, k) => START_MS + k * MINUTE_MS + 20_000)
    await putBlock(bucket, {
      id: RAW,
      minTimeMs: START_MS,
      maxTimeMs: END_MS,
      series: Object.entries(METRICS).map(([name, value]) => ({
        labels: labelsFrom({ __name__: name }),
        samples: scrapedSamples(times, value)!,
      })),
    })
    for (const [from, resolutionMs, ulid] of [
      [RAW, 300_000, FIVE],
      [FIVE, 3_600_000, HOUR],
    ] as const) {
      const block = await scanBlock(bucket, from)
      if (!block || 'reason' in block) throw new Error(`no block ${from}`)
      await downsampleBlock({ bucket, block, resolutionMs, ulid, now: () => 0 })
    }
    const raw = thawOver(await bucketOf(RAW, bucket))
    const asks = [
      { id: FIVE, exactDownsampling: true },
      { id: HOUR, exactDownsampling: true },
      { id: FIVE, exactDownsampling: false },
      { id: HOUR, exactDownsampling: false },
    ].map(async ({ id, ...options }) => thawOver(await bucketOf(id, bucket), options))
    for (const query of QUERIES) {
      const expected = await answerOf(raw, query, '0s')
      const cells: string[] = []
      for (const ask of asks) cells.push(compare(await answerOf(await ask, query, '1h'), expected))
      rows.set(query, cells.join(' | '))
    }
  }, 120_000)

  it.each(QUERIES)('%s gives what the table says', (query) => {
    const text = readFileSync('docs/downsampling.md', 'utf8')
    const told = new Map(
      [...text.matchAll(TABLE)].map(({ groups }) => [groups!['query'], groups!['cells']]),
    )
    expect(rows.get(query)).toBe(told.get(query))
  })
})

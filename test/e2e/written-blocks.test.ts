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
import type { Request } from './support/requests.ts'
import { thawOver } from './support/thaw-app.ts'
import {
  customBucketSeries,
  floatSeries,
  histogramSeries,
  WRITTEN_END_MS,
  WRITTEN_START_MS,
} from './support/written-series.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const BLOCK_MS = 7_200_000
const SUM = '3.x sums with a compensation for rounding, 2.42 without'

const FLOATS: readonly (string | readonly [expr: string, roundsOtherwise: string])[] = [
  'level',
  'requests_total',
  'constant',
  'hole',
  'gone',
  'flapping',
  'late',
  'special',
  'once',
  'rate(requests_total[5m])',
  'increase(precise_total[20m])',
  'irate(flapping[3m])',
  ['avg_over_time(level[7m])', '3.x divides a compensated sum, 2.42 averages by a running mean'],
  'max_over_time(special[4m])',
  'count_over_time(hole[10m])',
  'last_over_time(gone[30m])',
  'absent(gone{job="a"})',
  'absent_over_time(flapping{job="b"}[2m])',
  'changes(flapping[15m])',
  'resets(requests_total[3h])',
  ['sum by (job) (level)', SUM],
  'count({job="a"}) by (__name__)',
  'timestamp(flapping)',
  'deriv(level[10m])',
  'quantile_over_time(0.3, level[11m])',
  'requests_total offset 50m - requests_total',
  'max_over_time(rate(requests_total[2m])[10m:1m])',
]

/** 2.42 extends a counter that began in the range further towards zero than 3.x does. */
const FLOATS_3: typeof FLOATS = ['rate(fresh_total[5m])', 'increase(fresh_total[1h])']

const HISTOGRAMS: readonly string[] = [
  ...['whole', 'reset', 'fraction', 'coarser', 'gauge', 'gone', 'mixed', 'custom'].flatMap(
    (name) => [
      `${name}_seconds`,
      `histogram_quantile(0.9, rate(${name}_seconds[5m]))`,
      `histogram_count(increase(${name}_seconds[10m]))`,
      `sum(rate(${name}_seconds{job="a"}[5m]))`,
    ],
  ),
  'histogram_sum(whole_seconds)',
  'histogram_avg(rate(fraction_seconds[5m]))',
  'histogram_fraction(0.1, 2, whole_seconds)',
  'histogram_stddev(gauge_seconds)',
  'histogram_stdvar(custom_seconds)',
  'avg by (job) (gauge_seconds)',
  'sum_over_time(gauge_seconds[5m])',
  'avg_over_time(gauge_seconds[5m])',
  'delta(gauge_seconds[5m])',
  'irate(reset_seconds[5m])',
  'changes(mixed_seconds[20m])',
  'resets(reset_seconds[4h])',
  'whole_seconds - reset_seconds',
  'whole_seconds * 2 / 3',
  'count(coarser_seconds) by (job)',
  'last_over_time(gone_seconds[20m])',
]

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

function requests(exprs: typeof FLOATS): Request[] {
  const range = { start: WRITTEN_START_MS / 1000 - 61, end: WRITTEN_END_MS / 1000 + 600, step: 97 }
  const time = WRITTEN_START_MS / 1000 + 9011
  return exprs.flatMap((one): Request[] => {
    const [expr, roundsOtherwise] = typeof one === 'string' ? [one] : one
    const asked = { expr, roundsOtherwise }
    const more = { asked, ordered: false, long: false }
    return [
      { ...more, path: 'query', params: { query: expr, time } },
      { ...more, path: 'query_range', params: { query: expr, ...range } },
      ...(/^\w+$/.test(expr)
        ? [{ ...more, path: 'query' as const, params: { query: `${expr}[1h]`, time } }]
        : []),
    ]
  })
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
    const report = await compareAll(requests(FLOATS), thaw.floats!, prometheus, {
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
    const report = await compareAll(requests(exprs), thaw[kind]!, prometheus, {
      mayBeClose: () => undefined,
      also: sameAnnotations,
    })
    console.log(`${kind}, against Prometheus 3.x: ${report.summary}`)
    expect(report.differences).toEqual([])
    expect(report.silent).toEqual([])
    expect(report.values).toBeGreaterThan(5000)
  })
})

/** Real clients ask thaw over HTTP: promtool, a Prometheus that reads remotely, and one that federates. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, type Listening } from '#lib/api/node-server.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { federateBucket } from '#test/api/golden/federate-world.ts'
import { goldenBucket, HISTOGRAM_BLOCK, openMetrics } from '#test/api/golden/world.ts'
import { command, isMissing } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus, type Prometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { askUrl, type Ask } from './support/ask.ts'
import { CHUNKS_TYPE, readProxy, SAMPLES_TYPE, type ReadProxy } from './support/read-proxy.ts'
import { thawApp } from './support/thaw-app.ts'

const found = await findPrometheus()
/** A Prometheus 3.x beside the packaged one, where there is one. */
const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const YEARS = ['--storage.tsdb.retention.time=100y']

let dir: string
let thaw: Listening
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-clients-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  thaw = await serve(thawApp(await goldenBucket()))
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

async function serve(app: ReturnType<typeof thawApp>): Promise<Listening> {
  const server = await listen(app, { port: 0, host: '127.0.0.1' })
  ends.push(() => server.close())
  return server
}

async function prometheusOf(
  binary: string,
  name: string,
  config: string,
  flags: readonly string[] = YEARS,
): Promise<string> {
  const dataDir = join(dir, name)
  const server = await startPrometheus({ binary, dataDir, config, flags })
  ends.push(() => server.stop())
  return server.url
}

if (isMissing(found)) describeSkipped('promtool', found)
else describePromtool(found)

function describePromtool({ binary, promtool }: Prometheus): void {
  describe('promtool', () => {
    let real: string

    beforeAll(async () => {
      const dataDir = join(dir, 'real')
      await cp(HISTOGRAM_BLOCK.folder, join(dataDir, HISTOGRAM_BLOCK.ulid), { recursive: true })
      const text = join(dir, 'samples.txt')
      await writeFile(text, openMetrics())
      const create = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', text, dataDir]
      await command(promtool, create)
      real = await prometheusOf(binary, 'real', '{}\n')
    })

    it.each([
      'query instant --time=1700000031 URL m',
      'query instant --time=1700000031 URL sum by (job) ({__name__=~"constant|gauge|single"})',
      'query instant --time=1700000080 URL m[5m]',
      'query instant --time=1700000031 URL 1e21',
      'query instant -o json --time=1700000031 URL m',
      'query range --start=1700000000 --end=1700000075 --step=15s URL m',
      'query range --start=1700000000 --end=1700000075 --step=15s URL sum by (job) (counter_total) > 0',
      'query range -o json --start=1700000000 --end=1700000075 --step=15s URL m',
      'query series --start=1699999200 --end=1700003000 --match=m URL',
      'query series --start=1699999200 --end=1700003000 --match={job="b"} --match=m URL',
      'query labels --start=1699999200 --end=1700003000 URL __name__',
      'query labels --start=1699999200 --end=1700003000 --match=m URL a',
    ])('%s', async (line) => {
      const [before, expression] = line.split(' URL')
      const ask = (url: string): Promise<string> =>
        command(promtool, [...before!.split(' '), url, ...(expression ? [expression.trim()] : [])])
      const answer = await ask(thaw.url)
      expect(answer.length).toBeGreaterThan(5)
      expect(answer).toBe(await ask(real))
    })

    it('shows the error of a wrong query', async () => {
      const failed = command(promtool, ['query', 'instant', thaw.url, 'm{'])
      await expect(failed).rejects.toMatchObject({
        stderr: expect.stringContaining('1:3: parse error: unexpected end of input inside braces'),
      })
    })
  })
}

/** The client of 2.42 asks for samples only, and leaves their histograms out. */
const READERS = [
  {
    name: 'the packaged Prometheus',
    binary: isMissing(found) ? undefined : found.binary,
    reads: { chunks: !isMissing(found) && !found.version.startsWith('2.42.'), histograms: false },
    reason: isMissing(found) ? found.missing : '',
  },
  {
    name: 'Prometheus 3',
    binary: PROMETHEUS_3,
    reads: { chunks: true, histograms: true },
    reason: 'THAW_PROMETHEUS_3 names no Prometheus 3.x',
  },
]

describe.each(READERS)('$name reads remotely', ({ name, binary, reads, reason }) => {
  /** A Prometheus without data that reads `url`. */
  async function reader(id: string, url: string, global = ''): Promise<Ask> {
    const config = `global: {${global}}\nremote_read:\n  - url: ${url}\n    read_recent: true\n`
    return askUrl(await prometheusOf(binary!, `${id}-${name.replace(/\W/g, '')}`, config))
  }

  /** Of steps between samples: whether a sample just as old as the lookback counts changed in version 3. */
  const ASKED = [
    ['query', { query: 'm', time: 1_700_000_031 }],
    ['query', { query: 'm[5m]', time: 1_700_000_080 }],
    ['query_range', { query: 'm', start: 1_700_000_000, end: 1_700_000_075, step: 15 }],
    ['query_range', { query: 'counter_total', start: 1_699_999_207, end: 1_700_003_000, step: 60 }],
    ['query_range', { query: '{job="b"}', start: 1_699_999_207, end: 1_700_003_000, step: 60 }],
    ['query', { query: 'nope', time: 1_700_000_031 }],
    ['series', { 'match[]': 'm', start: 1_699_999_200, end: 1_700_003_000 }],
  ] as const

  const HISTOGRAMS = [
    ['query', { query: 'histogram_quantile(0.9, histogram)', time: 1_699_999_800 }],
    ['query', { query: 'histogram_count(float_histogram)', time: 1_699_999_700 }],
    ['query_range', { query: 'flapping', start: 1_699_999_207, end: 1_700_000_400, step: 15 }],
  ] as const

  async function between(options = {}): Promise<ReadProxy> {
    const proxy = await readProxy(`${thaw.url}/api/v1/read`, options)
    ends.push(async () => proxy.close())
    return proxy
  }

  async function compare(ask: Ask): Promise<void> {
    const direct = askUrl(thaw.url)
    for (const [path, params] of [...ASKED, ...(reads.histograms ? HISTOGRAMS : [])]) {
      const { status, data } = await ask(path, params)
      const expected = await direct(path, params)
      expect({ path, params, status, data }).toEqual({
        path,
        params,
        status: 'success',
        data: expected.data,
      })
    }
  }

  it('what it asks for', async (context) => {
    if (binary === undefined) return context.skip(reason)
    const { url, types } = await between()
    await compare(await reader('chunks', url))
    expect(new Set(types)).toEqual(new Set([reads.chunks ? CHUNKS_TYPE : SAMPLES_TYPE]))
  })

  it('samples, when nothing else is offered', async (context) => {
    if (binary === undefined) return context.skip(reason)
    const { url, types } = await between({ samplesOnly: true })
    await compare(await reader('samples', url))
    expect(new Set(types)).toEqual(new Set([SAMPLES_TYPE]))
  })

  it('with external labels of its own', async (context) => {
    if (binary === undefined) return context.skip(reason)
    const bucket = memoryBucket()
    for (const [i, cluster] of ['x', 'y'].entries()) {
      await putBlock(bucket, {
        id: testId(i),
        minTimeMs: 1_700_000_000_000,
        maxTimeMs: 1_700_007_200_000,
        externalLabels: { cluster },
        series: [
          {
            labels: labels({ __name__: 'up', job: cluster }),
            samples: every(15_000, 1_700_000_000_000, 1_700_000_600_000, () => 1),
          },
        ],
      })
    }
    const { url } = await serve(thawApp(bucket))
    const ask = await reader('labelled', `${url}/api/v1/read`, 'external_labels: {cluster: x}')
    expect((await ask('query', { query: 'up', time: 1_700_000_300 })).data).toEqual({
      resultType: 'vector',
      result: [{ metric: { __name__: 'up', job: 'x' }, value: [1_700_000_300, '1'] }],
    })
  })

  it('federates', async (context) => {
    if (binary === undefined) return context.skip(reason)
    const baseMs = Date.now()
    const { url } = await serve(thawApp(await federateBucket(baseMs), { now: () => baseMs + 1 }))
    const config = `scrape_configs:
  - job_name: federate
    scrape_interval: 1s
    honor_labels: true
    metrics_path: /federate
    params: {'match[]': ['{__name__=~".+"}']}
    static_configs: [{targets: ['${new URL(url).host}']}]
`
    const id = `federate-${name.replace(/\W/g, '')}`
    const ask = askUrl(await prometheusOf(binary, id, config, []))
    const valueOf = async (query: string): Promise<string | undefined> => {
      const { data } = await ask('query', { query })
      const { result } = data as { result: { value: [number, string] }[] }
      return result[0]?.value[1]
    }
    for (let i = 0; i < 100 && (await valueOf('up{job="federate"}')) !== '1'; i++) await sleep(100)
    expect(await valueOf('up{job="federate"}')).toBe('1')
    expect(await valueOf('large_bytes{exported_job="z"}')).toBe('123456789')
    expect(await valueOf('up{instance="a:9", job="x"}')).toBe('1')
    expect(await valueOf('sizes_bucket{le="0.5"}')).toBe('1')
    expect(await valueOf('old')).toBeUndefined()
  })
})

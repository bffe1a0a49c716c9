/** The running agent: start, heartbeat, shipping, metrics, end. */
import { describe, expect, it } from 'vitest'
import { type PrometheusOptions, agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { type Logger, SILENT, describeError } from '#agent/logger.ts'
import { type AgentParts, runAgent } from '#agent/run-agent.ts'
import { pauseMs } from '#agent/ship/keep-shipping.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import {
  apiAnswer,
  blockId,
  configAnswer,
  fakePrometheus,
  temporaryDir,
  writeBlock,
} from './block-fixture.ts'
import { failingAtWrite, readJson, visibleBlocks } from './test-buckets.ts'

interface Running {
  readonly url: Promise<string>
  readonly ended: Promise<void>
  stop(): Promise<void>
}

type TestOptions = Partial<PrometheusOptions> & { readonly tsdbPath: string }

function testOptions(options: TestOptions): PrometheusOptions {
  return prometheusOptions({
    getConfigIntervalMs: 20,
    getConfigTimeoutMs: 5000,
    shipIntervalMs: 20,
    ...options,
  })
}

function start(options: TestOptions | readonly TestOptions[], parts: Partial<AgentParts>): Running {
  const stop = new AbortController()
  const listening = Promise.withResolvers<string>()
  const ended = runAgent(
    agentOptions({
      prometheuses: [options].flat().map(testOptions),
      httpAddress: '127.0.0.1:0',
    }),
    {
      bucket: memoryBucket(),
      logger: SILENT,
      now: Date.now,
      signal: stop.signal,
      onListening: listening.resolve,
      ...parts,
    },
  )
  ended.catch(listening.reject)
  listening.promise.catch(() => {})
  return {
    url: listening.promise,
    ended,
    async stop() {
      stop.abort()
      await ended
    },
  }
}

async function metricsOf(url: string): Promise<Map<string, string>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.replace(/ [^ ]+$/, ''), line.replace(/^.* /, '')]))
}

async function eventually<T>(ask: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask()
    if (done(answer) || attempt === 500) return answer
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('runAgent', () => {
  it('ships what is there and what comes later, and says so in its metrics', async () => {
    const { url: prometheusUrl } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    const bucket = memoryBucket()
    const agent = start({ tsdbPath, prometheusUrl }, { bucket })
    const list = () => visibleBlocks(bucket)
    await eventually(list, (blocks) => blocks.length === 1)
    await writeBlock(tsdbPath, 2)
    expect(await eventually(list, (blocks) => blocks.length === 2)).toEqual([
      blockId(1),
      blockId(2),
    ])
    const url = await agent.url
    const metrics = await eventually(
      () => metricsOf(url),
      (found) => found.get('thanos_shipper_uploads_total') === '2',
    )
    expect(metrics.get('thanos_shipper_uploads_total')).toBe('2')
    expect(metrics.get('thanos_shipper_upload_failures_total')).toBe('0')
    expect(metrics.get('thanos_shipper_dir_sync_failures_total')).toBe('0')
    expect(metrics.get('thanos_sidecar_prometheus_up')).toBe('1')
    expect(metrics.get('thanos_status{component="sidecar",check="ready"}')).toBe('1')
    expect(
      metrics.get('thanos_objstore_bucket_operations_total{bucket="memory",operation="upload"}'),
    ).toBe('6')
    expect(Number(metrics.get('thanos_sidecar_last_heartbeat_success_time_seconds'))).toBeCloseTo(
      Date.now() / 1000,
      -2,
    )
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200)
    expect((await fetch(`${url}/-/ready`)).status).toBe(200)
    expect((await fetch(`${url}/nothing`)).status).toBe(404)
    await agent.stop()
    await expect(fetch(`${url}/-/healthy`)).rejects.toThrow('fetch failed')
  })

  it('runs twice in one process, each with its own metrics', async () => {
    const { url: prometheusUrl } = await fakePrometheus()
    const bucket = memoryBucket()
    const dirs = [await temporaryDir(), await temporaryDir()]
    await writeBlock(dirs[0]!, 1)
    await writeBlock(dirs[1]!, 2)
    await writeBlock(dirs[1]!, 3)
    const agents = dirs.map((tsdbPath) => start({ tsdbPath, prometheusUrl }, { bucket }))
    const uploads = async () =>
      Promise.all(
        agents.map(async ({ url }) =>
          (await metricsOf(await url)).get('thanos_shipper_uploads_total'),
        ),
      )
    expect(await eventually(uploads, (counts) => counts.join() === '1,2')).toEqual(['1', '2'])
    await Promise.all(agents.map((agent) => agent.stop()))
  })

  it('is not ready while Prometheus is away, and ready when it is back', async () => {
    const prometheus = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    const agent = start({ tsdbPath, prometheusUrl: prometheus.url }, {})
    const url = await agent.url
    const ready = async () => (await fetch(`${url}/-/ready`)).status
    expect(await eventually(ready, (status) => status === 200)).toBe(200)
    const config = prometheus.answers['/api/v1/status/config']!
    prometheus.answers['/api/v1/status/config'] = { status: 503, body: 'Service Unavailable' }
    expect(await eventually(ready, (status) => status === 503)).toBe(503)
    expect((await metricsOf(url)).get('thanos_sidecar_prometheus_up')).toBe('0')
    prometheus.answers['/api/v1/status/config'] = config
    expect(await eventually(ready, (status) => status === 200)).toBe(200)
    await agent.stop()
  })

  it('uses changed external labels for the next block', async () => {
    const prometheus = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    const bucket = memoryBucket()
    const agent = start({ tsdbPath, prometheusUrl: prometheus.url }, { bucket })
    await eventually(
      async () => prometheus.requests.filter((path) => path.endsWith('config')).length,
      (count) => count > 1,
    )
    prometheus.answers['/api/v1/status/config'] = configAnswer('global: {external_labels: {n: x}}')
    const before = prometheus.requests.length
    await eventually(
      async () => prometheus.requests.length,
      (count) => count > before + 1,
    )
    const ulid = await writeBlock(tsdbPath, 1)
    await eventually(
      () => visibleBlocks(bucket),
      (blocks) => blocks.length === 1,
    )
    await agent.stop()
    const { body } = await bucket.get(`${ulid}/meta.json`)
    expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({
      thanos: { labels: { n: 'x' } },
    })
  })

  it('takes over from another agent as soon as that one is stopped', async () => {
    const { url: prometheusUrl } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    const bucket = memoryBucket()
    const old = start({ tsdbPath, prometheusUrl }, { bucket })
    const httpAddress = new URL(await old.url).host
    const stop = new AbortController()
    const listening = Promise.withResolvers<string>()
    const young = runAgent(
      agentOptions({ prometheuses: [testOptions({ tsdbPath, prometheusUrl })], httpAddress }),
      {
        bucket,
        logger: SILENT,
        now: Date.now,
        signal: stop.signal,
        onListening: listening.resolve,
      },
    )
    await writeBlock(tsdbPath, 1)
    await eventually(
      () => visibleBlocks(bucket),
      (blocks) => blocks.length === 1,
    )
    await old.stop()
    const url = await listening.promise
    expect(new URL(url).host).toBe(httpAddress)
    await writeBlock(tsdbPath, 2)
    await eventually(
      () => visibleBlocks(bucket),
      (blocks) => blocks.length === 2,
    )
    const metrics = await eventually(
      () => metricsOf(url),
      (found) => found.get('thanos_shipper_uploads_total') === '1',
    )
    stop.abort()
    await young
    expect(metrics.get('thanos_shipper_uploads_total')).toBe('1')
  })

  it('can be stopped while it waits for another one to leave', async () => {
    const { url: prometheusUrl } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    const old = start({ tsdbPath, prometheusUrl }, {})
    const stop = new AbortController()
    const young = runAgent(
      agentOptions({
        prometheuses: [testOptions({ tsdbPath, prometheusUrl })],
        httpAddress: new URL(await old.url).host,
      }),
      { bucket: undefined, logger: SILENT, now: Date.now, signal: stop.signal },
    )
    setTimeout(() => stop.abort(), 20)
    await young
    expect((await fetch(`${await old.url}/-/healthy`)).status).toBe(200)
    await old.stop()
  })

  it('ends with the reason when Prometheus has no external labels', async () => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/config'] = configAnswer('global: {}')
    const agent = start({ tsdbPath: await temporaryDir(), prometheusUrl: prometheus.url }, {})
    await expect(agent.ended).rejects.toThrow(/has no external labels, set global\.external_labels/)
  })

  it('ends with the reason when Prometheus compacts its own blocks', async () => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/flags'] = apiAnswer({
      'storage.tsdb.min-block-duration': '2h',
      'storage.tsdb.max-block-duration': '1d12h',
    })
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    const bucket = memoryBucket()
    const agent = start({ tsdbPath, prometheusUrl: prometheus.url }, { bucket })
    await expect(agent.ended).rejects.toMatchObject({ kind: 'invalid' })
    expect(await visibleBlocks(bucket)).toEqual([])
  })

  it('ends when Prometheus does not come', async () => {
    const agent = start(
      {
        tsdbPath: await temporaryDir(),
        prometheusUrl: 'http://127.0.0.1:1',
        prometheusReadyTimeoutMs: 10,
      },
      {},
    )
    await expect(agent.ended).rejects.toMatchObject({ kind: 'timeout' })
  })

  it('ends quietly when it is stopped while it waits for Prometheus', async () => {
    const agent = start({ tsdbPath: await temporaryDir(), prometheusUrl: 'http://127.0.0.1:1' }, {})
    const url = await agent.url
    expect((await fetch(`${url}/-/ready`)).status).toBe(503)
    await agent.stop()
  })

  it('keeps only the heartbeat without a bucket', async () => {
    const prometheus = await fakePrometheus()
    delete prometheus.answers['/api/v1/status/flags']
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    const agent = start({ tsdbPath, prometheusUrl: prometheus.url }, { bucket: undefined })
    const url = await agent.url
    await eventually(
      async () => (await fetch(`${url}/-/ready`)).status,
      (status) => status === 200,
    )
    await agent.stop()
    expect(prometheus.requests).not.toContain('/api/v1/status/flags')
  })

  it('tries again what the bucket refused for a moment', async () => {
    const { url: prometheusUrl } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    const store = memoryBucket()
    const bucket = failingAtWrite(store, 2, 'before')
    const agent = start({ tsdbPath, prometheusUrl }, { bucket })
    await eventually(
      () => visibleBlocks(store),
      (blocks) => blocks.length === 1,
    )
    const metrics = await metricsOf(await agent.url)
    await agent.stop()
    expect(metrics.get('thanos_shipper_upload_failures_total')).toBe('1')
  })

  it.each([
    ['is let finish within the grace period', 30_000, 1],
    ['is given up after the grace period', 10, 0],
  ])('stops, and a running upload %s', async (_, stopGraceMs, visible) => {
    const { url: prometheusUrl } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    const store = memoryBucket()
    const begun = Promise.withResolvers<void>()
    const bucket: Bucket = {
      ...store,
      async put(key, body, options) {
        begun.resolve()
        await new Promise((resolve) => setTimeout(resolve, 60))
        options?.signal?.throwIfAborted()
        return store.put(key, body, options)
      },
    }
    const agent = start({ tsdbPath, prometheusUrl, stopGraceMs }, { bucket })
    await begun.promise
    await agent.stop()
    expect(await visibleBlocks(store)).toHaveLength(visible)
  })
})

describe('several Prometheuses', () => {
  const labelled = async (replica: string) => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/config'] = configAnswer(
      `global: {external_labels: {replica: ${replica}}}`,
    )
    return prometheus
  }
  const replicas = async (bucket: Bucket) =>
    Promise.all(
      (await visibleBlocks(bucket)).map(async (ulid) => {
        const meta = await readJson(bucket, `${ulid}/meta.json`)
        return (meta['thanos'] as { labels: { replica: string } }).labels.replica
      }),
    )

  async function two(): Promise<[TestOptions, TestOptions]> {
    const dirs = [await temporaryDir(), await temporaryDir()]
    await writeBlock(dirs[0]!, 1)
    await writeBlock(dirs[1]!, 2)
    return [
      { name: 'a', tsdbPath: dirs[0]!, prometheusUrl: (await labelled('a')).url },
      { name: 'b', tsdbPath: dirs[1]!, prometheusUrl: (await labelled('b')).url },
    ]
  }

  it('are shipped side by side, told apart in the metrics', async () => {
    const bucket = memoryBucket()
    const agent = start(await two(), { bucket })
    await eventually(
      () => visibleBlocks(bucket),
      (blocks) => blocks.length === 2,
    )
    expect((await replicas(bucket)).sort()).toEqual(['a', 'b'])
    const url = await agent.url
    const metrics = await eventually(
      () => metricsOf(url),
      // A block is there a moment before it is counted.
      (found) =>
        ['a', 'b'].every(
          (name) => found.get(`thanos_shipper_uploads_total{prometheus="${name}"}`) === '1',
        ),
    )
    expect(metrics.get('thanos_sidecar_prometheus_up{prometheus="a"}')).toBe('1')
    expect(metrics.has('thanos_shipper_uploads_total')).toBe(false)
    await agent.stop()
  })

  it('do not stop each other: one that has no labels is tried until it has some', async () => {
    const options = await two()
    const broken = await labelled('c')
    const config = broken.answers['/api/v1/status/config']!
    broken.answers['/api/v1/status/config'] = configAnswer('global: {}')
    const bucket = memoryBucket()
    const agent = start([{ ...options[0], prometheusUrl: broken.url }, options[1]], { bucket })
    await eventually(
      () => replicas(bucket),
      (found) => found.length === 1,
    )
    expect(await replicas(bucket)).toEqual(['b'])
    const url = await agent.url
    expect((await fetch(`${url}/-/ready`)).status).toBe(200)
    expect((await metricsOf(url)).get('thanos_sidecar_prometheus_up{prometheus="a"}')).toBe('0')
    broken.answers['/api/v1/status/config'] = config
    expect(
      await eventually(
        () => replicas(bucket),
        (found) => found.length === 2,
      ),
    ).toEqual(expect.arrayContaining(['b', 'c']))
    await agent.stop()
  })

  it('with equal labels are not both served', async () => {
    const options = await two()
    const bucket = memoryBucket()
    const errors: string[] = []
    const logger: Logger = {
      ...SILENT,
      error: (facts) => void errors.push(describeError((facts as { err: unknown }).err)),
    }
    const same = options.map((one) => ({ ...one, prometheusUrl: options[0].prometheusUrl! }))
    const agent = start(same, { bucket, logger })
    await eventually(
      async () => errors.length,
      (count) => count > 0,
    )
    await eventually(
      () => visibleBlocks(bucket),
      (blocks) => blocks.length > 0,
    )
    await agent.stop()
    expect(errors[0]).toMatch(/has the external labels \{replica="a"\} that http.* has too/)
    expect(await visibleBlocks(bucket)).toHaveLength(1)
  })

  it('that are new when the agent is stopped are not started', async () => {
    const [a, b] = await two()
    const change = Promise.withResolvers<void>()
    const stop = new AbortController()
    async function* changes() {
      await change.promise
      stop.abort()
      yield [testOptions(b)]
    }
    const bucket = memoryBucket()
    const agent = start([a], { bucket, changes: changes(), signal: stop.signal })
    await eventually(
      () => replicas(bucket),
      (found) => found.length === 1,
    )
    change.resolve()
    await agent.ended
    expect(await replicas(bucket)).toEqual(['a'])
  })

  it('come and go with the configuration', async () => {
    const [a, b] = await two()
    const bucket = memoryBucket()
    const change = Promise.withResolvers<void>()
    async function* changes() {
      await change.promise
      yield [testOptions(b)]
    }
    const agent = start([a], { bucket, changes: changes() })
    const url = await agent.url
    await eventually(
      () => replicas(bucket),
      (found) => found.length === 1,
    )
    change.resolve()
    await eventually(
      () => replicas(bucket),
      (found) => found.length === 2,
    )
    const metrics = await eventually(
      () => metricsOf(url),
      (found) => found.has('thanos_shipper_uploads_total{prometheus="b"}'),
    )
    expect(metrics.has('thanos_shipper_uploads_total{prometheus="a"}')).toBe(false)
    await agent.stop()
  })
})

describe('the pause after a pass', () => {
  const unavailable = new DomainError('unavailable', 'slow down')

  it.each([
    [undefined, 0, 30_000],
    [unavailable, 1, 1000],
    [unavailable, 3, 4000],
    [unavailable, 50, 30_000],
    [new DomainError('unauthorized', 'no'), 1, 30_000],
    [new DomainError('corrupt', 'bad'), 2, 30_000],
  ])('after %s, %i times, is %i ms', (failure, failures, ms) => {
    expect(pauseMs(failure, failures, 30_000)).toBe(ms)
  })
})

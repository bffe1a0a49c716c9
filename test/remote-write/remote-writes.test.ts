import { describe, expect, it, onTestFinished } from 'vitest'
import type { WriteSeries } from '#lib/remote/write-request.ts'
import { parseRemoteWriteConfig } from '#lib/remote-write/remote-write-config.ts'
import { openRemoteWrites } from '#lib/remote-write/remote-writes.ts'
import { type Act, scriptedServer } from '../http-client/scripted-server.ts'

function series(name: string, ...times: readonly number[]): WriteSeries {
  const timestamps = Float64Array.from(times)
  return {
    labels: ['__name__', name],
    samples: { length: times.length, timestamps, values: timestamps },
  }
}

/** Time passes only while somebody waits. */
function open(yaml: string) {
  let nowMs = Date.UTC(2026, 0, 1)
  const waits: number[] = []
  const opened = openRemoteWrites({
    configs: parseRemoteWriteConfig(yaml),
    retryForMs: 10_000,
    userAgent: 'test/1',
    now: () => nowMs,
    sleep: async (ms) => {
      waits.push(ms)
      nowMs += ms
    },
  })
  onTestFinished(() => opened.close())
  const write = async (written: readonly WriteSeries[], signal?: AbortSignal) =>
    opened.send(opened.requests(written), signal)
  return { ...opened, write, waits }
}

async function writeTo(script: readonly Act[], more = '', written = [series('a', 1000)]) {
  const server = await scriptedServer(script)
  const remote = open(`remote_write: [{url: ${server.url}/w, remote_timeout: 300ms${more}}]`)
  const { remotes, unsent } = await remote.write(written)
  return { server, report: { ...remotes[0]!, unsent: unsent.length }, waits: remote.waits }
}

describe('a receiver', () => {
  it('gets what Prometheus would send it', async () => {
    const { server, report } = await writeTo([], ', headers: {X-Scope-OrgID: me}')
    expect(server.requests).toMatchObject([
      {
        method: 'POST',
        path: '/w',
        headers: {
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'x-prometheus-remote-write-version': '0.1.0',
          'user-agent': 'test/1',
          'x-scope-orgid': 'me',
        },
      },
    ])
    expect(server.requests[0]!.headers).not.toHaveProperty('retry-attempt')
    expect(report).toMatchObject({
      name: `${server.url}/w`,
      unsent: 0,
      samples: 1,
      histograms: 0,
      failed: 0,
      retried: 0,
      lastError: '',
    })
    expect(report.bytes).toBeGreaterThan(10)
  })

  it.each<[string, Act]>([
    ['answers 500', 500],
    ['is busy', 429],
    ['breaks off', 'reset'],
    ['hangs', 'hang'],
  ])('that %s is asked again', async (_, act) => {
    const { server, report, waits } = await writeTo([act, act])
    expect(server.requests.map(({ headers }) => headers['retry-attempt'])).toEqual([
      undefined,
      '1',
      '2',
    ])
    expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1)
    expect(report).toMatchObject({ unsent: 0, samples: 1, retried: 2 })
    expect(waits).toEqual([30, 60])
  })

  it('may say when', async () => {
    const script = [{ status: 503, retryAfter: '7' }]
    const { waits } = await writeTo(script)
    expect(waits).toEqual([7000])
    const date = [
      { status: 503, retryAfter: new Date(Date.UTC(2026, 0, 1, 0, 0, 3)).toUTCString() },
    ]
    expect((await writeTo(date)).waits).toEqual([3000])
  })

  it('that stays down is left alone, and what is behind waits', async () => {
    const { report, server } = await writeTo(
      [200, ...Array<Act>(50).fill(500)],
      ', queue_config: {max_samples_per_send: 1, min_backoff: 1s}',
      [series('a', 1000, 2000, 3000)],
    )
    expect(report).toMatchObject({ unsent: 2, samples: 1, failed: 0, retried: 3 })
    expect(report.lastError).toMatch(/answered 500$/)
    expect(server.requests).toHaveLength(5)
  })

  it.each<[string, Act, string, string]>([
    [
      'answers 400',
      { status: 400, body: 'out of order sample' },
      '',
      ' answered 400: out of order sample',
    ],
    ['redirects', { status: 302, location: '/x' }, '', ' answered 302'],
    ['is busy', 429, ', queue_config: {retry_on_http_429: false}', ' answered 429'],
    [
      'knows only 1.0',
      200,
      ', protobuf_message: io.prometheus.write.v2.Request',
      ' does not know remote write 2.0',
    ],
  ])('that %s may refuse, and the next request goes on', async (_, act, more, error) => {
    const written = [series('a', ...Array.from({ length: 2001 }, (_unused, i) => i))]
    const { report, server } = await writeTo([act, 429, 404], more, written)
    expect(report).toMatchObject({ unsent: 0, samples: 0, failed: 2001 })
    expect(server.requests.length).toBeGreaterThanOrEqual(2)
    const first = (await writeTo([act], more)).report.lastError
    expect(first.replace(/^\S+/, '')).toBe(error)
  })

  it('gets what its rules leave', async () => {
    const rules = ', write_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]'
    const { report } = await writeTo([], rules, [series('a', 1), series('b', 1, 2)])
    expect(report).toMatchObject({ samples: 1, failed: 0 })
  })

  it('does not hold others, and can be the only one to be asked again', async () => {
    const [down, well] = [await scriptedServer(Array<Act>(6).fill('hang')), await scriptedServer()]
    const remote = open(
      `remote_write: [{url: ${down.url}, name: down, remote_timeout: 200ms, queue_config: {min_backoff: 4s}}, {url: ${well.url}, name: well}]`,
    )
    const first = await remote.write([series('a', 1)])
    expect(first.remotes).toMatchObject([
      { name: 'down', samples: 0 },
      { name: 'well', samples: 1 },
    ])
    expect(first.unsent.map(({ remote: name }) => name)).toEqual(['down'])
    const second = await remote.send(first.unsent)
    expect(second).toMatchObject({
      unsent: first.unsent,
      remotes: [{ samples: 0 }, { samples: 0 }],
    })
    const third = await remote.send(second.unsent)
    expect(third.unsent).toEqual([])
    expect(well.requests).toHaveLength(1)
    expect(new Set(down.requests.map(({ body }) => body))).toEqual(
      new Set([well.requests[0]!.body]),
    )
  })

  it('is not asked when the signal came', async () => {
    const server = await scriptedServer()
    const remote = open(`remote_write: [{url: ${server.url}}]`)
    const report = await remote.write([series('a', 1)], AbortSignal.abort())
    expect(report).toMatchObject({ unsent: [{ samples: 1 }], remotes: [{ samples: 0 }] })
    expect(server.requests).toEqual([])
  })
})

describe('the configuration', () => {
  it('has defaults', () => {
    const [config] = parseRemoteWriteConfig('remote_write: [{url: http://a/w}]')
    expect(config).toMatchObject({
      name: 'http://a/w',
      timeoutMs: 30_000,
      version: '1.0',
      sendHistograms: false,
      maxSamplesPerSend: 2000,
      minBackoffMs: 30,
      maxBackoffMs: 5000,
      retryOn429: true,
    })
    expect(parseRemoteWriteConfig('')).toEqual([])
  })

  it.each([
    ['remote_write: [{}]', /url is missing/],
    ['remote_write: [{url: "ftp://a"}]', /url is missing or no/],
    ['remote_write: [{url: "http://u:geheim@a"}]', /url has a user: write basic_auth$/],
    ['remote_write: [{url: "http://a"}, {url: "http://a"}]', /\[1\]\.name or url is given twice/],
    ['remote_write: [{url: "http://a", sigv4: {}}]', /sigv4 is not supported/],
    ['remote_write: [{url: "http://a", urls: 1}]', /unknown key remote_write\[0\]\.urls/],
    [
      'remote_write: [{url: "http://a", headers: {Authorization: geheim}}]',
      /headers\.Authorization is set by/,
    ],
    ['remote_write: [{url: "http://a", protobuf_message: x}]', /protobuf_message is neither/],
    [
      'remote_write: [{url: "http://a", queue_config: {max_samples_per_send: 0}}]',
      /is not positive/,
    ],
    [
      'remote_write: [{url: "http://a", write_relabel_configs: [{action: x}]}]',
      /action x is none of/,
    ],
    ['remote_writes: []', /unknown key remote_writes/],
  ])('refuses %s', (yaml, message) => {
    expect(() => parseRemoteWriteConfig(yaml)).toThrow(message)
    expect(() => parseRemoteWriteConfig(yaml)).not.toThrow(/geheim/)
  })
})

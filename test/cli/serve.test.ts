/** `thaw serve` and `thaw query --endpoint`: the HTTP API over StoreAPIs. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import { thawProgram } from '#cli/program.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import {
  answering,
  type FakeAnswers,
  fakeEndpoint,
  SIDECAR,
} from '#test/endpoints/fake-endpoint.ts'
import { freePort } from '#test/peer/server.ts'
import { columns } from '#test/store/sample-block.ts'
import { NOW, thaw } from './cli-fixture.ts'

const [chunk] = encodeChunks(columns([[NOW - 30_000, 7]]))
const UP = {
  labels: ['__name__', 'up', 'cluster', 'a'],
  chunks: [{ minTimeMs: NOW - 30_000, maxTimeMs: NOW - 30_000, raw: chunk! }],
}
const series = answering({ series: [UP] })

interface Serving {
  readonly url: string
  readonly stop: AbortController
  readonly kill: AbortController
  readonly ended: Promise<number>
}

async function serve(...argv: readonly string[]): Promise<Serving> {
  const port = await freePort()
  const [stop, kill] = [new AbortController(), new AbortController()]
  const context = {
    env: {},
    now: () => NOW,
    write: () => undefined,
    writeError: () => undefined,
    signal: stop.signal,
    killSignal: kill.signal,
    onHangup: () => undefined,
  }
  const ended = runCommand(
    thawProgram(context),
    ['serve', `--http-address=127.0.0.1:${port}`, '--log.level=error', ...argv],
    () => undefined,
  )
  const url = `http://127.0.0.1:${port}`
  onTestFinished(async () => {
    stop.abort()
    kill.abort()
    await ended
  })
  await vi.waitFor(async () => expect((await fetch(`${url}/-/ready`)).status).toBe(200), {
    timeout: 10_000,
    interval: 50,
  })
  return { url, stop, kill, ended }
}

async function api(url: string, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${url}/api/v1/${path}`)).json()) as Record<string, unknown>
}

const answers: FakeAnswers = {
  info: async () => ({ ...SIDECAR, rules: {} }),
  series,
  labelValues: async () => ({ values: ['a'] }),
  rules: () => [
    {
      group: {
        name: 'g',
        file: 'f',
        rules: [
          {
            recording: {
              name: 'r',
              query: 'up',
              labels: [],
              health: 'ok',
              lastError: '',
              evaluationDurationSeconds: 0,
              lastEvaluation: { seconds: 1, nanos: 0 },
            },
            alert: undefined,
          },
        ],
        interval: 60,
        evaluationDurationSeconds: 0,
        lastEvaluation: { seconds: 1, nanos: 0 },
        limit: 0,
        partialResponseStrategy: 'WARN',
      },
    },
  ],
}

describe('thaw serve', () => {
  it('answers from an endpoint alone', async () => {
    const { address } = await fakeEndpoint(answers)
    const { url } = await serve(`--endpoint=${address}`)
    expect(await api(url, `query?query=up&time=${NOW / 1000}`)).toMatchObject({
      status: 'success',
      data: { result: [{ metric: { __name__: 'up', cluster: 'a' }, value: [NOW / 1000, '7'] }] },
    })
    expect(await api(url, 'label/cluster/values')).toMatchObject({ data: ['a'] })
    expect(await api(url, 'rules')).toMatchObject({ data: { groups: [{ name: 'g' }] } })
    const { data } = await api(url, 'stores')
    expect(data).toEqual({
      sidecar: [
        {
          name: address,
          lastCheck: new Date(NOW).toISOString(),
          lastError: null,
          labelSets: [{ cluster: 'a' }],
          minTime: 0,
          maxTime: Number.MAX_SAFE_INTEGER,
        },
      ],
    })
    expect((await api(url, 'status/flags'))['data']).toMatchObject({ endpoint: address })
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toContain(
      'thanos_store_nodes_grpc_connections{external_labels="{cluster=\\"a\\"}",store_type="sidecar"} 1',
    )
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200)
  })

  it('names the endpoint that is away, in a warning or an error', async () => {
    const { address, stop } = await fakeEndpoint(answers)
    const gone = await fakeEndpoint({})
    await gone.stop()
    const { url } = await serve(`--endpoint=${address}`, `--endpoint=${gone.address}`)
    const half = await api(url, `query?query=up&time=${NOW / 1000}`)
    expect(half).toMatchObject({
      status: 'success',
      warnings: [expect.stringContaining(`endpoint ${gone.address}: `)],
    })
    expect((half['data'] as { result: unknown[] }).result).toHaveLength(1)
    const whole = await api(url, `query?query=up&time=${NOW / 1000}&partial_response=false`)
    expect(whole).toMatchObject({
      status: 'error',
      error: expect.stringContaining(`endpoint ${gone.address}: `),
    })
    expect((await api(url, 'stores'))['data']).toMatchObject({
      unknown: [{ name: gone.address, lastError: `connect ECONNREFUSED ${gone.address}` }],
    })
    await stop()
  })

  it('ends when its requests have their answers, or at once when it is told again', async () => {
    let release = (): void => undefined
    let isAsked = false
    const wait: FakeAnswers['series'] = async (...call) => {
      isAsked = true
      await new Promise<void>((resolve) => (release = resolve))
      await series(...call)
    }
    const { address } = await fakeEndpoint({ ...answers, series: wait })
    for (const patience of ['patient', 'not'] as const) {
      isAsked = false
      const { url, stop, kill, ended } = await serve(`--endpoint=${address}`)
      const asked = api(url, `query?query=up&time=${NOW / 1000}`)
      const outcome = asked.then(
        ({ status }) => status,
        () => 'cut off',
      )
      await vi.waitFor(() => expect(isAsked).toBe(true))
      stop.abort()
      await vi.waitFor(async () =>
        expect(await fetch(`${url}/-/healthy`).catch(() => 'refused')).toBe('refused'),
      )
      if (patience === 'patient') release()
      else kill.abort()
      expect(await outcome).toBe(patience === 'patient' ? 'success' : 'cut off')
      expect(await ended).toBe(0)
      release()
    }
  })

  it.each([
    [
      [],
      'there is nothing to serve, name a bucket with --objstore.config-file or a StoreAPI with --endpoint',
    ],
    [['--endpoint=http://a:1'], 'endpoint "http://a:1" is no host:port'],
    [['--endpoint=a:1', '--http-address=nowhere'], '"nowhere" is no address'],
    [['--endpoint-strict=dns+a:1'], 'a strict endpoint may not be'],
    [['--endpoint.sd-config=endpoints: 5'], 'endpoint configuration: endpoints: want a list'],
    [['--endpoint.sd-config-file=no/such.yml'], 'endpoint configuration: ENOENT'],
    [
      ['--endpoint=a:1', '--store.response-timeout=soon'],
      '--store.response-timeout: cannot parse "soon"',
    ],
    [['--endpoint=a:1', '--grpc-client-tls-min-version=1.4'], 'want 1.0, 1.1, 1.2, 1.3'],
  ])('refuses %j', async (argv, message) => {
    const { code, err } = await thaw(['serve', ...argv])
    expect(err).toContain(message)
    expect(code).toBe(1)
  })
})

describe('thaw query --endpoint', () => {
  it('asks with no server', async () => {
    const { address } = await fakeEndpoint(answers)
    const { out, err, code } = await thaw(['query', 'up', `--endpoint=${address}`])
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe('SERIES           VALUE\nup{cluster="a"}      7\n')
  })

  it('says who is away', async () => {
    const { address, stop } = await fakeEndpoint(answers)
    await stop()
    const { err, code } = await thaw(['query', 'up', `--endpoint=${address}`])
    expect(code).toBe(0)
    expect(err).toBe(`warning: endpoint ${address}: connect ECONNREFUSED ${address}\n`)
    const both = await thaw(['query', 'up', `--endpoint=${address}`, '--url=http://x'])
    expect(both.err).toContain(
      '--url is for an HTTP API, --objstore.config and --endpoint for none',
    )
  })
})

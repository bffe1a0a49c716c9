/** What the agent learns from Prometheus, and when it refuses to ship. */
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import type { TimeOrOffset } from '#agent/duration.ts'
import { SILENT } from '#agent/logger.ts'
import { meterOf } from '#agent/metrics.ts'
import { awaitPrometheus, heartbeatMetrics } from '#agent/prometheus/heartbeat.ts'
import {
  externalLabelsFromYaml,
  lowestTimestampFromMetrics,
  prometheusClient,
} from '#agent/prometheus/prometheus-client.ts'
import type { HttpClient } from '#lib/http-client/answer.ts'
import { checkPrometheusFlags } from '#agent/prometheus/validate.ts'
import { DomainError } from '#lib/model/errors.ts'
import { GOOD_FLAGS, configAnswer, fakePrometheus } from './block-fixture.ts'

describe('checkPrometheusFlags', () => {
  const rules = {
    tsdbPath: '/data',
    metaFileName: 'thanos.shipper.json',
    ignoreUnequalBlockSize: false,
  }
  const least = 'storage.tsdb.min-block-duration'
  const most = 'storage.tsdb.max-block-duration'
  const delay = 'storage.tsdb.delay-compact-file.path'

  it('takes two-hour blocks without a word', () => {
    expect(checkPrometheusFlags(GOOD_FLAGS, rules)).toEqual([])
  })

  it('takes equal durations however they are written', () => {
    expect(checkPrometheusFlags({ [least]: '2h', [most]: '120m' }, rules)).toEqual([])
  })

  it('warns when equal blocks are not of two hours', () => {
    expect(checkPrometheusFlags({ [least]: '30m', [most]: '30m' }, rules)).toEqual([
      "prometheus's block duration is 30m, only 2h is recommended",
    ])
  })

  it('refuses a Prometheus that compacts, and says both ways out', () => {
    expect(() => checkPrometheusFlags({ [least]: '2h', [most]: '1d12h' }, rules)).toThrow(
      /max-block-duration 1d12h.*--storage\.tsdb\.max-block-duration=2h.*delay-compact-file\.path=\/data\/thanos\.shipper\.json/,
    )
  })

  it('only warns about it with --shipper.ignore-unequal-block-size', () => {
    const lax = { ...rules, ignoreUnequalBlockSize: true }
    expect(checkPrometheusFlags({ [least]: '2h', [most]: '1d12h' }, lax)).toHaveLength(1)
  })

  it('takes a Prometheus that compacts after the upload', () => {
    const flags = { [least]: '2h', [most]: '1d12h', [delay]: '/data/./thanos.shipper.json' }
    expect(checkPrometheusFlags(flags, rules)).toEqual([])
  })

  it('refuses one that waits for another file', () => {
    const flags = { ...GOOD_FLAGS, [delay]: '/elsewhere/thanos.shipper.json' }
    expect(() => checkPrometheusFlags(flags, rules)).toThrow(
      /delay-compact-file\.path=\/elsewhere\/thanos\.shipper\.json, but the agent writes \/data\//,
    )
  })

  it('goes on without flags that nobody tells', () => {
    expect(checkPrometheusFlags(undefined, rules)).toHaveLength(1)
  })
})

describe('prometheusClient', () => {
  it('reads labels, version, readiness and the lowest timestamp', async () => {
    const { url } = await fakePrometheus()
    const client = prometheusClient({ url: `${url}/`, timeoutMs: 5000 })
    expect(await client.externalLabels()).toEqual({ cluster: 'eu', replica: 'a' })
    expect(await client.version()).toBe('3.14.0')
    expect(await client.ready()).toBe(true)
    expect(await client.lowestTimestampMs()).toBe(1_700_000_000_000)
    expect(await client.flags()).toEqual(GOOD_FLAGS)
  })

  it('tolerates that there is no flags endpoint', async () => {
    const prometheus = await fakePrometheus()
    delete prometheus.answers['/api/v1/status/flags']
    const client = prometheusClient({ url: prometheus.url, timeoutMs: 5000 })
    expect(await client.flags()).toBeUndefined()
  })

  it('is not ready while Prometheus replays its log', async () => {
    const prometheus = await fakePrometheus()
    const client = prometheusClient({ url: prometheus.url, timeoutMs: 5000 })
    prometheus.answers['/-/ready'] = { status: 503, body: 'Service Unavailable' }
    expect(await client.ready()).toBe(false)
    delete prometheus.answers['/-/ready']
    expect(await client.ready()).toBe(true)
  })

  it.each([
    [401, 'unauthorized'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ])('answers %i with kind %s', async (status, kind) => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/config'] = { status, body: 'no' }
    const client = prometheusClient({ url: prometheus.url, timeoutMs: 5000 })
    await expect(client.externalLabels()).rejects.toMatchObject({ kind })
  })

  it('names an answer that is not of Prometheus', async () => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/config'] = { status: 200, body: '<html>' }
    const client = prometheusClient({ url: prometheus.url, timeoutMs: 5000 })
    await expect(client.externalLabels()).rejects.toThrow(/did not answer as prometheus does/)
  })

  it('says why there is no connection', async () => {
    const client = prometheusClient({ url: 'http://127.0.0.1:1', timeoutMs: 5000 })
    await expect(client.version()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/no connection to http:\/\/127\.0\.0\.1:1: .+/) as string,
    })
  })

  it('sends the credentials of the URL as a header', async () => {
    const seen: [string, unknown][] = []
    const http: HttpClient = {
      request: async ({ url, headers }) => {
        seen.push([url, headers])
        throw new DomainError('unavailable', 'no')
      },
      close() {},
    }
    const client = prometheusClient({ url: 'http://me:s%3Acret@p/x/', timeoutMs: 9, http })
    await expect(client.version()).rejects.toThrow('no')
    expect(seen).toEqual([
      ['http://p/x/api/v1/status/buildinfo', { authorization: `Basic ${btoa('me:s:cret')}` }],
    ])
  })

  it('does not repeat the password of a bad URL', () => {
    const make = () => prometheusClient({ url: 'http://me:s3cret@a b', timeoutMs: 1 })
    expect(make).toThrow('"http://a b" is no URL')
  })

  it.each(['localhost:9090', 'ftp://p', ''])('refuses the URL "%s"', (url) => {
    expect(() => prometheusClient({ url, timeoutMs: 1 })).toThrow(/is no URL|neither http/)
  })
})

describe('external labels', () => {
  it.each([
    ['global: {external_labels: {a: b}}', { a: 'b' }],
    ['global:\n  external_labels:\n    zone: 1\n    empty: ""\n', { zone: '1' }],
    ['global: {scrape_interval: 15s}', {}],
    ['', {}],
  ])('of %j are %j', (yaml, labels) => {
    expect(externalLabelsFromYaml(yaml)).toEqual(labels)
  })

  it('of a broken configuration are an error', () => {
    expect(() => externalLabelsFromYaml('global: [')).toThrow(/is no YAML/)
  })

  it('are read from the configuration endpoint', async () => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/config'] = configAnswer('global: {external_labels: {x: y}}')
    const client = prometheusClient({ url: prometheus.url, timeoutMs: 5000 })
    expect(await client.externalLabels()).toEqual({ x: 'y' })
  })
})

describe('the lowest timestamp', () => {
  it.each([
    ['prometheus_tsdb_lowest_timestamp_seconds 1.7697e+09\n', 1_769_700_000_000],
    ['# HELP x\nprometheus_tsdb_lowest_timestamp_seconds 9.223372036854776e+15\n', undefined],
    ['up 1\n', undefined],
  ])('of %j is %j', (text, ms) => {
    expect(lowestTimestampFromMetrics(text)).toBe(ms)
  })
})

describe('the oldest time that is served', () => {
  const HOUR = 3_600_000

  async function minTimeOf(minTime: TimeOrOffset, metrics?: string): Promise<number> {
    const fake = await fakePrometheus()
    if (metrics !== undefined) fake.answers['/metrics'] = { status: 200, body: metrics }
    const { minTimeMs } = await awaitPrometheus(
      {
        prometheus: prometheusClient({ url: fake.url, timeoutMs: 5000 }),
        metrics: heartbeatMetrics(meterOf(new Registry(), '')),
        logger: SILENT,
        now: () => 1_700_000_000_000 + 10 * HOUR,
        intervalMs: 1,
        minTime,
        claimLabels: () => {},
      },
      undefined,
      5000,
      new AbortController().signal,
    )
    return minTimeMs
  }

  it.each([
    ['of its oldest sample', { timeMs: 0 }, 1_700_000_000_000],
    ['not before --min-time', { timeMs: 1_700_000_001_000 }, 1_700_000_001_000],
    ['not before one that goes with the clock', { offsetMs: -HOUR }, 1_700_000_000_000 + 9 * HOUR],
  ])('is %s', async (_, minTime, expected) => {
    expect(await minTimeOf(minTime)).toBe(expected)
  })

  it('is --min-time where no sample is known', async () => {
    expect(await minTimeOf({ timeMs: 5 }, 'up 1\n')).toBe(5)
  })
})

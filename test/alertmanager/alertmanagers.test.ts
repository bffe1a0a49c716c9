import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type AlertingConfig,
  alertmanagerOfUrl,
  parseAlertingConfig,
} from '#lib/alertmanager/alerting-config.ts'
import {
  type Alertmanagers,
  type AlertmanagersParts,
  openAlertmanagers,
} from '#lib/alertmanager/alertmanagers.ts'
import { alertsToJson, type OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { type Act, scriptedServer } from '../http-client/scripted-server.ts'

const TLS = new URL('../data/tls/', import.meta.url)
const pem = (name: string): string => readFileSync(new URL(name, TLS), 'utf8')
const serverTls = { key: pem('server.key'), cert: pem('server.pem') }
const caFile = new URL('ca.pem', TLS).pathname

function alert(name: string, more: Partial<OutgoingAlert> = {}): OutgoingAlert {
  return {
    labels: { alertname: name },
    annotations: {},
    startsAtMs: 1000,
    endsAtMs: 240_000,
    generatorUrl: '',
    ...more,
  }
}

/** Time passes only while somebody waits to try again. */
function open(config: AlertingConfig, parts: Partial<AlertmanagersParts> = {}): Alertmanagers {
  let nowMs = 0
  const opened = openAlertmanagers({
    config,
    externalLabels: {},
    labelDrop: [],
    relabel: [],
    retryForMs: 10_000,
    userAgent: 'test/1',
    resolver: { addresses: async () => [], services: async () => [] },
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms
    },
    ...parts,
  })
  onTestFinished(() => opened.close())
  return opened
}

function configOf(...urls: readonly string[]): AlertingConfig {
  return { sets: urls.map((url) => alertmanagerOfUrl(url, 300)), alertRelabel: [] }
}

async function started(...script: readonly Act[]) {
  const server = await scriptedServer(script)
  /** Of each request. */
  const names = (): string[][] =>
    server.requests.map(({ body }) => {
      const alerts = JSON.parse(body) as { readonly labels: Record<string, string> }[]
      return alerts.map(({ labels }) => labels['alertname']!)
    })
  return { ...server, names }
}

describe('alerts on the wire', () => {
  it('are what Prometheus sends', () => {
    const json = alertsToJson([
      {
        labels: { alertname: 'Down', instance: 'a:1' },
        annotations: { summary: 'x < 1 & "y"\u2028' },
        startsAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
        endsAtMs: Date.UTC(2026, 0, 2, 3, 8, 5, 0),
        generatorUrl: 'http://p/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
      },
      alert('\ud800'),
    ])
    expect(json).toBe(
      '[{"annotations":{"summary":"x \\u003c 1 \\u0026 \\"y\\"\\u2028"},"endsAt":"2026-01-02T03:08:05.000Z",' +
        '"startsAt":"2026-01-02T03:04:05.006Z","generatorURL":"http://p/graph?g0.expr=up+%3D%3D+0\\u0026g0.tab=1",' +
        '"labels":{"alertname":"Down","instance":"a:1"}},' +
        '{"annotations":{},"endsAt":"1970-01-01T00:04:00.000Z","startsAt":"1970-01-01T00:00:01.000Z","labels":{"alertname":"\ufffd"}}]',
    )
  })

  it('go to every Alertmanager of every set, at most 256 in a request', async () => {
    const [one, two] = [await started(), await started()]
    const alerts = Array.from({ length: 600 }, (_, i) => alert(`a${i}`))
    const report = await open(configOf(one.url, `${two.url}/prefix/`)).send(alerts)
    expect(report).toMatchObject({ undelivered: [], refused: 0, relabelledAway: 0 })
    expect(report.alertmanagers).toMatchObject([
      { url: `${one.url}/api/v2/alerts`, sent: 600, errors: 0, dropped: 0, lastError: '' },
      { url: `${two.url}/prefix/api/v2/alerts`, sent: 600, errors: 0, dropped: 0 },
    ])
    expect(report.alertmanagers[0]!.latencySeconds).toHaveLength(3)
    for (const { requests, names } of [one, two]) {
      expect(names().map((batch) => batch.length)).toEqual([256, 256, 88])
      expect(names().flat()).toEqual(alerts.map(({ labels }) => labels['alertname']))
      expect(requests[0]).toMatchObject({
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'test/1' },
      })
    }
  })

  it('are nothing to send where there are none', async () => {
    const one = await started()
    const report = await open(configOf(one.url)).send([])
    expect(report.alertmanagers).toMatchObject([{ sent: 0 }])
    expect(one.requests).toEqual([])
  })

  it('come firing and resolved in two requests, and once for all that says the same', async () => {
    const one = await started()
    const resolved = { endsAtMs: 5000 }
    await open(configOf(one.url)).send([
      alert('a', { endsAtMs: 100_000 }),
      alert('b'),
      alert('a', { endsAtMs: 160_000 }),
      alert('a', resolved),
      alert('a', resolved),
      alert('a', { startsAtMs: 9000 }),
    ])
    expect(one.names()).toEqual([['b', 'a'], ['a'], ['a']])
    expect(
      one.requests.map(({ body }) => /"endsAt":"1970-01-01T00:0(.{6})/g.exec(body)![1]),
    ).toEqual(['4:00.0', '0:05.0', '4:00.0'])
  })
})

describe('labels', () => {
  const labels = { alertname: 'a', replica: '1', cluster: 'own', empty: '' }

  it('lose those that are dropped, get external ones where absent, and then follow the rules', async () => {
    const one = await started()
    const alertmanagers = open(configOf(one.url), {
      externalLabels: { cluster: 'ours', region: 'eu', replica: '2', empty: 'filled' },
      labelDrop: ['replica'],
      relabel: parseRelabelConfigs(
        '[{source_labels: [region, cluster], target_label: place}, {action: labeldrop, regex: region}]',
        'test',
      ),
    })
    await alertmanagers.send([alert('a', { labels })])
    expect(JSON.parse(one.requests[0]!.body)[0].labels).toEqual({
      alertname: 'a',
      cluster: 'own',
      empty: 'filled',
      place: 'eu;own',
    })
  })

  it('are relabelled for each set, and what a set drops may go to another', async () => {
    const [one, two] = [await started(), await started()]
    const config = parseAlertingConfig(`
alert_relabel_configs: [{action: drop, source_labels: [alertname], regex: never}]
alertmanagers:
  - static_configs: [{targets: ['${one.host}']}]
    alert_relabel_configs: [{action: keep, source_labels: [alertname], regex: 'a|b'}]
  - static_configs: ['${two.host}']
    alert_relabel_configs: [{action: keep, source_labels: [alertname], regex: 'b|c'}]
`)
    const alerts = ['a', 'b', 'c', 'd', 'never'].map((name) => alert(name))
    const report = await open(config).send(alerts)
    expect(one.names()).toEqual([['a', 'b']])
    expect(two.names()).toEqual([['b', 'c']])
    expect(report).toMatchObject({ undelivered: [], refused: 0, relabelledAway: 2 })
  })
})

describe('an Alertmanager that', () => {
  async function sendTo(script: readonly Act[], names = ['a']) {
    const one = await started(...script)
    const alerts = names.map((name) => alert(name))
    const report = await open(configOf(one.url)).send(alerts)
    return { one, alerts, report, told: report.alertmanagers[0]! }
  }

  it.each<[string, Act, RegExp]>([
    ['answers 500', 500, /answered 500$/],
    ['answers 503', { status: 503, body: 'not\n yet' }, /answered 503: not yet$/],
    ['is busy', 429, /answered 429$/],
    ['breaks off', 'reset', /no connection to .*socket hang up/],
    ['breaks off in the answer', 'half', /answered 500$/],
    ['hangs', 'hang', /no answer from .* in 300 ms/],
    ['is slow', { afterMs: 600 }, /no answer from .* in 300 ms/],
  ])('%s is asked again', async (_, act, error) => {
    const { one, report, told } = await sendTo([act, act])
    expect(one.names()).toEqual([['a'], ['a'], ['a']])
    expect(report).toMatchObject({ undelivered: [], refused: 0 })
    expect(told).toMatchObject({ sent: 1, errors: 2, dropped: 0 })
    expect(told.lastError).toMatch(error)
  })

  it('stays down is left alone after a while, and the alerts are kept', async () => {
    const { one, alerts, report, told } = await sendTo(Array<Act>(20).fill(500))
    // 250 ms, 500 ms, 1 s, 2 s, 4 s; the next would be after 10 s.
    expect(one.requests).toHaveLength(6)
    expect(report).toMatchObject({ undelivered: alerts, refused: 0 })
    expect(told).toMatchObject({ sent: 0, errors: 6, dropped: 1 })
  })

  it('is not asked for every batch once it was given up', async () => {
    const names = Array.from({ length: 600 }, (_, i) => `a${i}`)
    const { one, report, told } = await sendTo([200, ...Array<Act>(20).fill(502)], names)
    expect(one.requests).toHaveLength(7)
    expect(report.undelivered.map(({ labels }) => labels['alertname'])).toEqual(names.slice(256))
    expect(told).toMatchObject({ sent: 256, errors: 6 * 256, dropped: 344 })
  })

  it.each<[string, Act, string]>([
    ['answers 400', { status: 400, body: 'bad label' }, ' answered 400: bad label'],
    ['wants other credentials', 401, ' answered 401'],
    [
      'redirects to a page',
      { status: 302, location: '/login' },
      ' answered 302 and names another place, /login, which is not followed: the alerts would be lost',
    ],
  ])('%s is not asked again, and the next batch goes on', async (_, act, error) => {
    const names = Array.from({ length: 257 }, (_unused, i) => `a${i}`)
    const { one, report, told } = await sendTo([act], names)
    expect(one.requests.map(({ method }) => method)).toEqual(['POST', 'POST'])
    expect(report).toMatchObject({ undelivered: [], refused: 256 })
    expect(told).toMatchObject({ sent: 1, errors: 256, dropped: 256 })
    expect(told.lastError).toBe(`${one.url}/api/v2/alerts${error}`)
  })

  it('has moved, keeping the method, is followed', async () => {
    const other = await started()
    const { report } = await sendTo([{ status: 307, location: `${other.url}/x` }])
    expect(report).toMatchObject({ undelivered: [], refused: 0 })
    expect(other.names()).toEqual([['a']])
  })

  it('hangs does not hold another, which suffices', async () => {
    const [hanging, well] = [await started(...Array<Act>(9).fill('hang')), await started()]
    const alerts = Array.from({ length: 600 }, (_, i) => alert(`a${i}`))
    const report = await open(configOf(hanging.url, well.url)).send(alerts)
    expect(well.names().flat()).toHaveLength(600)
    expect(hanging.requests).toHaveLength(1)
    expect(report).toMatchObject({ undelivered: [], refused: 0 })
    expect(report.alertmanagers).toMatchObject([
      { sent: 0, errors: 256, dropped: 600 },
      { sent: 600, errors: 0, dropped: 0 },
    ])
  })

  it('refuses does not count where another may still take it', async () => {
    const [refusing, down] = [await started(400), await started(...Array<Act>(9).fill(500))]
    const alerts = [alert('a')]
    const report = await open(configOf(refusing.url, down.url)).send(alerts)
    expect(report).toMatchObject({ undelivered: alerts, refused: 0 })
  })

  it('is not there leaves the alerts undelivered', async () => {
    const alerts = [alert('a')]
    const report = await open(configOf('http://127.0.0.1:1')).send(alerts)
    expect(report).toMatchObject({ undelivered: alerts, refused: 0 })
    expect(report.alertmanagers[0]!.lastError).toMatch(/ECONNREFUSED/)
  })
})

describe('the signal', () => {
  it('ends a sending, and nothing is lost', async () => {
    const hanging = await started('hang')
    const alerts = [alert('a'), alert('b')]
    const config = { sets: [alertmanagerOfUrl(hanging.url, 60_000)], alertRelabel: [] }
    const report = await open(config).send(alerts, AbortSignal.timeout(50))
    expect(report).toMatchObject({ undelivered: alerts, refused: 0 })
    expect(await open(config).send(alerts, AbortSignal.abort())).toMatchObject({
      undelivered: alerts,
    })
    expect(hanging.requests).toHaveLength(1)
  })
})

describe('TLS and credentials', () => {
  const setOf = (host: string, more: string) =>
    parseAlertingConfig(
      `alertmanagers: [{scheme: https, static_configs: ['${host}'], http_config: {${more}}}]`,
    )

  it('are as the configuration says', async () => {
    const one = await scriptedServer([], serverTls)
    const config = setOf(
      one.host,
      `basic_auth: {username: me, password: geheim}, tls_config: {ca_file: ${caFile}}`,
    )
    expect(await open(config).send([alert('a')])).toMatchObject({ undelivered: [] })
    expect(one.requests[0]!.headers.authorization).toBe(`Basic ${btoa('me:geheim')}`)
  })

  it('that are wrong leave the alerts undelivered, and the reason is told', async () => {
    const one = await scriptedServer([], serverTls)
    const report = await open(setOf(one.host, 'bearer_token: geheim')).send([alert('a')])
    expect(report.undelivered).toHaveLength(1)
    expect(report.alertmanagers[0]!.lastError).toMatch(/unable to verify the first certificate/)
    expect(JSON.stringify(report)).not.toContain('geheim')
    expect(one.requests).toEqual([])
  })

  it('may stand in the URL', async () => {
    const one = await started()
    const url = one.url.replace('//', '//me:ge%20heim@')
    const report = await open(configOf(url)).send([alert('a')])
    expect(one.requests[0]!.headers.authorization).toBe(`Basic ${btoa('me:ge heim')}`)
    expect(JSON.stringify(report)).not.toContain('heim')
  })
})

describe('without an Alertmanager', () => {
  it('in the configuration, nothing waits', async () => {
    const report = await open(configOf()).send([alert('a')])
    expect(report).toEqual({
      undelivered: [],
      refused: 0,
      relabelledAway: 0,
      alertmanagers: [],
      discoveryErrors: [],
    })
  })

  it('in DNS, alerts wait', async () => {
    const alerts = [alert('a')]
    const report = await open(configOf('dns+http://am')).send(alerts)
    expect(report).toMatchObject({
      undelivered: alerts,
      refused: 0,
      alertmanagers: [],
      discoveryErrors: ['dns+am: DNS knows no address'],
    })
  })
})

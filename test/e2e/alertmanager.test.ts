/** Alerts into Debian's Alertmanager, behind TLS and a password; and the JSON of them beside that of a real Prometheus. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAlertingConfig } from '#lib/alertmanager/alerting-config.ts'
import { openAlertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import { alertsToJson, type OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import { httpClient } from '#lib/http-client/http-client.ts'
import { parseHttpClientConfig } from '#lib/http-client/config.ts'
import { type HttpClient, readText } from '#lib/http-client/answer.ts'
import { SYSTEM_RESOLVER } from '#lib/endpoints/resolve-address.ts'
import {
  type AlertmanagerServer,
  findAlertmanager,
  startAlertmanager,
  startWebhook,
  type Webhook,
} from '#test/peer/alertmanager.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const TLS = fileURLToPath(new URL('../data/tls/', import.meta.url))
/** Of `secret`. */
const HASH = '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
const peer = await findAlertmanager()
const prometheus = await findPrometheus()

interface ShownAlert {
  readonly labels: Record<string, string>
  readonly status: { readonly state: string }
}

if (isMissing(peer)) describeSkipped("Debian's Alertmanager", peer)
else {
  describe("Debian's Alertmanager", () => {
    const dir = mkdtempSync(join(tmpdir(), 'thaw-alertmanager-'))
    const clientYaml = `{basic_auth: {username: me, password: secret}, tls_config: {ca_file: ${TLS}ca.pem}}`
    let server: AlertmanagerServer
    let webhook: Webhook
    let http: HttpClient

    beforeAll(async () => {
      webhook = await startWebhook()
      http = httpClient(parseHttpClientConfig(clientYaml), { userAgent: 'test', now: Date.now })
      const webConfig = join(dir, 'web.yml')
      writeFileSync(
        webConfig,
        `tls_server_config: {cert_file: ${TLS}server.pem, key_file: ${TLS}server.key}
basic_auth_users: {me: '${HASH}'}
`,
      )
      server = await startAlertmanager({
        binary: peer.binary,
        dataDir: dir,
        config: `
route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 200ms, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '${webhook.url}'}]}]
`,
        flags: [`--web.config.file=${webConfig}`],
        ready: async (url) => (await get(url, '/-/ready')) !== '',
      })
    })

    afterAll(async () => {
      await server?.stop()
      webhook?.close()
      http?.close()
      rmSync(dir, { recursive: true, force: true })
    })

    async function get(url: string, path: string): Promise<string> {
      const answer = await http.request({ url: `${url.replace('http:', 'https:')}${path}` })
      const text = await readText(answer, 1e6)
      return answer.status === 200 ? text : ''
    }

    async function send(alerts: readonly OutgoingAlert[], client = clientYaml) {
      const opened = openAlertmanagers({
        config: parseAlertingConfig(
          `alertmanagers: [{scheme: https, static_configs: ['127.0.0.1:${server.port}'], http_config: ${client}}]`,
        ),
        externalLabels: { ruler: 'thaw' },
        labelDrop: [],
        relabel: [],
        retryForMs: 0,
        userAgent: 'thaw',
        resolver: SYSTEM_RESOLVER,
        now: Date.now,
        sleep: async (ms) => wait(ms),
      })
      const report = await opened.send(alerts)
      opened.close()
      return report
    }

    function made(name: string, more: Partial<OutgoingAlert> = {}): OutgoingAlert {
      return {
        labels: { alertname: name, text: 'grüße <&> "🦉"\n' },
        annotations: { summary: 'ünd\u2028' },
        startsAtMs: Date.now() - 60_000,
        endsAtMs: Date.now() + 240_000,
        generatorUrl: 'http://thaw/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
        ...more,
      }
    }

    async function told(name: string, count: number) {
      const own = () =>
        webhook.notifications
          .flatMap(({ alerts }) => alerts)
          .filter(({ labels }) => labels['alertname'] === name)
      for (let i = 0; i < 200 && own().length < count; i++) await wait(50)
      return own()
    }

    it('takes them, tells of them, and tells when they end', async () => {
      const alert = made('Fires')
      expect(await send([alert])).toMatchObject({ undelivered: [], refused: 0 })
      const [first] = await told('Fires', 1)
      expect(first).toMatchObject({
        status: 'firing',
        labels: { ...alert.labels, ruler: 'thaw' },
        annotations: alert.annotations,
        generatorURL: alert.generatorUrl,
      })
      expect(Date.parse(first!.startsAt)).toBe(alert.startsAtMs)
      const endsAtMs = Date.now() - 1
      await send([alert, { ...alert, endsAtMs }])
      const both = await told('Fires', 2)
      expect(both.map(({ status }) => status)).toEqual(['firing', 'resolved'])
      expect(Date.parse(both[1]!.endsAt)).toBe(endsAtMs)
    })

    it('takes more than a request', async () => {
      const alerts = Array.from({ length: 600 }, (_, i) => made(`Many${i}`))
      expect(await send(alerts)).toMatchObject({
        undelivered: [],
        alertmanagers: [{ sent: 600, errors: 0 }],
      })
      const shown = JSON.parse(await get(server.url, '/api/v2/alerts')) as ShownAlert[]
      const names = new Set(shown.map(({ labels }) => labels['alertname']))
      expect(alerts.filter(({ labels }) => !names.has(labels['alertname']))).toEqual([])
    })

    it('takes the good ones of a request with a bad one, which is refused by name', async () => {
      const bad = made('Bad', { labels: { alertname: 'Bad', 'not-a-name': '1' } })
      const report = await send([bad, made('Good')])
      expect(report).toMatchObject({ undelivered: [], refused: 2 })
      expect(report.alertmanagers[0]!.lastError).toMatch(/answered 400: .*invalid label set/)
      expect(await told('Good', 1)).toHaveLength(1)
    })

    it('is not deceived about who we are', async () => {
      const wrong = `{basic_auth: {username: me, password: falsch}, tls_config: {ca_file: ${TLS}ca.pem}}`
      const report = await send([made('Nobody')], wrong)
      expect(report).toMatchObject({ undelivered: [], refused: 1 })
      expect(report.alertmanagers[0]!.lastError).toMatch(/answered 401: Unauthorized/)
      expect((await send([made('Nobody')], '{}')).undelivered).toHaveLength(1)
    })
  })
}

if (isMissing(prometheus)) describeSkipped('the JSON of Prometheus', prometheus)
else {
  describe('the JSON of Prometheus', () => {
    const dir = mkdtempSync(join(tmpdir(), 'thaw-notifier-'))
    const bodies: string[] = []
    let sink: Server

    beforeAll(async () => {
      sink = createServer((request, response) => {
        const parts: Buffer[] = []
        request.on('data', (part: Buffer) => parts.push(part))
        request.on('end', () => {
          bodies.push(Buffer.concat(parts).toString())
          response.end()
        })
      })
      await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    })

    afterAll(() => {
      sink.closeAllConnections()
      sink.close()
      rmSync(dir, { recursive: true, force: true })
    })

    it('is ours, byte by byte', async () => {
      const { port } = sink.address() as AddressInfo
      writeFileSync(
        join(dir, 'rules.yml'),
        `groups:
- name: g
  interval: 1s
  rules:
  - alert: Ä
    expr: vector(1.5) < 2
    labels: {b: '<&>', a: "x\\ny"}
    annotations: {z: '{{ $value }} "', one: ''}
`,
      )
      const server = await startPrometheus({
        binary: prometheus.binary,
        dataDir: dir,
        config: `
rule_files: [${dir}/rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:${port}']}]}]}
`,
        flags: ['--web.external-url=http://prometheus', '--rules.alert.resend-delay=1s'],
      })
      for (let i = 0; i < 200 && bodies.length === 0; i++) await wait(50)
      await server.stop()
      const [sent] = JSON.parse(bodies[0]!) as {
        readonly labels: Record<string, string>
        readonly annotations: Record<string, string>
        readonly startsAt: string
        readonly endsAt: string
        readonly generatorURL: string
      }[]
      const { labels, annotations, startsAt, endsAt, generatorURL } = sent!
      expect(labels).toEqual({ alertname: 'Ä', a: 'x\ny', b: '<&>' })
      const own: OutgoingAlert = {
        labels,
        annotations,
        startsAtMs: Date.parse(startsAt),
        endsAtMs: Date.parse(endsAt),
        generatorUrl: generatorURL,
      }
      expect(alertsToJson([own])).toBe(bodies[0]!.trim())
    })
  })
}

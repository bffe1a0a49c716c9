/** `thaw doctor` on a whole installation: Prometheus, agent, MinIO, the deployed functions with tokens, a ruler and Debian's Alertmanager. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import { thawProgram } from '#cli/program.ts'
import { tick } from '#localstack/rules.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import { doctor, type Told } from '#test/cli/doctor/installation.ts'
import {
  type AlertmanagerServer,
  findAlertmanager,
  startAlertmanager,
} from '#test/peer/alertmanager.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { freePort } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startCloudBucket } from './support/cloud-bucket.ts'
import { type LocalCloud, startLocalCloud, synthesiseStack } from './support/local-cloud.ts'

const [minio, prometheusPeer, alertmanagerPeer] = await Promise.all([
  findMinio(),
  findPrometheus(),
  findAlertmanager(),
])

const RULES = `groups:
- name: doctor
  interval: 1s
  query_offset: 0s
  rules:
  - {record: 'job:up:sum', expr: 'sum by (job) (up)'}
  - {alert: Down, expr: up == 0}
`

function suite(peers: {
  readonly prometheus: Exclude<typeof prometheusPeer, { missing: string }>
  readonly alertmanager: Exclude<typeof alertmanagerPeer, { missing: string }>
}): void {
  let dir: string
  let prometheus: PrometheusServer
  let alertmanager: AlertmanagerServer
  let local: LocalCloud
  let flags: Record<string, string>
  const ends: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'thaw-doctor-e2e-'))
    ends.push(() => rm(dir, { recursive: true, force: true }))
    const bucket = await startCloudBucket()
    ends.push(() => bucket.stop())
    const { objstore } = bucket
    await startPrometheusAndAgent(objstore)
    alertmanager = await startAlertmanager({
      binary: peers.alertmanager.binary,
      dataDir: join(dir, 'alertmanager'),
      config: 'route: {receiver: none}\nreceivers: [{name: none}]\n',
    })
    ends.push(() => alertmanager.stop())
    const assembly = await synthesiseStack()
    ends.push(() => assembly.remove())
    local = await startLocalCloud({
      assembly,
      bucket,
      sliceBytes: 1e6,
      tokens: true,
      compactFlags: '--consistency-delay=30m',
      ruleFlags: `--alertmanagers.url=${alertmanager.url} --rule.watchdog=Watchdog`,
    })
    ends.push(() => local.stop())
    flags = {
      ...flags,
      url: local.cloud.httpUrl,
      'token-file': join(dir, 'token'),
      'alertmanager.url': alertmanager.url,
    }
    const own = `--objstore.config=${objstore}`
    const made = await thaw(['token', 'create', 'doctor', '-o', 'json', own], {}, Date.now())
    await writeFile(join(dir, 'token'), (JSON.parse(made.out) as { token: string }).token)
    await writeFile(join(dir, 'rules.yaml'), RULES)
    const pushed = await thaw(['rules', 'push', join(dir, 'rules.yaml'), own], {}, Date.now())
    expect([pushed.code, made.code]).toEqual([0, 0])
  }, 300_000)

  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  async function startPrometheusAndAgent(objstore: string): Promise<void> {
    const [port, agentPort, grpcPort] = [await freePort(), await freePort(), await freePort()]
    prometheus = await startPrometheus({
      binary: peers.prometheus.binary,
      dataDir: join(dir, 'prometheus'),
      port,
      config: `global: {scrape_interval: 1s, external_labels: {cluster: eu, replica: a}}
scrape_configs: [{job_name: itself, static_configs: [{targets: ['127.0.0.1:${port}']}]}]
`,
      flags: ['--storage.tsdb.min-block-duration=2h', '--storage.tsdb.max-block-duration=2h'],
    })
    ends.push(() => prometheus.stop())
    const stopping = new AbortController()
    const context = {
      env: {},
      now: Date.now,
      write: () => {},
      writeError: () => {},
      signal: stopping.signal,
      killSignal: new AbortController().signal,
      onHangup: () => {},
    }
    const agent = runCommand(thawProgram(context), [
      'agent',
      `--prometheus.url=${prometheus.url}`,
      `--tsdb.path=${join(dir, 'prometheus')}`,
      `--objstore.config=${objstore}`,
      `--http-address=127.0.0.1:${agentPort}`,
      `--grpc-address=127.0.0.1:${grpcPort}`,
      '--fresh.interval=1s',
      '--log.level=error',
    ])
    ends.push(async () => {
      stopping.abort()
      await agent
    })
    flags = {
      'objstore.config': objstore,
      'agent.url': `http://127.0.0.1:${agentPort}`,
      'prometheus.url': prometheus.url,
    }
  }

  const notWell = ({ findings }: Told): string[] =>
    findings
      .filter(({ level }) => level !== 'ok')
      // MinIO does not say where it is.
      .filter(({ check }) => check !== 'region')
      .map(({ level, part, check, text }) => `${level} ${part} ${check}: ${text}`)

  /** Packs, plans and ticks come by and by. */
  async function untilWell(): Promise<Told> {
    for (let tries = 0; ; tries++) {
      await local.plan()
      await tick(local.cloud)
      const told = await doctor({ 'answer-timeout': '10s', ...flags })
      if (notWell(told).length === 0 || tries === 20) return told
      await sleep(1000)
    }
  }

  it('finds nothing wrong while all of it works', { timeout: 120_000 }, async () => {
    const told = await untilWell()
    expect(notWell(told)).toEqual([])
    expect(told.code).toBe(0)
    expect(told.findings.map(({ part, check }) => `${part} ${check}`)).toEqual(
      expect.arrayContaining([
        'bucket conditional writes',
        'bucket clock',
        'api door',
        'api newest samples',
        'api a sample of {cluster="eu", replica="a"}',
        'rules ruler',
        `alerts alertmanager ${alertmanager.url}`,
      ]),
    )
  })

  it('says what stopped, one after the other, and what to do', { timeout: 60_000 }, async () => {
    await alertmanager.stop()
    await prometheus.stop()
    // The agent asks its Prometheus twice a minute, and itself tells of it then.
    const lines = notWell(await doctor({ 'answer-timeout': '10s', ...flags }))
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^wrong agents prometheus .*: Prometheus does not answer: .*ECONNREFUSED/,
        ),
        expect.stringMatching(
          /^wrong alerts alertmanager .*: Alertmanager does not answer: .*ECONNREFUSED/,
        ),
      ]),
    )
    await local.stop()
    const after = notWell(await doctor({ 'answer-timeout': '10s', ...flags }))
    expect(after).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^wrong api answers: the API does not answer: .*ECONNREFUSED/),
      ]),
    )
  })
}

const missing = [minio, prometheusPeer, alertmanagerPeer].find(isMissing)
if (isMissing(minio) || isMissing(prometheusPeer) || isMissing(alertmanagerPeer)) {
  describeSkipped('a whole installation', missing!)
} else {
  const peers = { prometheus: prometheusPeer, alertmanager: alertmanagerPeer }
  describe('thaw doctor on a whole installation', () => {
    suite(peers)
  })
}

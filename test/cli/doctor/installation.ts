/** A healthy installation: a directory as a bucket, the real API over it, and an agent, a Prometheus and an Alertmanager that answer as they do. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { SILENT } from '#agent/logger.ts'
import { VERSION } from '#agent/version.ts'
import { bucketApp } from '#cli/bucket-app.ts'
import { openTokenDoor } from '#cli/token-door.ts'
import { listen } from '#lib/api/node-server.ts'
import { createToken, type IssuedToken } from '#lib/auth/edit-tokens.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { claimDue } from '#lib/compact/plan/backlog.ts'
import type { PlannedJob } from '#lib/compact/plan/plan-jobs.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { type AccessScope, SCOPES } from '#lib/model/caller.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { putRulerState, rulerState, sampleRules } from '#test/rules/ruler-state.ts'
import { every, labels, putBlock } from '#test/store/sample-block.ts'
import { type CliResult, thaw } from '../cli-fixture.ts'

export const MINUTE = 60_000
export const HOUR = 3_600_000
export const EU = { cluster: 'eu', replica: 'a' }
const STEP_MS = 15_000

/** What an HTTP server of the installation answers, by path; a number is a status without words. */
export type Pages = Record<string, string | number>

export interface Installation {
  readonly bucket: Bucket
  readonly dir: string
  readonly nowMs: number
  /** Flags of the doctor that name all of it; a test may take some away. */
  readonly flags: Record<string, string>
  readonly agent: Pages
  readonly prometheus: Pages
  readonly alertmanager: Pages
  readonly token: IssuedToken
  readonly ends: (() => Promise<unknown>)[]
}

/** Ids of its three blocks end so, and are as old as blocks of their times. */
export function blockId(endMs: number, n: number): string {
  return ulid(endMs).slice(0, 10) + String(n).padStart(16, '0')
}

export async function makeInstallation(): Promise<Installation> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-doctor-'))
  const ends: Installation['ends'] = [() => rm(dir, { recursive: true, force: true })]
  await mkdir(join(dir, 'bucket'))
  const bucket = fileBucket(join(dir, 'bucket'))
  const nowMs = Date.now()
  const windowMs = Math.floor(nowMs / (2 * HOUR)) * 2 * HOUR
  for (const n of [3, 2, 1]) await putSamplesBlock(bucket, n, windowMs - n * 2 * HOUR)
  const epoch = ulid(nowMs - 3 * HOUR)
  await putSamplesPack(bucket, { epoch, number: 0, fromMs: windowMs, toMs: nowMs - 20_000 })
  await updateBucketIndex(bucket, { now: Date.now })
  await putBacklog(bucket, nowMs)
  const token = await putToken(bucket, 'grafana', ['read'])
  await putToken(bucket, 'ops', SCOPES)
  await writeFile(join(dir, 'token'), token.text)

  const pages = {
    agent: {
      '/-/ready': 'OK',
      '/metrics': `thanos_sidecar_prometheus_up 1
thanos_sidecar_last_heartbeat_success_time_seconds ${nowMs / 1000}
thaw_agent_rivals 0
thanos_shipper_upload_failures_total 0
thanos_shipper_corrupted_blocks_total 0
thaw_fresh_failures_total 0
`,
    },
    prometheus: prometheusPages(nowMs),
    alertmanager: {
      '/api/v2/alerts': JSON.stringify([{ labels: { alertname: 'Watchdog' } }]),
    } as Pages,
  }
  const urls: Record<string, string> = {}
  for (const [name, own] of Object.entries(pages)) urls[name] = await serve(own, ends)
  await putRules(bucket, { nowMs, alertmanager: urls['alertmanager']! })
  const flags = {
    'objstore.config': `{type: FILESYSTEM, config: {directory: ${dir}/bucket}}`,
    url: await startApi(dir, ends),
    'token-file': join(dir, 'token'),
    'agent.url': urls['agent']!,
    'prometheus.url': urls['prometheus']!,
    'alertmanager.url': urls['alertmanager']!,
  }
  return { bucket, dir, nowMs, flags, token, ends, ...pages }
}

export async function endInstallation({ ends }: Installation): Promise<void> {
  for (const end of ends.toReversed()) await end()
}

/** Of `up` and `load`, from `startMs` two hours on. */
export async function putSamplesBlock(
  bucket: Bucket,
  n: number,
  startMs: number,
  externalLabels: Readonly<Record<string, string>> = EU,
): Promise<string> {
  const endMs = startMs + 2 * HOUR
  const id = blockId(endMs, n)
  const samples = every(STEP_MS, startMs, endMs, () => 1)
  await putBlock(bucket, {
    id,
    minTimeMs: startMs,
    maxTimeMs: endMs,
    externalLabels,
    series: ['load', 'up'].map((name) => ({
      labels: labels({ __name__: name, job: 'node' }),
      samples,
    })),
  })
  return id
}

/** Gives its key. */
export async function putSamplesPack(
  bucket: Bucket,
  pack: {
    readonly epoch: string
    readonly number: number
    readonly fromMs: number
    readonly toMs: number
    readonly external?: Readonly<Record<string, string>>
  },
): Promise<string> {
  const { epoch, number, fromMs, toMs, external = EU } = pack
  const count = Math.max(1, Math.floor((toMs - fromMs) / STEP_MS))
  const samples = Array.from({ length: count }, (_, i) => ({
    labels: labelsFrom({ __name__: 'up', job: 'node' }),
    timeMs: toMs - i * STEP_MS,
    value: 1,
  }))
  const place = { externalLabels: labelsFrom(external), epoch, number }
  const { key, bytes } = resultPack(samples.toReversed(), place)!
  await bucket.put(key, bytes)
  return key
}

export async function putBacklog(
  bucket: Bucket,
  atMs: number,
  jobs: readonly PlannedJob[] = [],
): Promise<void> {
  await bucket.delete('thaw/backlog.json.gz')
  const rules = { nowMs: atMs, resendMs: 1, leased: new Set<string>() }
  await claimDue(bucket, { jobs, reasons: new Map() }, rules)
}

export async function putToken(
  bucket: Bucket,
  name: string,
  scopes: readonly AccessScope[],
  expiresMs?: number,
): Promise<IssuedToken> {
  const parts = { bucket, now: Date.now, newUlid: () => ulid(), random: randomBytes }
  return createToken(parts, { name, scopes, ...(expiresMs !== undefined && { expiresMs }) })
}

/** A rule file, and a state that has read it; `change` is what a test has changed in that. */
export async function putRules(
  bucket: Bucket,
  place: { readonly nowMs: number; readonly alertmanager: string },
  change: (state: RulerState) => Partial<RulerState> = () => ({}),
): Promise<void> {
  const text = 'groups: [{name: a, rules: [{record: one, expr: vector(1)}]}]\n'
  const { etag } = await bucket.put('thaw/rule/files/f.yaml', new TextEncoder().encode(text))
  const state = rulerState({
    ...sampleRules(),
    updatedMs: place.nowMs - 30_000,
    externalLabels: { ruler: 'thaw' },
    alertmanagers: { active: [`${place.alertmanager}/api/v2/alerts`], dropped: [] },
    files: [{ name: 'f.yaml', etag }],
  })
  await putRulerState(bucket, { ...state, ...change(state) })
}

export function prometheusPages(nowMs: number, external = '{cluster: eu, replica: a}'): Pages {
  const success = (data: unknown): string => JSON.stringify({ status: 'success', data })
  const yaml = external === '' ? 'global: {}' : `global: {external_labels: ${external}}`
  const flags = {
    'storage.tsdb.min-block-duration': '2h',
    'storage.tsdb.max-block-duration': '2h',
  }
  const result = [{ metric: {}, value: [nowMs / 1000, String((nowMs - 5000) / 1000)] }]
  return {
    '/api/v1/status/config': success({ yaml }),
    '/api/v1/status/flags': success(flags),
    '/api/v1/query': success({ resultType: 'vector', result }),
  }
}

/** Pages may be changed while it runs; a page `hang` never comes. */
export async function serve(pages: Pages, ends: Installation['ends']): Promise<string> {
  const server = createServer((request, response) => {
    const page = pages[(request.url ?? '').split('?')[0]!] ?? pages['*']
    if (page === 'hang') return
    if (typeof page === 'string') response.end(page)
    else response.writeHead(page ?? 404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function startApi(dir: string, ends: Installation['ends']): Promise<string> {
  const config = {
    type: 'FILESYSTEM',
    directory: join(dir, 'bucket'),
    prefix: '',
    ignored: [],
  } as const
  const { app, stop } = await bucketApp({
    config,
    settings: querySettings(['--query.replica-label=replica']),
    workers: 0,
    sliceBytes: 1e9,
    keptBytes: 0,
    now: Date.now,
    server: { door: await openTokenDoor(config, Date.now, SILENT) },
  })
  const server = await listen(app, { host: '127.0.0.1', port: 0 })
  ends.push(stop, () => server.close())
  return server.url
}

export interface Told extends CliResult {
  readonly findings: readonly {
    readonly part: string
    readonly check: string
    readonly level: string
    readonly text: string
    readonly seen?: readonly string[]
    readonly next?: string
  }[]
}

export function flagWords(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
}

export async function doctor(
  flags: Readonly<Record<string, string>>,
  more: readonly string[] = [],
): Promise<Told> {
  const words = [...flagWords({ 'answer-timeout': '2s', ...flags, output: 'json' }), ...more]
  const result = await thaw(['doctor', ...words], {}, Date.now())
  if (result.out === '') throw new Error(`no report: ${result.err}`)
  const { version, findings } = JSON.parse(result.out) as Told & { version: string }
  if (version !== VERSION) throw new Error(`version ${version}`)
  return { ...result, findings }
}

/**
 * prometheus/compliance's tests of alert generators, in real time (40 minutes): their samples go to a Prometheus, an agent brings them into
 * the bucket, the deployed ruler evaluates their rules and tells their receiver, and the deployed API tells them what it did.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { SILENT } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseRuleFile } from '#lib/rules/file/rule-file.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { loadHash } from '#lib/promql/execute/label-hash.ts'
import { gridOf, slotFrom } from '#lib/rules/tick/slots.ts'
import type { Cloud } from '#localstack/cloud/embedded-cloud.ts'
import { OPEN_DOOR } from '#localstack/open-door.ts'
import { tick } from '#localstack/rules.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { freePort, startServer } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startCloudBucket } from './support/cloud-bucket.ts'
import { synthesiseStack } from './support/local-cloud.ts'
import { startRoleCloud } from './support/role-cloud.ts'

/** With the built `tester` and its `rules.yaml`. */
const SUITE = process.env['THAW_ALERT_GENERATOR']
const HOUR = 3_600_000
/** The tester writes samples this often. */
const SAMPLES_MS = 15_000
const FRESH_MS = 1000
/** What was written is in the bucket by then. */
const OFFSET_MS = 5000
const TICK_MS = 2000
/** The agent wants blocks of two hours. */
const FLAGS = [
  '--web.enable-remote-write-receiver',
  '--storage.tsdb.min-block-duration=2h',
  '--storage.tsdb.max-block-duration=2h',
]
const FILE = 'rules.yaml'
const REPLICAS = '--query.replica-label=replica --query.replica-label=ruler'

const prometheus = await findPrometheus()

if (SUITE === undefined) {
  describeSkipped('the compliance tests of alert generators', {
    missing: 'THAW_ALERT_GENERATOR names no directory of the tests (they take 40 minutes)',
  })
} else if (isMissing(prometheus)) {
  describeSkipped('the compliance tests of alert generators', prometheus)
} else {
  describe('the compliance tests of alert generators', () => {
    it('pass', { timeout: HOUR }, async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-alert-generator-'))
      const binary = process.env['THAW_PROMETHEUS_3'] ?? prometheus.binary
      const options = { dir, suite: SUITE, binary }
      const world = await startWorld(options)
      try {
        expect(await runTester(world, options)).toBe('Congrats! All tests passed')
      } finally {
        await world.stop()
        await rm(dir, { recursive: true, force: true })
      }
    })
  })
}

interface World {
  /** Takes the samples. */
  readonly prometheusUrl: string
  /** thaw's API. */
  readonly url: string
  readonly alertsPort: number
  readonly groups: readonly { readonly name: string; readonly intervalMs: number }[]
  stop(): Promise<void>
}

interface WorldOptions {
  readonly dir: string
  readonly suite: string
  readonly binary: string
}

async function startWorld({ dir, suite, binary }: WorldOptions): Promise<World> {
  const ends: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  try {
    const assembly = await synthesiseStack()
    ends.push(() => assembly.remove())
    const dataDir = join(dir, 'prometheus')
    const server = await startPrometheus({
      binary,
      dataDir,
      config: 'global: {external_labels: {replica: a}}\n',
      flags: FLAGS,
    })
    ends.push(() => server.stop())
    const cloudBucket = await startCloudBucket()
    ends.push(() => cloudBucket.stop())
    const { bucket } = cloudBucket
    ends.push(startAgent(bucket, server.url, dataDir))
    const rules = await readFile(join(suite, 'rules.yaml'), 'utf8')
    await putRuleFile(bucket, FILE, rules)
    const groups = parseRuleFile(rules).groups.map(({ name, intervalMs = 60_000 }) => ({
      name,
      intervalMs,
    }))
    const alertsPort = await freePort()
    const started = await startRoleCloud({
      assembly,
      bucket: cloudBucket,
      concurrency: 12,
      clock: true,
      openWith: OPEN_DOOR,
      environment: {
        THAW_QUEUE_URL: '',
        THAW_QUERY_FLAGS: REPLICAS,
        THAW_RULE_FLAGS: `${REPLICAS} --alertmanagers.url=http://127.0.0.1:${alertsPort} --alert.label-drop=ruler --rule-query-offset=${OFFSET_MS / 1000}s`,
      },
      log: (source, line) => console.log(`[${source}] ${line}`),
    })
    const { cloud } = started
    ends.push(() => started.stop())
    ends.push(keepTicking(cloud))
    await untilEvaluated(cloud.httpUrl, groups.length)
    return { prometheusUrl: server.url, url: cloud.httpUrl, alertsPort, groups, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function startAgent(bucket: Bucket, prometheusUrl: string, tsdbPath: string): () => Promise<void> {
  const stopping = new AbortController()
  const prometheuses = [prometheusOptions({ prometheusUrl, tsdbPath, freshIntervalMs: FRESH_MS })]
  const agent = runAgent(agentOptions({ prometheuses, httpAddress: '' }), {
    bucket,
    logger: SILENT,
    now: Date.now,
    signal: stopping.signal,
  })
  agent.catch((error: Error) => console.log(`agent: ${error.message}`))
  return async () => {
    stopping.abort()
    await agent
  }
}

/** Beside the schedule, which is once a minute. */
function keepTicking(cloud: Cloud): () => Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  const ticking = (async () => {
    while (!signal.aborted) {
      const began = Date.now()
      await tick(cloud).catch((error: Error) => console.log(error.message))
      await sleep(Math.max(0, began + TICK_MS - Date.now()), undefined, { signal }).catch(() => {})
    }
  })()
  return async () => {
    stopping.abort()
    await ticking
  }
}

async function untilEvaluated(url: string, groups: number): Promise<void> {
  const evaluated = async (): Promise<boolean> => {
    const response = await fetch(`${url}/api/v1/rules`)
    const { data } = (await response.json()) as { data: { groups: { lastEvaluation: string }[] } }
    const done = data.groups.filter(({ lastEvaluation }) => !lastEvaluation.startsWith('0001'))
    return done.length === groups
  }
  for (const endMs = Date.now() + 120_000; !(await evaluated().catch(() => false));) {
    if (Date.now() > endMs) throw new Error('the rules were not evaluated')
    await sleep(500)
  }
}

/**
 * The tester wants what a sample changes within the interval in which it was written, so no group may be evaluated at the times between a
 * sample and its arrival in the bucket. Resolves when the time until the next evaluation after each sample is longest.
 */
async function bestMoment(groups: World['groups']): Promise<void> {
  await loadHash()
  const nowMs = Date.now()
  const waitOf = (startMs: number): number => {
    const waits = groups.map(({ name, intervalMs }) => {
      const grid = { ...gridOf(FILE, name, intervalMs), intervalMs: SAMPLES_MS }
      return slotFrom(grid, startMs) - startMs
    })
    return Math.min(...waits)
  }
  const moments = Array.from({ length: SAMPLES_MS / 100 }, (_, i) => nowMs + 1000 + i * 100)
  const best = moments.reduce((a, b) => (waitOf(b) > waitOf(a) ? b : a))
  expect(waitOf(best)).toBeGreaterThan(OFFSET_MS + 1000)
  await sleep(best - Date.now())
}

/** What it says at its end. */
async function runTester(
  { prometheusUrl, url, alertsPort, groups }: World,
  { dir, suite }: WorldOptions,
): Promise<string> {
  const config = join(dir, 'tester.yml')
  await writeFile(
    config,
    `settings:
  remote_write_url: ${prometheusUrl}/api/v1/write
  query_base_url: ${url}
  rules_and_alerts_api_base_url: ${url}
  alert_reception_server_port: ${alertsPort}
  alert_message_parser: default
`,
  )
  await bestMoment(groups)
  const tester = await startServer({
    file: join(suite, 'tester'),
    args: [`--config-file=${config}`],
    ready: async () => true,
    onOutput: (text) => process.stdout.write(text),
  })
  await tester.ended
  const log = tester.log()
  return (/^(?:Congrats|-{10}).*/ms.exec(log)?.[0] ?? log.slice(-2000)).trim()
}

/** `thaw serve --compact --rule`: what the functions do, in one process beside its queries. */
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import { thawProgram } from '#cli/program.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { LEASE_PREFIX } from '#lib/compact/jobs/lease.ts'
import { putRuleFile, RULE_FILES_PREFIX } from '#lib/rules/file/rule-files.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { keysOf } from '#test/agent/test-buckets.ts'
import { freePort } from '#test/peer/server.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { thaw } from '../cli-fixture.ts'

const HOUR = 3_600_000
const MINUTE = 60_000
const RULES = `groups:
- name: loads
  interval: 10s
  query_offset: 0s
  rules: [{record: 'load:sum', expr: sum(load)}]
`

interface World {
  readonly dir: string
  readonly bucket: Bucket
  readonly nowMs: number
}

/** Four blocks that are to be merged, one of now, and a rule file that is a minute old. */
async function makeWorld(): Promise<World> {
  const dir = await temporaryDir()
  const bucket = fileBucket(dir)
  const nowMs = Date.now()
  const startMs = Math.floor(nowMs / (8 * HOUR)) * 8 * HOUR - 16 * HOUR
  const put = (n: number, minTimeMs: number, maxTimeMs: number): Promise<unknown> =>
    putBlock(bucket, {
      id: testId(n),
      minTimeMs,
      maxTimeMs,
      externalLabels: { cluster: 'a' },
      series: ['x', 'y'].map((host) => ({
        labels: labels({ __name__: 'load', host }),
        samples: every(15_000, minTimeMs, maxTimeMs, () => 2),
      })),
    })
  for (let n = 0; n < 4; n++) await put(n + 1, startMs + n * 2 * HOUR, startMs + (n + 1) * 2 * HOUR)
  await put(9, nowMs - 30 * MINUTE, nowMs + 30 * MINUTE)
  await putRuleFile(bucket, 'loads.yaml', RULES)
  const then = nowMs / 1000 - 60
  await utimes(join(dir, RULE_FILES_PREFIX, 'loads.yaml'), then, then)
  return { dir, bucket, nowMs }
}

interface Serving {
  readonly url: string
  readonly stop: AbortController
  readonly ended: Promise<number>
  readonly hangUp: () => void
}

async function serve({ dir }: World, ...argv: readonly string[]): Promise<Serving> {
  const port = await freePort()
  const [stop, kill] = [new AbortController(), new AbortController()]
  const hangups: (() => void)[] = []
  const context = {
    env: {},
    now: Date.now,
    write: () => undefined,
    writeError: () => undefined,
    signal: stop.signal,
    killSignal: kill.signal,
    onHangup: (listener: () => void) => void hangups.push(listener),
  }
  const words = [
    'serve',
    `--http-address=127.0.0.1:${port}`,
    `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`,
    '--query.workers=1',
    '--log.level=error',
  ]
  const ended = runCommand(thawProgram(context), [...words, ...argv], () => undefined)
  const url = `http://127.0.0.1:${port}`
  onTestFinished(async () => {
    stop.abort()
    kill.abort()
    await ended
  })
  await vi.waitFor(async () => expect((await fetch(`${url}/-/ready`)).status).toBe(200), {
    timeout: 30_000,
    interval: 50,
  })
  return { url, stop, ended, hangUp: () => hangups.forEach((listener) => listener()) }
}

const text = async (url: string): Promise<string> => (await fetch(url)).text()

async function valuesOf(url: string, query: string): Promise<(readonly [number, string])[]> {
  const answer = (await (
    await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)
  ).json()) as { data: { result: { values: [number, string][] }[] } }
  return answer.data.result.flatMap(({ values }) => values)
}

/** Made here, out of the four. */
async function merged({ bucket }: World): Promise<number> {
  const { blocks } = await lookUpBlocks(bucket, { now: Date.now })
  return blocks.filter(({ level, marks }) => level === 2 && !marks.deletion).length
}

const eventually = (fact: () => Promise<void>): Promise<void> =>
  vi.waitFor(fact, { timeout: 40_000, interval: 100 })

describe('thaw serve --compact --rule', () => {
  it('merges blocks, evaluates rules and answers queries, and tells of all of it', async () => {
    const world = await makeWorld()
    const { url, stop, ended, hangUp } = await serve(
      world,
      '--compact',
      '--compact.flags=--consistency-delay=0s --delete-delay=1h',
      '--rule.flags=--eval-interval=10s',
      '--memory.limit=2GiB',
    )
    await eventually(async () => expect(await merged(world)).toBe(1))
    await eventually(async () =>
      expect((await valuesOf(url, 'load:sum{ruler="thaw"}[5m]')).length).toBeGreaterThan(3),
    )
    const sums = await valuesOf(url, 'load:sum{ruler="thaw"}[5m]')
    expect(new Set(sums.map(([, value]) => value))).toEqual(new Set(['4']))
    hangUp()
    // What is planned is kept in the bucket, as the functions do.
    await eventually(async () => {
      const { data } = JSON.parse(await text(`${url}/api/v1/status/compaction`)) as {
        data: { plannedAt: string | null; jobs: unknown[] }
      }
      expect([data.plannedAt === null, data.jobs]).toEqual([false, []])
    })
    expect(await text(`${url}/-/healthy`)).toBe('thaw is Healthy.\n')

    const metrics = await text(`${url}/metrics`)
    for (const line of [
      'thanos_compact_group_compactions_total{resolution="0",component="compact"} 1',
      'thanos_compact_iterations_total{component="compact"} 1',
      'thaw_part_healthy{component="rule"} 1',
      'thaw_part_restarts_total{component="compact"} 0',
      'thaw_memory_limit_bytes 2147483648',
      'http_requests_total{code="200",handler="query",method="get"}',
      'process_resident_memory_bytes ',
      'prometheus_rule_evaluations_total{',
      'thanos_objstore_bucket_operations_total{bucket=',
    ]) {
      expect(metrics).toContain(`\n${line}`)
    }
    const families = [...metrics.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
    expect(new Set(families).size, 'no family is told twice').toBe(families.length)

    stop.abort()
    expect(await ended).toBe(0)
    expect((await keysOf(world.bucket)).filter((key) => key.startsWith(LEASE_PREFIX))).toEqual([])
  }, 120_000)

  it('does each job and each evaluation once where two run on one bucket', async () => {
    const world = await makeWorld()
    const flags = ['--compact.flags=--consistency-delay=0s', '--rule.flags=--eval-interval=10s']
    const both = await Promise.all([serve(world, ...flags), serve(world, ...flags)])
    await eventually(async () => expect(await merged(world)).toBe(1))
    const [{ url }] = both
    await eventually(async () =>
      expect((await valuesOf(url, 'load:sum[5m]')).length).toBeGreaterThan(3),
    )
    const times = (await valuesOf(url, 'load:sum[5m]')).map(([time]) => time)
    expect(new Set(times).size).toBe(times.length)
    for (const { stop, ended } of both) {
      stop.abort()
      expect(await ended).toBe(0)
    }
    expect(await merged(world)).toBe(1)
  }, 120_000)

  it('ends with what is wrong where a part can not work as it is set up', async () => {
    const dir = await temporaryDir()
    const { code, err } = await thaw([
      'serve',
      '--http-address=127.0.0.1:0',
      '--log.level=error',
      `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`,
      '--rule.flags=--alertmanagers.config-file=/no/such.yml',
    ])
    expect(err).toMatch(/^thaw: rule: --alertmanagers.config-file: ENOENT/)
    expect(code).toBe(1)
  })

  it.each([
    [['--compact', '--endpoint=a:1'], '--compact: there is work in a bucket only'],
    [['--compact', '--rule', '--endpoint=a:1'], '--compact and --rule: there is work in a'],
    [['--compact.flags=--retention=5'], "--compact.flags: Unknown option '--retention'"],
    [['--rule.flags=--eval-interval=soon'], '--rule.flags: --eval-interval: cannot parse "soon"'],
    [['--memory.limit=100MiB'], '--memory.limit: 100MiB are too little for what is to run here'],
    [['--memory.limit=much'], 'write a number of bytes such as 5MB or 512KiB'],
  ])('refuses %j', async (argv, message) => {
    const objstore = argv.some((word) => word.startsWith('--endpoint'))
      ? []
      : ['--objstore.config={type: FILESYSTEM, config: {directory: /tmp}}']
    const { code, err } = await thaw(['serve', '--http-address=nowhere:1', ...objstore, ...argv])
    expect(err).toContain(message)
    expect(code).toBe(1)
  })
})

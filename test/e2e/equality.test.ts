/**
 * The main promise: what a real Prometheus answers from its own disk, thaw answers from a bucket that an agent filled,
 * through the deployed functions. Values are compared as the strings that are sent: bit for bit.
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { command, isMissing } from '#test/peer/cache.ts'
import {
  findPrometheus,
  type Prometheus,
  startNodeExporter,
  startPrometheus,
} from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { askUrl, type Ask, type Params } from './support/ask.ts'
import { compareAll, sameAnnotations } from './support/compare-all.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import {
  type Assembly,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'
import { makeData } from './support/made-data.ts'
import { SILENT } from './support/queries.ts'
import { NAMES, remembering, REQUESTS } from './support/requests.ts'
import { AGENT as AGENT_ROLE } from './support/roles.ts'

const AGENT = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))
/** A slice of a day of a metric is about this much here. */
const SLICE_BYTES = 20_000
/** Path of a Prometheus 3.x: then every last bit must be the same. */
const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']

const found = await findPrometheus()

interface World {
  readonly url: string
  readonly dataDir: string
  readonly blocks: number
  readonly series: number
  readonly prometheus2: Ask
  readonly prometheus3: Ask | undefined
  readonly assembly: Assembly
}

let world: World
let dir: string
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-equality-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  if (!isMissing(found)) world = await startWorld(found)
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

/** A Prometheus that lives: it scrapes a node exporter while it answers from the blocks of three days. */
async function startWorld(prometheus: Prometheus): Promise<World> {
  const dataDir = join(dir, 'prometheus')
  const data = await makeData(prometheus, dataDir)
  if (isMissing(data)) throw new Error(data.missing)
  await cp(dataDir, join(dir, 'prometheus3'), { recursive: true })
  let targets = 'scrape_configs: []\n'
  if (prometheus.nodeExporter !== undefined) {
    const exporter = await startNodeExporter(prometheus.nodeExporter)
    ends.push(() => exporter.stop())
    targets = `scrape_configs:\n  - job_name: live\n    static_configs: [{targets: ['127.0.0.1:${exporter.port}']}]\n`
  }
  // `cluster` is a label of the made targets too, as the Kubernetes mixin wants it: answers are the same with it. `replica`
  // goes away by deduplication.
  const config = `global: {scrape_interval: 5s, external_labels: {cluster: made, replica: a}}\n${targets}`
  const flags = [
    '--storage.tsdb.min-block-duration=2h',
    '--storage.tsdb.max-block-duration=2h',
    '--storage.tsdb.retention.time=10y',
  ]
  const start = async (binary: string, dataDir: string): Promise<string> => {
    const server = await startPrometheus({ binary, dataDir, config, flags })
    ends.push(() => server.stop())
    return server.url
  }
  const url = await start(prometheus.binary, dataDir)
  const url3 = PROMETHEUS_3 && (await start(PROMETHEUS_3, join(dir, 'prometheus3')))
  const assembly = await synthesiseStack()
  ends.push(() => assembly.remove())
  return {
    url,
    dataDir,
    blocks: data.blockIds.length,
    series: data.seriesCount,
    prometheus2: remembering(askUrl(url)),
    prometheus3: url3 ? remembering(askUrl(url3)) : undefined,
    assembly,
  }
}

describe.each([
  { name: 'a directory', choice: 'equality.test.ts, over a directory' },
  { name: 'MinIO', choice: undefined },
] as const)('thaw over $name', ({ name, choice }) => {
  let bucket: CloudBucket
  let local: LocalCloud
  let thaw: Ask
  let shipped: string
  let planned: number

  beforeAll(async () => {
    bucket = await startCloudBucket(choice)
    ends.push(() => bucket.stop())
    if (isMissing(found) || missing() !== undefined) return
    const { assembly } = world
    shipped = await ship()
    local = await startLocalCloud({ assembly, bucket, sliceBytes: SLICE_BYTES })
    planned = await local.plan()
    thaw = remembering(local.ask)
  })

  afterAll(async () => local?.stop())

  /** Why this is not MinIO, where it is not and should be. */
  function missing(): string | undefined {
    return choice === undefined && isMissing(bucket.roles) ? bucket.roles.missing : undefined
  }

  function need(context: TestContext): void {
    needPeer(context, found)
    const why = missing()
    if (why !== undefined) context.skip(why)
  }

  /** In the role of the agent, where there are roles. */
  async function ship(): Promise<string> {
    if (isMissing(bucket.roles)) return runAgentOnce(bucket.objstore, name, {})
    const roles = await bucket.roles()
    const output = await runAgentOnce(roles.objstore, name, roles.environmentOf(AGENT_ROLE))
    expect(roles.troubles()).toEqual([])
    await roles.stop()
    return output
  }

  it('has every block of the data directory', (context) => {
    need(context)
    expect(world.series).toBeGreaterThan(1000)
    expect(shipped.match(/^\w{26} uploaded \d+ bytes$/gm)).toHaveLength(world.blocks)
    expect(planned).toBe(world.blocks)
  })

  it('answers every query as Prometheus 2.42 does', async (context) => {
    need(context)
    const asked = REQUESTS.filter(({ asked }) => asked.meansOtherwise === undefined)
    const report = await compareAll(asked, thaw, world.prometheus2, {
      mayBeClose: ({ asked }) => asked.roundsOtherwise ?? asked.machineMath,
    })
    console.log(`${name}, against Prometheus 2.42: ${report.summary}`)
    expect(report.differences).toEqual([])
    expect(report.values).toBeGreaterThan(100_000)
    expect(report.silent).toEqual(SILENT)
  })

  it('answers every query as Prometheus 3.x does, to the last bit', async (context) => {
    need(context)
    const { prometheus3 } = world
    if (prometheus3 === undefined) return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
    const report = await compareAll(REQUESTS, thaw, prometheus3, {
      mayBeClose: ({ asked }) => asked.machineMath,
      also: sameAnnotations,
    })
    console.log(`${name}, against Prometheus 3.x: ${report.summary}`)
    expect(report.differences).toEqual([])
  })

  it('lists labels, their values and series as Prometheus does', async (context) => {
    need(context)
    for (const [path, params] of NAMES) {
      const { status, data } = await thaw(path, params)
      expect({ path, params, status, data }).toEqual({
        path,
        params,
        status: 'success',
        data: (await world.prometheus2(path, params)).data,
      })
    }
  })

  it('answers a dashboard whose panels all ask at once, with more to do than functions may run', async (context) => {
    need(context)
    const panels = REQUESTS.filter(({ long, asked }) => long && /^sum.*rate\(/.test(asked.expr))
    expect(panels.length).toBeGreaterThan(5)
    const answers = await Promise.all(
      panels.slice(0, 8).map(({ params }) => local.ask('query_range', shifted(params, 1))),
    )
    const alone = await Promise.all(
      panels.slice(0, 8).map(({ params }) => thaw('query_range', shifted(params, 1))),
    )
    expect(answers).toEqual(alone)
    const throttles = Object.values(local.cloud.stats()).map((stats) => stats.throttles)
    expect(Math.max(...throttles)).toBeGreaterThan(0)
  })

  it('answers a POST as a GET', async (context) => {
    need(context)
    const { path, params } = REQUESTS.find(({ long }) => long)!
    const form = new URLSearchParams(
      Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
    )
    const response = await fetch(`${local.cloud.httpUrl}/api/v1/${path}`, {
      method: 'POST',
      body: form,
    })
    expect({ httpStatus: response.status, ...((await response.json()) as object) }).toEqual(
      await thaw(path, params),
    )
  })

  it('refuses an answer that no gateway lets through, and says what to do', async (context) => {
    need(context)
    const { params } = REQUESTS.find(({ long }) => long)!
    const all = { ...params, query: '{cluster="made"}', step: 60 }
    const answer = await local.ask('query_range', all)
    expect(answer).toMatchObject({ httpStatus: 422, status: 'error', errorType: 'execution' })
    expect(answer.error).toMatch(
      /does not fit .* ask for fewer series, a larger step or a shorter range/,
    )
  })

  it('shares a query over days among store functions', async (context) => {
    need(context)
    const long = REQUESTS.filter(({ long, asked }) => long && /^sum.*rate\(/.test(asked.expr))
    expect(long.length).toBeGreaterThan(5)
    for (const { params } of long) {
      const before = local.storeInvokes()
      const { data } = await local.ask('query_range', { ...shifted(params, 2), stats: 'all' })
      const { stats } = data as {
        stats: { thaw: { slices: number; invokes: number; gets: number } }
      }
      expect(stats.thaw.slices).toBeGreaterThan(1)
      expect(stats.thaw.invokes).toBe(stats.thaw.slices)
      expect(local.storeInvokes() - before).toBe(stats.thaw.invokes)
    }
    const failures = Object.values(local.cloud.stats()).map((stats) => stats.failures)
    expect(Math.max(...failures)).toBe(0)
  })
})

/** Steps that nobody asked for before, so that no kept answer has them. */
function shifted(params: Params, seconds: number): Params {
  const later = (name: string): number => Number(params[name]) + seconds
  return { ...params, start: later('start'), end: later('end') }
}

/** A process of its own, with the flags of Thanos's sidecar. */
async function runAgentOnce(
  objstore: string,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const file = join(dir, `${name.replace(/\W/g, '-')}.yml`)
  await writeFile(file, objstore)
  const flags = [
    '--once',
    `--prometheus.url=${world.url}`,
    `--tsdb.path=${world.dataDir}`,
    `--objstore.config-file=${file}`,
    // One state file for each bucket.
    `--shipper.meta-file-name=shipped-to-${name.replace(/\W/g, '-')}.json`,
  ]
  return command(process.execPath, [AGENT, ...flags], { env })
}

/** The programs of an hour that is counted: Prometheus and its agent, MinIO behind a proxy for each client, and the deployed functions. */
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ulid } from 'ulid'
import { createToken } from '#lib/auth/edit-tokens.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { type Cloud, startCloud } from '#localstack/cloud/embedded-cloud.ts'
import { synthesise } from '#localstack/synthesise.ts'
import { type Minio, startMinio } from '#test/peer/minio.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import { answers, freePort, startServer } from '#test/peer/server.ts'
import { startLoad } from '../fresh/cost-run.ts'
import { objstoreYaml } from '../fresh/world.ts'
import { CLUSTERS, madeSamples, madeSeries, putBlock } from '../rule/made-bucket.ts'
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts'

export interface HourOptions {
  readonly dir: string
  readonly minio: Minio
  readonly prometheus: string
  readonly series: number
  readonly scrape: string
  /** How long the blocks of this Prometheus are. */
  readonly blockMinutes: number
  readonly rules: number
  /** Days that are in the bucket already, as blocks of two days of three clusters. */
  readonly historyDays: number
  readonly historySeries: number
  readonly sliceBytes: number
  readonly delayMs: number
}

/** Of the parts whose requests are counted apart. */
export const PARTIES = ['agent', 'authorize', 'query', 'store', 'plan', 'compact', 'rule'] as const
export type Party = (typeof PARTIES)[number]

export interface HourWorld {
  readonly cloud: Cloud
  readonly authorization: string
  readonly proxies: Readonly<Record<Party, CountingProxy>>
  readonly log: readonly string[]
  readonly bucket: Bucket
  stop(): Promise<void>
}

const DAY = 86_400_000

export async function startHourWorld(options: HourOptions): Promise<HourWorld> {
  const ends: (() => Promise<unknown> | void)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  try {
    const minio = await startMinio(options.minio)
    ends.push(minio.stop)
    const s3 = await createBucket(minio, 'hour')
    const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
    await putHistory(bucket, options)
    if (options.rules > 0) await putRuleFile(bucket, 'load.yaml', loadRules(options.rules))
    const token = await createToken(
      { bucket, now: Date.now, newUlid: ulid, random: randomBytes },
      { name: 'grafana', scopes: ['read'] },
    )

    let cloud: Cloud | undefined
    const started: [Party, CountingProxy][] = []
    for (const party of PARTIES) {
      const proxy = await startCountingProxy({
        store: minio.endpoint,
        delayMs: party === 'agent' ? 0 : options.delayMs,
        // S3 tells EventBridge of every object; only block metadata wakes somebody.
        stored: (key, size) => void (key.endsWith('/meta.json') && cloud?.objectCreated(key, size)),
      })
      started.push([party, proxy])
      ends.push(() => proxy.close())
    }
    const proxies = Object.fromEntries(started) as Record<Party, CountingProxy>

    const assemblyDir = join(options.dir, 'cdk.out')
    await synthesise({ outDir: assemblyDir, context: {} })
    const log: string[] = []
    cloud = await startCloud({
      assemblyDir,
      clock: true,
      concurrency: 50,
      environment: {
        THAW_QUERY_FLAGS: '--query.replica-label=replica',
        THAW_RULE_FLAGS: '--query.replica-label=replica',
        THAW_COMPACT_FLAGS: '--downsampling.disable --consistency-delay=0s',
        THAW_SLICE_BYTES: String(options.sliceBytes),
      },
      environmentOf: (name) => ({
        THAW_OBJSTORE_CONFIG: objstoreOf(s3, proxies[partyOf(name)]),
      }),
      log: (source, line) => void log.push(`[${source}] ${line}`),
    })
    ends.push(() => cloud?.stop())

    if (options.series > 0) {
      ends.push(...(await startAgent(options, objstoreOf(s3, proxies.agent))))
    }
    const authorization = `Basic ${Buffer.from(`grafana:${token.text}`).toString('base64')}`
    return { cloud, authorization, proxies, log, bucket, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** `thaw-query` is `query`. */
export function partyOf(functionName: string): Party {
  const party = PARTIES.find((one) => functionName.endsWith(`-${one}`))
  if (party === undefined) throw new Error(`nobody counts ${functionName}`)
  return party
}

function objstoreOf(s3: S3Config, { endpoint }: CountingProxy): string {
  return objstoreYaml({ ...s3, endpoint })
}

/** Returns what ends them. */
async function startAgent(
  { dir, prometheus: binary, series, scrape, blockMinutes }: HourOptions,
  objstore: string,
): Promise<(() => Promise<unknown> | void)[]> {
  const load = await startLoad(series)
  const dataDir = join(dir, 'prometheus')
  const jobs = Array.from(
    { length: load.count },
    (_, i) =>
      `  - job_name: load-${i}\n    metrics_path: /metrics/${i}\n    static_configs: [{targets: ['127.0.0.1:${load.port}']}]\n`,
  )
  const prometheus = await startPrometheus({
    binary,
    dataDir,
    config: `global:\n  scrape_interval: ${scrape}\n  external_labels: {cluster: live, replica: a}\nscrape_configs:\n${jobs.join('')}`,
    flags: [
      `--storage.tsdb.min-block-duration=${blockMinutes}m`,
      `--storage.tsdb.max-block-duration=${blockMinutes}m`,
    ],
  })
  const port = await freePort()
  const agent = await startServer({
    file: process.execPath,
    args: [
      fileURLToPath(new URL('../../agent/main.ts', import.meta.url)),
      `--prometheus.url=${prometheus.url}`,
      `--tsdb.path=${dataDir}`,
      `--objstore.config=${objstore}`,
      `--http-address=127.0.0.1:${port}`,
      '--grpc-address=127.0.0.1:0',
    ],
    ready: () => answers(`http://127.0.0.1:${port}/-/healthy`),
  })
  return [load.stop, prometheus.stop, agent.stop]
}

async function putHistory(
  bucket: Bucket,
  { historyDays, historySeries }: HourOptions,
): Promise<void> {
  const series = madeSeries(historySeries)
  const endMs = Math.floor(Date.now() / (2 * DAY)) * 2 * DAY
  for (let startMs = endMs - historyDays * DAY; startMs < endMs; startMs += 2 * DAY) {
    for (const cluster of CLUSTERS) {
      const external = { cluster, replica: 'a' }
      const seed = createHash('sha1').update(`${startMs}${cluster}`).digest()
      await putBlock(bucket, {
        id: ulid(startMs + 2 * DAY + seed[0]!),
        startMs,
        endMs: startMs + 2 * DAY,
        external,
        series: series.map((one) => ({
          labels: one.labels,
          samples: madeSamples(one, startMs, startMs + 2 * DAY),
        })),
      })
    }
  }
  await updateBucketIndex(bucket, { now: Date.now })
}

/** In groups of 20: sums of rates, as dashboards ask for them, and thresholds. */
function loadRules(count: number): string {
  const words = ['http', 'grpc', 'queue', 'cache', 'disk', 'net', 'cpu', 'gc', 'pool', 'db']
  const rules = Array.from({ length: count }, (_, i) => {
    const metric = `load_${words[i % 10]}_${['requests', 'bytes'][Math.floor(i / 10) % 2]}_total`
    return i % 4 === 3
      ? `  - alert: High${i}\n    expr: sum by (namespace) (rate(${metric}[5m])) > ${i}\n    for: 5m\n`
      : `  - record: namespace:load_${i}:rate5m\n    expr: sum by (namespace) (rate(${metric}[5m]))\n`
  })
  const groups: string[] = []
  for (let from = 0; from < count; from += 20) {
    groups.push(`- name: load-${from / 20}\n  rules:\n${rules.slice(from, from + 20).join('')}`)
  }
  return `groups:\n${groups.join('')}`
}

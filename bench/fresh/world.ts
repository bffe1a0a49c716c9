/** The programs of a run: MinIO behind a proxy that can fail, Prometheus with its targets, the agent, and thaw over the bucket. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import type { Minio } from '#test/peer/minio.ts'
import { startMinio } from '#test/peer/minio.ts'
import { startNodeExporter } from '#test/peer/prometheus.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import { answers, freePort } from '#test/peer/server.ts'
import { type OutageProxy, startOutageProxy } from './outage-proxy.ts'
import { startProbeTarget } from './probe-target.ts'
import { restartable, type Restartable } from './restartable.ts'

export interface WorldOptions {
  readonly dir: string
  /** Prometheus's; its parent is filled where the disk is to be full. */
  readonly dataDir: string
  readonly minio: Minio
  readonly prometheus: string
  /** It is a 2.x: what that does not know is left out of its configuration. */
  readonly isPrometheus2: boolean
  readonly nodeExporter: string | undefined
  readonly scrapeMs: number
  readonly blockMs: number
  /** Of the agent, beside those that say where everything is. */
  readonly agentFlags: readonly string[]
  readonly fillers: number
  readonly churning: number
  readonly now: () => number
}

export interface World {
  readonly prometheusUrl: string
  readonly thawUrl: string
  /** Without the proxy. */
  readonly bucket: Bucket
  readonly proxy: OutageProxy
  readonly prometheus: Restartable
  readonly agent: Restartable
  readonly thaw: Restartable
  readonly stop: () => Promise<void>
}

export const EXTERNAL_LABELS: Readonly<Record<string, string>> = { cluster: 'hour', replica: 'a' }

export async function startWorld(options: WorldOptions): Promise<World> {
  const { dir, now } = options
  const ends: (() => Promise<unknown> | void)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  try {
    await mkdir(dir, { recursive: true })
    const minio = await startMinio(options.minio)
    ends.push(() => minio.stop())
    const s3 = await createBucket(minio, 'hour')
    const proxy = await startOutageProxy(minio.endpoint)
    ends.push(() => proxy.close())
    const target = await startProbeTarget({ ...options, now })
    ends.push(() => target.close())
    const targets = [target.address]
    if (options.nodeExporter !== undefined) {
      const node = await startNodeExporter(options.nodeExporter)
      ends.push(() => node.stop())
      targets.push(`127.0.0.1:${node.port}`)
    }
    const data = options.dataDir
    const prometheus = await startedPrometheus(options, data, targets)
    ends.push(() => prometheus.server.stop())
    const agent = agentOf(options, data, prometheus.url, { ...s3, endpoint: proxy.endpoint })
    ends.push(() => agent.stop())
    await agent.start()
    const thaw = await startedThaw(dir, s3)
    ends.push(() => thaw.server.stop())
    return {
      prometheusUrl: prometheus.url,
      thawUrl: thaw.url,
      bucket: await openBucket({ type: 'S3', s3, prefix: '', ignored: [] }),
      proxy,
      prometheus: prometheus.server,
      agent,
      thaw: thaw.server,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Served {
  readonly url: string
  readonly server: Restartable
}

async function startedPrometheus(
  { prometheus, isPrometheus2: isOld, dir, blockMs, scrapeMs }: WorldOptions,
  data: string,
  targets: readonly string[],
): Promise<Served> {
  const port = await freePort()
  await mkdir(data, { recursive: true })
  const configFile = join(dir, 'prometheus.yml')
  await writeFile(configFile, prometheusConfig(scrapeMs, isOld, [`127.0.0.1:${port}`, ...targets]))
  await writeFile(join(dir, 'rules.yml'), RULES + (isOld ? '' : HISTOGRAM_RULE))
  const url = `http://127.0.0.1:${port}`
  const args = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${data}`,
    `--storage.tsdb.min-block-duration=${blockMs}ms`,
    `--storage.tsdb.max-block-duration=${blockMs}ms`,
    '--storage.tsdb.retention.time=30d',
    `--web.listen-address=127.0.0.1:${port}`,
    `--enable-feature=exemplar-storage,${isOld ? 'native-histograms' : 'metadata-wal-records'}`,
    '--query.max-samples=200000000',
  ]
  const ready = (): Promise<boolean> => answers(`${url}/-/ready`)
  const server = restartable({ file: prometheus, args, ready }, join(dir, 'prometheus.log'))
  await server.start()
  return { url, server }
}

/** Prometheus itself comes first; all speak protobuf that can, as native histograms are in no other format. */
function prometheusConfig(scrapeMs: number, isOld: boolean, targets: readonly string[]): string {
  const [self, probe, ...others] = targets
  const labels = Object.entries(EXTERNAL_LABELS).map(([name, value]) => `${name}: ${value}`)
  const job = (name: string, all: readonly (string | undefined)[], ...more: string[]): string =>
    [
      `  - job_name: ${name}`,
      `    static_configs: [{targets: [${all.map((one) => `'${one}'`).join()}]}]`,
      ...more.map((line) => `    ${line}`),
    ].join('\n')
  const jobs = [job('prometheus', [self]), job('probe', [probe])]
  if (others.length > 0) jobs.push(job('node', others))
  const onlyClassic = 'scrape_native_histograms: false'
  if (!isOld) {
    jobs.push(job('classic', [probe], onlyClassic))
    jobs.push(job('custom', [probe], onlyClassic, 'convert_classic_histograms_to_nhcb: true'))
  }
  return `global:
  scrape_interval: ${scrapeMs}ms
  scrape_timeout: ${scrapeMs}ms
  evaluation_interval: ${scrapeMs}ms
  external_labels: {${labels.join(', ')}}
  ${isOld ? '' : 'scrape_native_histograms: true'}
rule_files: [rules.yml]
scrape_configs:
${jobs.join('\n')}
`
}

const RULES = `groups:
  - name: probe
    rules:
      - record: job:probe_requests:rate1m
        expr: sum by (job) (rate(probe_requests_total[1m]))
`
/** 2.x's rate changes the very histograms that it reads. */
const HISTOGRAM_RULE = `      - record: job:probe_latency:rate1m
        expr: sum by (job) (rate(probe_latency_seconds[1m]))
`

function agentOf(
  { dir, agentFlags }: WorldOptions,
  data: string,
  prometheusUrl: string,
  s3: S3Config,
): Restartable {
  const main = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))
  const args = [
    main,
    `--prometheus.url=${prometheusUrl}`,
    `--tsdb.path=${data}`,
    `--objstore.config=${objstoreYaml(s3)}`,
    '--http-address=127.0.0.1:0',
    '--grpc-address=127.0.0.1:0',
    ...agentFlags,
  ]
  const ready = async (): Promise<boolean> => true
  return restartable({ file: process.execPath, args, ready }, join(dir, 'agent.log'))
}

async function startedThaw(dir: string, s3: S3Config): Promise<Served> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const main = fileURLToPath(new URL('thaw-server.ts', import.meta.url))
  const server = restartable(
    {
      file: process.execPath,
      args: [main, objstoreYaml(s3), String(port)],
      ready: () => answers(`${url}/-/ready`),
    },
    join(dir, 'thaw.log'),
  )
  await server.start()
  return { url, server }
}

/** Thanos's configuration of an S3 server on this machine. */
export function objstoreYaml({ bucket, endpoint, accessKey, secretKey, region }: S3Config): string {
  return `type: S3
config: {bucket: ${bucket}, endpoint: "${endpoint}", access_key: ${accessKey}, secret_key: ${secretKey}, insecure: true, region: ${region}}
`
}

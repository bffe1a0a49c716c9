/** A real Grafana before the deployed stack and before a Prometheus with the same data: each is a data source of it. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { Grafana, GrafanaServer } from '#test/peer/grafana.ts'
import { startGrafana } from '#test/peer/grafana.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { TokenMaker } from './door-matrix.ts'
import { startCloudBucket } from './cloud-bucket.ts'
import { type LocalCloud, startLocalCloud, synthesiseStack } from './local-cloud.ts'
import { fillSampleBucket, prometheusOfBucket } from './sample-bucket.ts'

export const LOCAL_GRAFANA = join(import.meta.dirname, '../../../localstack/grafana')

export interface GrafanaWorld {
  readonly grafana: GrafanaServer
  readonly cloud: LocalCloud
  /** Below the URL of Grafana. */
  readonly get: (path: string) => Promise<GrafanaAnswer>
  readonly post: (path: string, body: unknown) => Promise<GrafanaAnswer>
  stop(): Promise<void>
}

export interface GrafanaAnswer {
  readonly status: number
  readonly body: unknown
}

/** Data sources `thaw`, as provisioned, and `prometheus`; thaw again with a token that is none, `stranger`, and with one that may only write, `writer`. */
export async function startGrafanaWorld(
  peer: Grafana,
  prometheusBinary: string,
): Promise<GrafanaWorld> {
  const ends: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    const dir = await mkdtemp(join(tmpdir(), 'thaw-grafana-world-'))
    ends.push(() => rm(dir, { recursive: true, force: true }))
    const [bucketDir, dataDir] = [join(dir, 'bucket'), join(dir, 'prometheus')]
    for (const one of [bucketDir, dataDir]) await mkdir(one)
    const made = fileBucket(bucketDir)
    await fillSampleBucket(made)
    const cloudBucket = await startCloudBucket()
    ends.push(() => cloudBucket.stop())
    const { bucket } = cloudBucket
    for await (const { objects } of made.list('')) {
      for (const { key } of objects) await bucket.put(key, (await made.get(key)).body)
    }
    await prometheusOfBucket(bucketDir, dataDir)
    const prometheus = await startPrometheus({
      binary: prometheusBinary,
      dataDir,
      config: 'scrape_configs: []\n',
      flags: [
        '--storage.tsdb.retention.time=100y',
        '--no-storage.tsdb.allow-overlapping-compaction',
      ],
    })
    ends.push(() => prometheus.stop())
    const assembly = await synthesiseStack()
    ends.push(() => assembly.remove())
    const cloud = await startLocalCloud({
      assembly,
      bucket: cloudBucket,
      sliceBytes: 1e6,
      tokens: true,
    })
    ends.push(() => cloud.stop())
    await cloud.plan()
    const maker = new TokenMaker(bucket)
    const token = await maker.make('grafana', ['read'])
    const writer = await maker.make('writer', ['write'])
    const grafana = await startGrafana({
      ...peer,
      provisioning: join(LOCAL_GRAFANA, 'provisioning'),
      env: {
        THAW_URL: cloud.cloud.httpUrl,
        THAW_TOKEN: token.text,
        THAW_DASHBOARDS: join(LOCAL_GRAFANA, 'dashboards'),
      },
    })
    ends.push(() => grafana.stop())
    const world = { grafana, cloud, ...apiOf(grafana.url), stop }
    await addDataSource(world, 'prometheus', { url: prometheus.url })
    const withPassword = (user: string, password: string): object => ({
      url: cloud.cloud.httpUrl,
      basicAuth: true,
      basicAuthUser: user,
      secureJsonData: { basicAuthPassword: password },
    })
    await addDataSource(world, 'stranger', withPassword('grafana', `${token.text}x`))
    await addDataSource(world, 'writer', withPassword('writer', writer.text))
    return world
  } catch (error) {
    await stop()
    throw error
  }
}

export function apiOf(url: string): Pick<GrafanaWorld, 'get' | 'post'> {
  const read = async (response: Response): Promise<GrafanaAnswer> => {
    const text = await response.text()
    try {
      return { status: response.status, body: JSON.parse(text) as unknown }
    } catch {
      return { status: response.status, body: text }
    }
  }
  return {
    get: async (path) => read(await fetch(`${url}${path}`)),
    post: async (path, body) =>
      read(
        await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      ),
  }
}

/** With the settings of the one that is provisioned. */
async function addDataSource(
  { get, post }: Pick<GrafanaWorld, 'get' | 'post'>,
  uid: string,
  more: object,
): Promise<void> {
  const { body } = await get('/api/datasources/uid/thaw')
  const { type, access, jsonData } = body as Record<string, unknown>
  const made = await post('/api/datasources', { uid, name: uid, type, access, jsonData, ...more })
  if (made.status !== 200) throw new Error(`data source ${uid}: ${JSON.stringify(made)}`)
}

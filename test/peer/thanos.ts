/** Thanos over a directory as a bucket: its downsampling, store, queriers and query-frontend. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { answers, freePort, type PeerServer, startServer } from './server.ts'

export interface ThanosSettings {
  readonly binary: string
  readonly bucketDir: string
  /** What it caches goes in here. */
  readonly workDir: string
}

export interface ThanosServers {
  /** `http://127.0.0.1:port` of the queriers by their deduplication, and of a frontend of the first. */
  readonly urls: Readonly<Record<'penalty' | 'chain' | 'frontend', string>>
  /** Addresses of StoreAPIs over the same blocks: the store, and a querier before it. */
  readonly storeApis: readonly string[]
  readonly stop: () => Promise<void>
}

/** A compactor that keeps running, with intervals of seconds. */
export async function startCompactor(
  binary: string,
  bucketDir: string,
  workDir: string,
  deleteDelay = '3s',
): Promise<PeerServer> {
  const address = `127.0.0.1:${await freePort()}`
  return startServer({
    file: binary,
    args: [
      'compact',
      '--wait',
      '--wait-interval=1s',
      '--compact.cleanup-interval=1s',
      `--data-dir=${join(workDir, 'compactor')}`,
      `--objstore.config=${objstore(bucketDir)}`,
      '--consistency-delay=0s',
      `--delete-delay=${deleteDelay}`,
      '--compact.enable-vertical-compaction',
      '--deduplication.replica-label=none',
      '--downsampling.disable',
      `--http-address=${address}`,
    ],
    ready: () => answers(`http://${address}/-/ready`),
  })
}

/** One store of all blocks; `replica` is the replica label. */
export async function startThanos({
  binary,
  bucketDir,
  workDir,
}: ThanosSettings): Promise<ThanosServers> {
  const servers: PeerServer[] = []
  const start = async (
    component: string,
    ready: (url: string) => Promise<boolean>,
    args: readonly string[],
  ): Promise<string> => {
    const url = `http://127.0.0.1:${await freePort()}`
    const address = `--http-address=${url.slice('http://'.length)}`
    const all = [component, address, '--log.level=error', ...args]
    servers.push(await startServer({ file: binary, args: all, ready: () => ready(url) }))
    return url
  }
  const isReady = (url: string): Promise<boolean> => answers(`${url}/-/ready`)
  const grpc = async (): Promise<string> => `127.0.0.1:${await freePort()}`
  const store = await grpc()
  await start('store', isReady, [
    `--grpc-address=${store}`,
    `--objstore.config=${objstore(bucketDir)}`,
    `--data-dir=${join(workDir, 'store')}`,
  ])
  const behind = await grpc()
  const querier = async (func: string): Promise<string> =>
    start('query', hasStores, [
      `--grpc-address=${func === 'chain' ? behind : await grpc()}`,
      `--endpoint=${store}`,
      '--query.replica-label=replica',
      `--deduplication.func=${func}`,
    ])
  const penalty = await querier('penalty')
  const chain = await querier('chain')
  // Not split: with penalty the parts would begin anew. Not aligned: the caller says which steps.
  const frontend = await start('query-frontend', isReady, [
    `--query-frontend.downstream-url=${penalty}`,
    '--query-range.split-interval=0',
    '--no-query-range.align-range-with-step',
  ])
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  return { urls: { penalty, chain, frontend }, storeApis: [store, behind], stop }
}

/** A querier over any StoreAPI; `replica` is the replica label. */
export async function startQuerier(
  binary: string,
  endpoint: string,
  deduplication: 'penalty' | 'chain',
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const address = `127.0.0.1:${await freePort()}`
  const url = `http://${address}`
  const args = [
    'query',
    `--http-address=${address}`,
    `--grpc-address=127.0.0.1:${await freePort()}`,
    `--endpoint=${endpoint}`,
    '--query.replica-label=replica',
    `--deduplication.func=${deduplication}`,
    '--log.level=error',
  ]
  const server = await startServer({ file: binary, args, ready: () => hasStores(url) })
  return { url, stop: () => server.stop() }
}

async function hasStores(url: string): Promise<boolean> {
  const answer = (await (await fetch(`${url}/api/v1/stores`)).json()) as { data?: object }
  return Object.keys(answer.data ?? {}).length > 0
}

/** YAML. */
export function objstore(directory: string): string {
  return `type: FILESYSTEM\nconfig: {directory: ${JSON.stringify(directory)}}\n`
}

export interface DownsampledMeta {
  readonly ulid: string
  readonly minTime: number
  readonly maxTime: number
  readonly thanos: {
    readonly labels: Readonly<Record<string, string>>
    readonly downsample: { readonly resolution: number }
  }
}

/** Every block that is long enough, to five minutes and then to hours. */
export async function downsampleBucket({
  binary,
  bucketDir,
  workDir,
}: ThanosSettings): Promise<void> {
  for (const [from, to, hours] of [
    [0, 300_000, 40],
    [300_000, 3_600_000, 240],
  ] as const) {
    const port = await freePort()
    const args = [
      'tools',
      'bucket',
      'downsample',
      `--objstore.config=${objstore(bucketDir)}`,
      `--data-dir=${join(workDir, 'downsample')}`,
      `--http-address=127.0.0.1:${port}`,
      '--log.level=error',
    ]
    const isDone = async (): Promise<boolean> => {
      const metas = await blockMetas(bucketDir)
      const long = metas.filter(
        ({ minTime, maxTime, thanos }) =>
          thanos.downsample.resolution === from && maxTime - minTime >= hours * 3_600_000,
      )
      return metas.filter((one) => one.thanos.downsample.resolution === to).length >= long.length
    }
    const run = await startServer({ file: binary, args, ready: isDone })
    // It looks at its own work once more.
    await sleep(200)
    await run.stop()
  }
}

/** Of all blocks of the directory. */
export async function blockMetas(bucketDir: string): Promise<DownsampledMeta[]> {
  const metas: DownsampledMeta[] = []
  for (const name of await readdir(bucketDir)) {
    const text = await readFile(join(bucketDir, name, 'meta.json'), 'utf8').catch(() => undefined)
    if (text !== undefined) metas.push(JSON.parse(text) as DownsampledMeta)
  }
  return metas
}

/** What docs/deploy.md begins with: a clone, an account, and a Prometheus with three days of data that goes on scraping. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AwsCli, findAwsCli } from '#test/peer/aws-cli.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import {
  findMiniStack,
  type MiniStack,
  type MiniStackServer,
  startMiniStack,
} from '#test/peer/ministack.ts'
import {
  findPrometheus,
  type Prometheus,
  type PrometheusServer,
  startPrometheus,
} from '#test/peer/prometheus.ts'
import { freePort } from '#test/peer/server.ts'
import { makeCheckout } from './checkout.ts'
import { type Console, openConsole, withoutAccount } from './console.ts'
import { makeData } from './made-data.ts'

export interface DeployPeers {
  readonly miniStack: MiniStack
  readonly aws: AwsCli
  readonly prometheus: Prometheus
}

export async function findDeployPeers(): Promise<DeployPeers | Missing> {
  const miniStack = await findMiniStack()
  if (isMissing(miniStack)) return miniStack
  const aws = await findAwsCli()
  if (isMissing(aws)) return aws
  const prometheus = await findPrometheus()
  if (isMissing(prometheus)) return prometheus
  return { miniStack, aws, prometheus }
}

export interface DeployWorld {
  readonly miniStack: MiniStackServer
  readonly console: Console
  /** The clone, in which the commands run. */
  readonly dir: string
  readonly prometheus: PrometheusServer
  readonly blocks: number
  readonly dataDir: string
  /** Of every process that talks to the account as its root. */
  readonly env: Readonly<Record<string, string>>
  /** A JSON file that a command wrote. */
  json(name: string): Promise<unknown>
  stop(): Promise<void>
}

/** `cluster` is a label of the made targets too: answers are the same with it. `replica` goes by deduplication. */
const EXTERNAL_LABELS = '{cluster: made, replica: a}'

const LOCALHOST_NAMES = fileURLToPath(new URL('../../peer/localhost-names.cjs', import.meta.url))

/** What a reader might set: replicas are merged; and, that nobody waits half an hour, blocks are merged at once. */
const OPTIONS = {
  queryFlags: '--query.replica-label=replica',
  compactFlags: '--consistency-delay=0s --delete-delay=0s',
}

export async function startDeployWorld(peers: DeployPeers): Promise<DeployWorld> {
  const ends: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    const checkout = await makeCheckout()
    ends.push(() => checkout.remove())
    await setOptions(join(checkout.dir, 'cdk.json'))
    const directory = await mkdtemp(join(tmpdir(), 'thaw-deploy-'))
    ends.push(() => rm(directory, { recursive: true, force: true }))
    const dataDir = join(directory, 'data')
    const data = await makeData(peers.prometheus, dataDir)
    if (isMissing(data)) throw new Error(data.missing)
    const port = await freePort()
    const prometheus = await startPrometheus({
      binary: peers.prometheus.binary,
      dataDir,
      port,
      config: `global: {scrape_interval: 5s, external_labels: ${EXTERNAL_LABELS}}\nscrape_configs:\n  - job_name: live\n    static_configs: [{targets: ['127.0.0.1:${port}']}]\n`,
      flags: [
        '--storage.tsdb.min-block-duration=2h',
        '--storage.tsdb.max-block-duration=2h',
        '--storage.tsdb.retention.time=10y',
      ],
    })
    ends.push(() => prometheus.stop())
    const miniStack = await startMiniStack(peers.miniStack)
    ends.push(() => miniStack.stop())
    const env = {
      ...withoutAccount(process.env, directory),
      ...miniStack.env,
      npm_config_update_notifier: 'false',
      NODE_OPTIONS: `--require ${LOCALHOST_NAMES}`,
      PATH: [dirname(process.execPath), peers.aws.bin, process.env['PATH'] ?? ''].join(delimiter),
    }
    const shell = await openConsole({ cwd: checkout.dir, env })
    ends.push(() => shell.remove())
    return {
      miniStack,
      console: shell,
      dir: checkout.dir,
      prometheus,
      blocks: data.blockIds.length,
      dataDir,
      env,
      json: async (name) => JSON.parse(await readFile(join(checkout.dir, name), 'utf8')) as unknown,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function setOptions(file: string): Promise<void> {
  const settings = JSON.parse(await readFile(file, 'utf8')) as { context: object }
  const context = { ...settings.context, ...OPTIONS }
  await writeFile(file, JSON.stringify({ ...settings, context }))
}

/** What docs/deploy.md begins with: the repository, a machine with git, npm and the AWS CLI, a Prometheus, and an account in what stands in for AWS. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AwsCli, findAwsCli } from '#test/peer/aws-cli.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findNpmRegistry } from '#test/peer/npm-registry.ts'
import { findPrometheus, type Prometheus } from '#test/peer/prometheus.ts'
import { findRepository, makeUpstream, type Upstream } from './checkout.ts'
import { type Console, openConsole, withoutAccount, withoutCheckout } from './console.ts'
import { type LivingPrometheus, startLivingPrometheus } from './living-prometheus.ts'

export interface DeployPeers {
  readonly aws: AwsCli
  readonly prometheus: Prometheus
}

export async function findDeployPeers(): Promise<DeployPeers | Missing> {
  for (const needed of [await findRepository(), await findNpmRegistry()]) {
    if (isMissing(needed)) return needed
  }
  const aws = await findAwsCli()
  if (isMissing(aws)) return aws
  const prometheus = await findPrometheus()
  if (isMissing(prometheus)) return prometheus
  return { aws, prometheus }
}

export interface DeployWorld {
  readonly console: Console
  readonly upstream: Upstream
  /** The clone that the page's first command makes. */
  readonly dir: string
  readonly prometheus: LivingPrometheus
  /** Of every process that talks to the account as its root. */
  readonly env: Readonly<Record<string, string>>
  /** A JSON file that a command wrote. */
  json(name: string): Promise<unknown>
  stop(): Promise<void>
}

/** What a client of AWS needs to talk to an account as its root. */
export interface Account {
  readonly env: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** Of seconds that a command takes on a machine that does nothing else. */
export const COMMAND_TIMEOUT_MS = 600_000

const LOCALHOST_NAMES = fileURLToPath(new URL('../../peer/localhost-names.cjs', import.meta.url))

/** Ends the account too. */
export async function startDeployWorld(peers: DeployPeers, account: Account): Promise<DeployWorld> {
  const ends: (() => Promise<void>)[] = [() => account.stop()]
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    const home = await mkdtemp(join(tmpdir(), 'thaw-deploy-'))
    ends.push(() => rm(home, { recursive: true, force: true }))
    const upstream = await makeUpstream()
    ends.push(() => upstream.remove())
    const prometheus = await startLivingPrometheus(peers.prometheus)
    ends.push(() => prometheus.stop())
    const machine = withoutCheckout(withoutAccount(process.env, home))
    const env = {
      ...machine,
      ...account.env,
      ...(await trustOfBoth(home, account.env)),
      NODE_OPTIONS: `--require ${LOCALHOST_NAMES}`,
      // A Node of the machine comes first.
      PATH: [peers.aws.bin, machine['PATH'], dirname(process.execPath)].join(delimiter),
    }
    const shell = await openConsole({ cwd: home, env, timeoutMs: COMMAND_TIMEOUT_MS - 20_000 })
    ends.push(() => shell.remove())
    const dir = join(home, 'thaw')
    return {
      console: shell,
      upstream,
      dir,
      prometheus,
      env,
      json: async (name) => JSON.parse(await readFile(join(dir, name), 'utf8')) as unknown,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** npm may need what the machine trusts besides. */
async function trustOfBoth(
  directory: string,
  { NODE_EXTRA_CA_CERTS: added }: Account['env'],
): Promise<Record<string, string>> {
  const own = process.env['NODE_EXTRA_CA_CERTS']
  if (added === undefined || own === undefined) return {}
  const both = join(directory, 'trusted.pem')
  await writeFile(both, `${await readFile(added, 'utf8')}\n${await readFile(own, 'utf8')}`)
  return { NODE_EXTRA_CA_CERTS: both }
}

/** What a reader might set: replicas are merged; and, that nobody waits half an hour, blocks are merged at once. */
const OPTIONS = {
  queryFlags: '--query.replica-label=replica',
  compactFlags: '--consistency-delay=0s --delete-delay=0s',
}

/** In the cdk.json of the clone, as the page says of options that stay. */
export async function setOptions({ dir }: DeployWorld): Promise<void> {
  const file = join(dir, 'cdk.json')
  const settings = JSON.parse(await readFile(file, 'utf8')) as { context: object }
  const context = { ...settings.context, ...OPTIONS }
  await writeFile(file, `${JSON.stringify({ ...settings, context }, undefined, 2)}\n`)
}

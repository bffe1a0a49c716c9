/**
 * docs/deploy.md: its commands do what it says, on a stand-in for AWS that enforces IAM; and between its chapters, what they made is
 * looked at: a real Prometheus's blocks come in with the agent's own rights, and are asked for through the gateway.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { TOKENS_KEY } from '#lib/auth/token-list.ts'
import { commandsOf, missingLine } from '#test/cli/bucket/operations-page.ts'
import { isMissing } from '#test/peer/cache.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { askUrl, type ApiAnswer } from './support/ask.ts'
import { compareAll } from './support/compare-all.ts'
import {
  agentKeys,
  aws,
  bucketWith,
  cutSmaller,
  gatewayOf,
  grafanaOf,
  makeDeployer,
  type Service,
  startAgentService,
} from './support/deploy-checks.ts'
import { type DeployWorld, findDeployPeers, startDeployWorld } from './support/deploy-world.ts'
import { TokenMaker, tryScopes, tryUnknown, type Door } from './support/door-matrix.ts'
import { MADE_START_MS } from './support/made-data.ts'
import { NAMES, REQUESTS } from './support/requests.ts'
import { filesOf } from './support/rules-page-world.ts'

const PAGE = await readFile('docs/deploy.md', 'utf8')
const peers = await findDeployPeers()
const ROOT = { accessKey: 'test', secretKey: 'test' }
/** Of what happens by itself: events, the queue, the schedule of a minute. */
const SOON = { timeout: 180_000, interval: 1000 }

/** Chapters with commands, in their order. */
const CHAPTERS = PAGE.split(/^## /m)
  .slice(1)
  .map((text) => ({ title: text.slice(0, text.indexOf('\n')), commands: commandsOf(text) }))
  .filter(({ commands }) => commands.length > 0)

let world: DeployWorld
let agent: Service | undefined

/** What is elsewhere here: the Prometheus, and the HTTP API. */
function here(line: string): string {
  return line
    .replace('http://localhost:9090', world.prometheus.url)
    .replace('/var/lib/prometheus/metrics2', world.dataDir)
    .replace(/^URL=.*/, (set) => `${set} && URL="\${URL%%.*}.${world.miniStack.apiDomain}"`)
}

async function blocks(): Promise<{ level: number }[]> {
  const { data } = await (await grafanaOf(world))('status/tsdb/blocks')
  return (data as { blocks: { compaction: { level: number } }[] }).blocks.map(
    ({ compaction: { level } }) => ({ level }),
  )
}

/** Queries and lists of the equality test, every nth of them beginning with one, to the last bit where the machine's arithmetic is the same. */
async function expectPrometheusAnswers(nth: number, first = 0): Promise<void> {
  const [thaw, prometheus] = [await grafanaOf(world), askUrl(world.prometheus.url)]
  const asked = REQUESTS.filter(
    ({ asked: { meansOtherwise } }, i) => meansOtherwise === undefined && i % nth === first,
  )
  const report = await compareAll(asked, thaw, prometheus, {
    mayBeClose: ({ asked: { roundsOtherwise, machineMath } }) => roundsOtherwise ?? machineMath,
  })
  expect(report.differences).toEqual([])
  expect(report.values).toBeGreaterThan(100_000 / nth)
  for (const [path, params] of NAMES) {
    const { data } = await thaw(path, params)
    expect({ path, data }).toEqual({ path, data: (await prometheus(path, params)).data })
  }
}

/** By the title of the chapter after which they are. */
const LOOK: Readonly<Record<string, () => void>> = {
  'The first Prometheus': () => {
    it('the agent has no right beyond its policy', async () => {
      const bucket = await bucketWith(world, await agentKeys(world))
      const bytes = new Uint8Array(1)
      await bucket.put('thaw/fresh/probe', bytes)
      await bucket.delete('thaw/fresh/probe')
      for (const key of [TOKENS_KEY, 'thaw/rule/files/a.yaml', 'thaw/bucket-index/root.json.gz']) {
        await expect(bucket.put(key, bytes)).rejects.toMatchObject({ kind: 'unauthorized' })
      }
      await expect(bucket.get(TOKENS_KEY)).rejects.toMatchObject({ kind: 'unauthorized' })
    })

    it('the agent goes on as a service', async () => {
      agent = await startAgentService(world)
      await expect.poll(() => agent!.log(), SOON).toContain('fresh blocks begin')
    })
  },

  'The first token': () => {
    it('events have put every block into the bucket index', async () => {
      const ask = await grafanaOf(world)
      const { data } = await ask('query', { query: 'count(up)', time: MADE_START_MS / 1000 + 3600 })
      expect(data).toMatchObject({ result: [{}] })
    })

    it('the queue merges blocks, and answers stay those of the Prometheus', async () => {
      await expect
        .poll(async () => Math.max(...(await blocks()).map((b) => b.level)), SOON)
        .toBeGreaterThan(1)
      await expectPrometheusAnswers(2)
    })

    it('401, 403 and 200 for every route, token, tenant and scope', async () => {
      const gateway = await gatewayOf(world)
      const door: Door = (path, authorization, { headers = {}, method = 'GET' } = {}) =>
        gateway(path, {
          method,
          headers: { ...headers, ...(authorization !== undefined && { authorization }) },
        })
      const maker = new TokenMaker(await bucketWith(world, ROOT))
      const seconds = MADE_START_MS / 1000 + 3600
      const unknown = await tryUnknown({ door, maker, seconds })
      expect(unknown.flaws).toEqual([])
      expect(unknown.cases).toBe(ROUTE_SCOPES.size * unknown.kinds)
      const scopes = await tryScopes({ door, maker, seconds })
      expect(scopes.flaws).toEqual([])
      expect(scopes.letIn.get('/api/v1/query')).toBe(8)
      console.log(`${unknown.cases} requests with no token, ${scopes.cases} with one`)
    })
  },

  'The first rules': () => {
    it('the schedule evaluates them, and their results can be asked for', async () => {
      const ask = await grafanaOf(world)
      const results = async (): Promise<ApiAnswer> => ask('query', { query: 'cluster:up:count' })
      await expect
        .poll(async () => ((await results()).data as { result: unknown[] }).result.length, SOON)
        .toBe(1)
      expect((await ask('rules')).data).toMatchObject({
        groups: [
          { file: 'first.yaml', rules: [{ health: 'ok' }, { health: 'ok', state: 'inactive' }] },
        ],
      })
    })
  },

  'Change and update': () => {
    it('the new version answers as the old one did', async () => {
      const memory =
        'lambda get-function-configuration --function-name thaw-query --query MemorySize'
      expect(await aws(world, memory)).toBe('3008')
      await expectPrometheusAnswers(15)
    })

    it('who deploys needs no right but to be the roles of the bootstrap', async () => {
      const deployer = await makeDeployer(world)
      const { code, output } = await world.console.run(
        `${deployer} npx cdk deploy --context queryMemoryMb=2048 --require-approval never`,
      )
      expect({ code, output }).toMatchObject({ code: 0 })
      const memory = 'lambda get-function-configuration --function-name thaw-query:live'
      expect(await aws(world, `${memory} --query MemorySize`)).toBe('2048')
    })

    it('several functions share a query, each with its own rights', async () => {
      await cutSmaller(world)
      const ask = await grafanaOf(world)
      const { params } = REQUESTS.find(
        ({ long, asked }) => long && /^sum.*rate\(/.test(asked.expr),
      )!
      const invokes = async (step: number): Promise<number> => {
        const { data } = await ask('query_range', { ...params, step, stats: 'all' })
        return (data as { stats: { thaw: { invokes: number } } }).stats.thaw.invokes
      }
      // Steps that nobody asked for before.
      let step = 1200
      await expect.poll(() => invokes(++step), SOON).toBeGreaterThan(1)
      await expectPrometheusAnswers(15, 7)
    })

    it('nothing that ran met anything unexpected', async () => {
      await agent?.stop()
      expect(agent?.log()).not.toMatch(/level=error/)
    })
  },
}

if (isMissing(peers)) describeSkipped('docs/deploy.md', peers)
else {
  beforeAll(async () => {
    world = await startDeployWorld(peers)
    for (const [name, text] of filesOf(PAGE)) await writeFile(join(world.dir, name), text)
  })
  afterAll(async () => {
    await agent?.stop()
    await world?.stop()
  })

  describe.each(CHAPTERS)('docs/deploy.md: $title', ({ title, commands }) => {
    it.each(commands)('$text', async ({ text, expected }) => {
      const { code, output } = await world.console.run(here(text))
      const missing = missingLine(output, expected)
      expect({ output, missing, code }).toEqual({ output, missing: undefined, code: 0 })
    })
    LOOK[title]?.()
  })
}

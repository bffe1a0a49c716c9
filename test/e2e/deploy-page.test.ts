/**
 * docs/deploy.md: its commands, from the clone on, do what it says on a stand-in for AWS that enforces IAM; and between its chapters,
 * what they made is looked at: a real Prometheus's blocks come in with the agent's own rights, and are asked for through the gateway.
 */
import { afterAll, expect, it } from 'vitest'
import { isMissing } from '#test/peer/cache.ts'
import { findMiniStack, type MiniStackServer, startMiniStack } from '#test/peer/ministack.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { askUrl } from './support/ask.ts'
import {
  agentKeys,
  bucketWith,
  aws,
  cutSmaller,
  gatewayOf,
  makeDeployer,
  tokenOf,
} from './support/deploy-checks.ts'
import { describeWalk, updatedQuery } from './support/deploy-page.ts'
import { type DeployWorld, findDeployPeers, startDeployWorld } from './support/deploy-world.ts'
import {
  compareWithPrometheus,
  grafana,
  itAnswers,
  itBoundsTheAgent,
  itEvaluatesRules,
  type MainJob,
  SOON,
} from './support/main-job.ts'
import { REQUESTS } from './support/requests.ts'
import { type Service, startAgentService } from './support/agent-service.ts'

const [peers, miniStack] = [await findDeployPeers(), await findMiniStack()]
const ROOT = { accessKey: 'test', secretKey: 'test' }

let world: DeployWorld
let server: MiniStackServer
let agent: Service | undefined

const job: MainJob = {
  gateway: () => gatewayOf(world, server),
  token: () => tokenOf(world),
  prometheus: () => askUrl(world.prometheus.url),
  bucketOf: async (whose) =>
    bucketWith(world, server, whose === 'agent' ? await agentKeys(world) : ROOT),
}

const LOOK: Readonly<Record<string, () => void>> = {
  'The first Prometheus': () => {
    itBoundsTheAgent(job)

    it('the agent goes on as a service', async () => {
      const { accessKey, secretKey } = await agentKeys(world)
      agent = startAgentService(world.prometheus, {
        cwd: world.dir,
        env: { ...world.env, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
      })
      await expect.poll(() => agent!.log(), SOON).toContain('fresh blocks begin')
    })
  },

  'The first token': () => itAnswers(job, 2),

  'The first rules': () => itEvaluatesRules(job),

  'Change and update': () => {
    it('what was pulled is live, and answers as the old one did', async () => {
      expect(await updatedQuery(world)).toEqual({ pulled: true, isOther: true, memory: 3008 })
      expect((await compareWithPrometheus(job, 15)).differences).toEqual([])
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
      const ask = await grafana(job)
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
      expect((await compareWithPrometheus(job, 15, 7)).differences).toEqual([])
    })

    it('nothing that ran met anything unexpected', async () => {
      await agent?.stop()
      expect(agent!.log()).not.toMatch(/level=error/)
    })
  },
}

if (isMissing(peers)) describeSkipped('docs/deploy.md', peers)
else if (isMissing(miniStack)) describeSkipped('docs/deploy.md', miniStack)
else {
  afterAll(() => agent?.stop())
  describeWalk({
    on: 'MiniStack',
    async start() {
      server = await startMiniStack(miniStack)
      world = await startDeployWorld(peers, server)
      return world
    },
    here: (line) =>
      line.replace(/^URL=.*/, (set) => `${set} && URL="\${URL%%.*}.${server.apiDomain}"`),
    look: LOOK,
  })
}

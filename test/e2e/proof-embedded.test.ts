/**
 * The main job with an S3 server only: the synthesised functions under the embedded cloud, each with the rights of its role; a real
 * Prometheus, an agent with its own policy, events, merges, rules, and a token.
 */
import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listRuleFiles, putRuleFile } from '#lib/rules/file/rule-files.ts'
import { command, isMissing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { findMoto } from '#test/peer/moto.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { agentArgs, type Service, startAgentService } from './support/agent-service.ts'
import { askUrl } from './support/ask.ts'
import { DEPLOY_PAGE } from './support/deploy-page.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import { TokenMaker } from './support/door-matrix.ts'
import { openGateway } from './support/gateway.ts'
import { type LivingPrometheus, startLivingPrometheus } from './support/living-prometheus.ts'
import { type LocalCloud, startLocalCloud, synthesiseStack } from './support/local-cloud.ts'
import {
  itAnswers,
  itBoundsTheAgent,
  itEvaluatesRules,
  type MainJob,
  SOON,
} from './support/main-job.ts'
import { AGENT, agentBucket, type Roles } from './support/roles.ts'
import { filesOf } from './support/rules-page-world.ts'

const found = await findPrometheus()
// Moto has the client of MinIO's roles.
const lacking = [await findMinio(), await findMoto()].find((peer) => isMissing(peer))
/** A slice of a day of a metric is about this much here. */
const SLICE_BYTES = 20_000

let prometheus: LivingPrometheus
let bucket: CloudBucket
/** Of the agent. */
let role: Roles
let local: LocalCloud
let dir: string
let token: string
let agent: Service
const ends: (() => Promise<unknown>)[] = []

const job: MainJob = {
  gateway: async () => openGateway({ url: local.cloud.httpUrl }),
  token: async () => token,
  prometheus: () => askUrl(prometheus.url),
  bucketOf: async (whose) => (whose === 'operator' ? bucket.bucket : agentBucket(role)),
}

if (isMissing(found)) describeSkipped('the main job over an S3 server', found)
else if (lacking) describeSkipped('the main job over an S3 server', lacking)
else {
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'thaw-embedded-'))
    ends.push(() => rm(dir, { recursive: true, force: true }))
    bucket = await startCloudBucket()
    ends.push(() => bucket.stop())
    if (isMissing(bucket.roles)) throw new Error(bucket.roles.missing)
    role = await bucket.roles()
    ends.push(() => role.stop())
    await writeFile(join(dir, 'bucket.yml'), role.objstore)
    prometheus = await startLivingPrometheus(found)
    ends.push(() => prometheus.stop())
  })
  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  describe('the main job over an S3 server', () => {
    it('deploys: synthesises the stack, and gives each function its role', async () => {
      const assembly = await synthesiseStack()
      ends.push(() => assembly.remove())
      local = await startLocalCloud({
        assembly,
        bucket,
        sliceBytes: SLICE_BYTES,
        compactFlags: '--consistency-delay=0s --delete-delay=0s',
        tokens: true,
        // Ten merge blocks, eight are asked for slices.
        concurrency: 24,
      })
      ends.push(() => local.stop())
      // S3 tells EventBridge of every object.
      for (const { gate } of [role, local.roles!]) {
        gate.stored((key, size) => void local.cloud.objectCreated(key, size))
      }
      expect(local.roles!.granted.size).toBeGreaterThan(6)
    })

    it('the agent ships every block', async () => {
      const args = [...agentArgs(prometheus), '--once']
      const shipped = await command(process.execPath, args, {
        env: role.environmentOf(AGENT),
        cwd: dir,
      })
      expect(shipped.match(/^\w{26} uploaded \d+ bytes$/gm)).toHaveLength(prometheus.blocks)
      expect(role.troubles()).toEqual([])
    })

    itBoundsTheAgent(job)

    it('the agent goes on as a service', async () => {
      const env = { ...process.env, ...role.environmentOf(AGENT) } as Record<string, string>
      agent = startAgentService(prometheus, { cwd: dir, env })
      ends.push(() => agent.stop())
      await expect.poll(() => agent.log(), SOON).toContain('fresh blocks begin')
    })

    it('a token is made', async () => {
      // What it tried beyond its policy.
      expect(role.troubles()).not.toEqual([])
      token = (await new TokenMaker(bucket.bucket).make('grafana', ['read'])).text
    })

    itAnswers(job, 3)

    it('slices were shared among functions', () => {
      expect(local.storeInvokes()).toBeGreaterThan(50)
    })

    it('rules are put into the bucket', async () => {
      await putRuleFile(bucket.bucket, 'first.yaml', filesOf(DEPLOY_PAGE).get('first.yaml')!)
      expect(await listRuleFiles(bucket.bucket)).toHaveLength(1)
    })

    itEvaluatesRules(job, () => local.cloud.runSchedule('thaw-rule'))

    it('nothing that ran met anything unexpected', async () => {
      await agent.stop()
      expect(agent.log()).not.toMatch(/level=error/)
      expect([...role.troubles(), ...local.roles!.troubles()]).toEqual([])
      const failed = Object.entries(local.cloud.stats()).filter(([, { failures }]) => failures > 0)
      expect(failed).toEqual([])
      expect(local.log.filter((line) => line.includes('"level":"ERROR"'))).toEqual([])
    })
  })
}

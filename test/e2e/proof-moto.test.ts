/** docs/deploy.md on moto: its commands but for those that need functions to run, with a look at what was really made. */
import { expect, it } from 'vitest'
import { isMissing } from '#test/peer/cache.ts'
import { findMoto, type Moto, startMoto } from '#test/peer/moto.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { aws } from './support/deploy-checks.ts'
import { describeWalk, updatedQuery } from './support/deploy-page.ts'
import {
  type Account,
  type DeployWorld,
  findDeployPeers,
  startDeployWorld,
} from './support/deploy-world.ts'

/** Of moto. */
const ACCOUNT = '123456789012'
const REGION = 'eu-central-1'

const [peers, moto] = [await findDeployPeers(), await findMoto()]
let world: DeployWorld

async function startAccount(found: Moto): Promise<Account> {
  const server = await startMoto(found)
  return {
    env: {
      // moto knows its own templates by this name only.
      AWS_ENDPOINT_URL: `http://localhost:${server.endpoint.split(':')[1]}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    stop: () => server.stop(),
  }
}

async function ask<T>(line: string): Promise<T> {
  return JSON.parse(await aws(world, `${line} --output json`)) as T
}

async function functions(): Promise<string[]> {
  const { Functions } = await ask<{ Functions: { FunctionName: string }[] }>(
    'lambda list-functions',
  )
  const names = Functions.map(({ FunctionName }) => FunctionName)
  return names.filter((name) => name.startsWith('thaw-')).toSorted()
}

const LOOK: Readonly<Record<string, () => void>> = {
  Deploy: () => {
    it('made the functions with their code, roles and environment', async () => {
      const names = ['authorize', 'compact', 'plan', 'query', 'rule', 'store']
      expect(await functions()).toEqual(expect.arrayContaining(names.map((name) => `thaw-${name}`)))
      for (const name of await functions()) {
        const made = await ask<{ Runtime: string; CodeSize: number; Role: string }>(
          `lambda get-function-configuration --function-name ${name}`,
        )
        expect(made).toMatchObject({ Runtime: 'nodejs24.x' })
        expect(made.CodeSize).toBeGreaterThan(10_000)
        const role = made.Role.split('/').at(-1)!
        const { PolicyNames } = await ask<{ PolicyNames: string[] }>(
          `iam list-role-policies --role-name ${role}`,
        )
        expect(PolicyNames.length).toBeGreaterThan(0)
        // Nothing but its own statements.
        const attached = await ask<{ AttachedPolicies: unknown[] }>(
          `iam list-attached-role-policies --role-name ${role}`,
        )
        expect(attached.AttachedPolicies).toEqual([])
      }
    })

    it('made the queue with its dead letters, and gave its messages to compact', async () => {
      // The CLI asks the old name of SQS otherwise.
      const here = '--endpoint-url "$AWS_ENDPOINT_URL"'
      const url = `aws sqs get-queue-url ${here} --queue-name thaw-jobs --query QueueUrl --output text`
      const { Attributes } = await ask<{ Attributes: Record<string, string> }>(
        `sqs get-queue-attributes ${here} --queue-url "$(${url})" --attribute-names All`,
      )
      expect(JSON.parse(Attributes['RedrivePolicy']!)).toMatchObject({
        deadLetterTargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:thaw-dead-jobs`,
      })
      const { EventSourceMappings } = await ask<{
        EventSourceMappings: { EventSourceArn: string; FunctionArn: string; BatchSize: number }[]
      }>('lambda list-event-source-mappings')
      expect(EventSourceMappings).toMatchObject([
        { EventSourceArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:thaw-jobs`, BatchSize: 1 },
      ])
      expect(EventSourceMappings[0]!.FunctionArn).toContain(':function:thaw-compact')
    })

    it('made the clock, the events of blocks, and logs that end', async () => {
      const { Rules } = await ask<{ Rules: { Name: string }[] }>('events list-rules')
      expect(Rules.map(({ Name }) => Name).toSorted()).toEqual(
        expect.arrayContaining(['thaw-block-arrived', 'thaw-plan', 'thaw-rule', 'thaw-rule-file']),
      )
      const { logGroups } = await ask<{
        logGroups: { logGroupName: string; retentionInDays?: number }[]
      }>('logs describe-log-groups')
      const ours = logGroups.filter(({ logGroupName }) => /^\/aws\/\w+\/thaw/.test(logGroupName))
      expect(ours.length).toBeGreaterThan(6)
      expect(new Set(ours.map(({ retentionInDays }) => retentionInDays))).toEqual(new Set([14]))
    })
  },

  'The first Prometheus': () => {
    it('the blocks of the Prometheus are in the bucket', async () => {
      const { output } = await world.console.run('aws s3 ls --recursive "s3://$BUCKET/"')
      expect(output.match(/\/meta\.json$/gm)).toHaveLength(world.prometheus.blocks)
    })
  },

  'Change and update': () => {
    it('changes what is changed, and nothing else', async () => {
      expect(await updatedQuery(world)).toEqual({ pulled: true, isOther: true, memory: 3008 })
      const memory = 'lambda get-function-configuration --function-name thaw-store:live'
      expect(await aws(world, `${memory} --query MemorySize`)).toBe('1769')
    })
  },

  Remove: () => {
    it('nothing of it is left', async () => {
      expect(await functions()).toEqual([])
    })
  },
}

/** Functions run in Docker there, and the HTTP API is not made. */
function cannot(line: string): string | undefined {
  return /^curl .*\$URL/.test(line) ? 'moto makes no HTTP API and runs no functions' : undefined
}

if (isMissing(peers)) describeSkipped('docs/deploy.md on moto', peers)
else if (isMissing(moto)) describeSkipped('docs/deploy.md on moto', moto)
else {
  describeWalk({
    on: 'moto',
    async start() {
      world = await startDeployWorld(peers, await startAccount(moto))
      return world
    },
    here: (line) => line,
    cannot,
    look: LOOK,
  })
}

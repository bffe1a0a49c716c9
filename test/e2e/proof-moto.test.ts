/** The stack in moto: deployed as docs/deploy.md says; then deployed, changed and destroyed, with a look at what was really made. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAwsCli } from '#test/peer/aws-cli.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findMoto, startMoto } from '#test/peer/moto.ts'
import type { S3Server } from '#test/peer/s3-server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { type Console, openConsole, withoutAccount } from './support/console.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Of moto. */
const ACCOUNT = '123456789012'
const APP = '--app "node test/e2e/support/moto-app.ts"'
const DEPLOY = `cdk deploy ${APP} --method=direct --require-approval never`

const [moto, aws] = [await findMoto(), await findAwsCli()]
const missing: Missing | undefined = isMissing(moto) ? moto : isMissing(aws) ? aws : undefined

let server: S3Server
let shell: Console
let dir: string

async function run(line: string): Promise<string> {
  const { code, output } = await shell.run(line)
  if (code !== 0) throw new Error(`${line}\n${output.slice(-4000)}`)
  return output
}

async function ask<T>(line: string): Promise<T> {
  return JSON.parse(await run(`aws ${line} --output json`)) as T
}

if (missing) describeSkipped('the stack in moto', missing)
else {
  beforeAll(async () => {
    if (isMissing(moto) || isMissing(aws)) return
    dir = await mkdtemp(join(tmpdir(), 'thaw-moto-'))
    server = await startMoto(moto)
    shell = await openConsole({
      cwd: ROOT,
      env: {
        ...withoutAccount(process.env, dir),
        // moto knows its own templates by this name only.
        AWS_ENDPOINT_URL: `http://localhost:${server.endpoint.split(':')[1]}`,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_REGION: 'us-east-1',
        AWS_DEFAULT_REGION: 'us-east-1',
        CDK_OUTDIR: join(dir, 'cdk.out'),
        PATH: [
          join(ROOT, 'node_modules/.bin'),
          dirname(process.execPath),
          aws.bin,
          process.env['PATH'] ?? '',
        ].join(delimiter),
      },
    })
  })
  afterAll(async () => {
    await shell?.remove()
    await server?.stop()
    if (dir) await rm(dir, { recursive: true, force: true })
  })

  describe('the stack in moto', () => {
    it('bootstraps the account as the page says', async () => {
      expect(await run(`cdk bootstrap --output ${dir}/bootstrap`)).toContain('bootstrapped')
    })

    it('deploys as the page says', async () => {
      const output = await run(`cdk deploy --require-approval never --output ${dir}/default`)
      expect(output).toContain('✅  thaw')
    })

    it('begins anew', async () => {
      await run('curl --silent --fail --request POST "$AWS_ENDPOINT_URL/moto-api/reset"')
      const bucket = `cdk-hnb659fds-assets-${ACCOUNT}-us-east-1`
      expect(await run(`aws s3 mb s3://${bucket}`)).toContain(bucket)
    })

    it('deploys with the credentials of the caller', async () => {
      const output = await run(`${DEPLOY} --output ${dir}/first --outputs-file ${dir}/outputs.json`)
      expect(output).toContain('✅  thaw')
    })

    it('made the functions with their code, roles and environment', async () => {
      const { Functions } = await ask<{
        Functions: { FunctionName: string; Runtime: string; CodeSize: number; Role: string }[]
      }>('lambda list-functions')
      const names = Functions.map(({ FunctionName }) => FunctionName).toSorted()
      expect(names).toEqual(
        expect.arrayContaining(
          ['authorize', 'compact', 'plan', 'query', 'rule', 'store'].map((name) => `thaw-${name}`),
        ),
      )
      for (const { FunctionName, Runtime, CodeSize, Role } of Functions) {
        if (!FunctionName.startsWith('thaw-')) continue
        expect({ FunctionName, Runtime }).toMatchObject({ Runtime: 'nodejs24.x' })
        expect(CodeSize).toBeGreaterThan(10_000)
        const role = Role.split('/').at(-1)!
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
        deadLetterTargetArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:thaw-dead-jobs`,
      })
      const { EventSourceMappings } = await ask<{
        EventSourceMappings: { EventSourceArn: string; FunctionArn: string; BatchSize: number }[]
      }>('lambda list-event-source-mappings')
      expect(EventSourceMappings).toMatchObject([
        { EventSourceArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:thaw-jobs`, BatchSize: 1 },
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

    it('changes what is changed, and nothing else', async () => {
      await run('aws s3 cp package.json "s3://$(' + BUCKET + ')/of-somebody"')
      await run(`${DEPLOY} --output ${dir}/second --context queryMemoryMb=3008`)
      const memory = async (name: string): Promise<number> =>
        ask(`lambda get-function-configuration --function-name thaw-${name} --query MemorySize`)
      expect([await memory('query'), await memory('store')]).toEqual([3008, 1769])
    })

    it('is destroyed but for the bucket', async () => {
      await run(`echo "$(${BUCKET})" > ${dir}/bucket`)
      await run(`cdk destroy ${APP} --force --output ${dir}/third`)
      const { Functions } = await ask<{ Functions: { FunctionName: string }[] }>(
        'lambda list-functions',
      )
      expect(Functions.filter(({ FunctionName }) => FunctionName.startsWith('thaw-'))).toEqual([])
      expect(await run(`aws s3 ls "s3://$(cat ${dir}/bucket)"`)).toContain('of-somebody')
    })
  })
}

const BUCKET =
  'aws cloudformation describe-stacks --stack-name thaw --query "Stacks[0].Outputs[?OutputKey==\'BucketName\'].OutputValue" --output text'

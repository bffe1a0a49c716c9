/** What a test looks at between the chapters of docs/deploy.md. */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { basic } from '#test/auth/made-tokens.ts'
import type { Ask } from './ask.ts'
import type { DeployWorld } from './deploy-world.ts'
import { askAsGrafana, type Gateway, openGateway } from './gateway.ts'

/** What one command of the AWS CLI says, as root of the account. */
export async function aws(world: DeployWorld, args: string): Promise<string> {
  const { code, output } = await world.console.run(`aws ${args}`)
  if (code !== 0) throw new Error(`aws ${args}: ${output}`)
  return output.trim()
}

export async function gatewayOf(world: DeployWorld): Promise<Gateway> {
  const { output } = await world.console.run('echo "$URL"')
  return openGateway({ url: output.trim(), certificate: world.miniStack.certificate })
}

/** As the data source of the page asks. */
export async function grafanaOf(world: DeployWorld): Promise<Ask> {
  const { token } = (await world.json('grafana-token.json')) as { token: string }
  return askAsGrafana(await gatewayOf(world), basic('grafana', token))
}

interface Keys {
  readonly accessKey: string
  readonly secretKey: string
}

/** The bucket of the stack, with any keys of the account. */
export async function bucketWith(world: DeployWorld, keys: Keys): Promise<Bucket> {
  const { output } = await world.console.run('echo "$BUCKET"')
  const { url, certificate } = world.miniStack
  const config = {
    bucket: output.trim(),
    endpoint: url,
    region: 'us-east-1',
    access_key: keys.accessKey,
    secret_key: keys.secretKey,
    http_config: { tls_config: { ca_file: certificate } },
  }
  const yaml = JSON.stringify({ type: 'S3', config })
  return openBucket(parseObjstoreConfig(yaml, {}), { retry: { attempts: 1 } })
}

export async function agentKeys(world: DeployWorld): Promise<Keys> {
  const { AccessKey } = (await world.json('agent-key.json')) as {
    AccessKey: { AccessKeyId: string; SecretAccessKey: string }
  }
  return { accessKey: AccessKey.AccessKeyId, secretKey: AccessKey.SecretAccessKey }
}

export interface Service {
  readonly log: () => string
  stop(): Promise<void>
}

/** The agent as the page says that it goes on: a service with the keys of its own user, and nothing of root's. */
export async function startAgentService(world: DeployWorld): Promise<Service> {
  const { accessKey, secretKey } = await agentKeys(world)
  const child = spawn(
    process.execPath,
    [
      join(world.dir, 'agent/main.ts'),
      `--prometheus.url=${world.prometheus.url}`,
      `--tsdb.path=${world.dataDir}`,
      '--objstore.config-file=bucket.yml',
      '--fresh.interval=5s',
      '--http-address=127.0.0.1:0',
      '--grpc-address=',
    ],
    {
      cwd: world.dir,
      env: { ...world.env, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    log: () => log,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([ended, sleep(10_000)])
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Has `query` cut into slices that are small enough for the data here to be worth several functions: another version, as a deployment makes it. */
export async function cutSmaller(world: DeployWorld): Promise<void> {
  const name = '--function-name thaw-query'
  const told = await aws(world, `lambda get-function-configuration ${name} --query Environment`)
  const { Variables } = JSON.parse(told) as { Variables: Record<string, string> }
  const environment = { Variables: { ...Variables, THAW_SLICE_BYTES: '20000' } }
  await writeFile(join(world.dir, 'environment.json'), JSON.stringify(environment))
  await aws(
    world,
    `lambda update-function-configuration ${name} --environment file://environment.json`,
  )
  const version = await aws(world, `lambda publish-version ${name} --query Version --output text`)
  await aws(world, `lambda update-alias ${name} --name live --function-version ${version}`)
}

/** A user who may be who `cdk bootstrap` made for deployments, and nothing else: its keys, as variables of a command. */
export async function makeDeployer(world: DeployWorld): Promise<string> {
  const Statement = [
    { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: 'arn:aws:iam::*:role/cdk-hnb659fds-*' },
  ]
  const policy = JSON.stringify({ Version: '2012-10-17', Statement })
  await aws(world, 'iam create-user --user-name deployer')
  await aws(
    world,
    `iam put-user-policy --user-name deployer --policy-name p --policy-document '${policy}'`,
  )
  const { AccessKey } = JSON.parse(
    await aws(world, 'iam create-access-key --user-name deployer'),
  ) as { AccessKey: { AccessKeyId: string; SecretAccessKey: string } }
  return `AWS_ACCESS_KEY_ID=${AccessKey.AccessKeyId} AWS_SECRET_ACCESS_KEY=${AccessKey.SecretAccessKey}`
}

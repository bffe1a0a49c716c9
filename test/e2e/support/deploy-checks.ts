/** What a test looks at between the chapters of docs/deploy.md. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { MiniStackServer } from '#test/peer/ministack.ts'
import type { DeployWorld } from './deploy-world.ts'
import { type Gateway, openGateway } from './gateway.ts'

/** What one command of the AWS CLI says, as root of the account. */
export async function aws(world: DeployWorld, args: string): Promise<string> {
  const { code, output } = await world.console.run(`aws ${args}`)
  if (code !== 0) throw new Error(`aws ${args}: ${output}`)
  return output.trim()
}

type Place = Pick<MiniStackServer, 'url' | 'certificate'>

export async function gatewayOf(world: DeployWorld, { certificate }: Place): Promise<Gateway> {
  const { output } = await world.console.run('echo "$URL"')
  return openGateway({ url: output.trim(), certificate })
}

/** Of the page. */
export async function tokenOf(world: DeployWorld): Promise<string> {
  return ((await world.json('grafana-token.json')) as { token: string }).token
}

interface Keys {
  readonly accessKey: string
  readonly secretKey: string
}

/** The bucket of the stack, with any keys of the account. */
export async function bucketWith(
  world: DeployWorld,
  { url, certificate }: Place,
  keys: Keys,
): Promise<Bucket> {
  const { output } = await world.console.run('echo "$BUCKET $AWS_REGION"')
  const [bucket, region] = output.trim().split(' ')
  const config = {
    bucket,
    endpoint: url,
    region,
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

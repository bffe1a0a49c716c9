/** Stores that refuse for good reasons: MinIO of another region with bounded sessions, MiniStack with a session that is over, a web server. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { command, isMissing, type Missing } from '#test/peer/cache.ts'
import { findMinio, type Minio, startMinio } from '#test/peer/minio.ts'
import { boundedBy, type SessionCredentials } from '#test/peer/minio-session.ts'
import {
  findMiniStack,
  type MiniStack,
  type MiniStackServer,
  startMiniStack,
} from '#test/peer/ministack.ts'
import { findMoto, type Moto } from '#test/peer/moto.ts'
import { createBucket, type S3Server } from '#test/peer/s3-server.ts'

export const REGION = 'eu-west-1'

export interface BadPeers {
  readonly minio: Minio
  readonly moto: Moto
  readonly miniStack: MiniStack
}

export async function findBadPeers(): Promise<BadPeers | Missing> {
  const [minio, moto, miniStack] = await Promise.all([findMinio(), findMoto(), findMiniStack()])
  if (isMissing(minio)) return minio
  if (isMissing(moto)) return moto
  return isMissing(miniStack) ? miniStack : { minio, moto, miniStack }
}

export interface BadWorld {
  /** Of `REGION` alone, with the empty bucket `metrics`. */
  readonly server: S3Server
  readonly bucket: Bucket
  readonly aws: MiniStackServer
  /** `host:port` of a web server that answers everything with a page. */
  readonly page: string
  readonly sessions: Readonly<Record<'readOnly' | 'tlsOnly' | 'over', SessionCredentials>>
  stop(): Promise<void>
}

export async function startBadWorld({ minio, moto, miniStack }: BadPeers): Promise<BadWorld> {
  const ends: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    const server = await startMinio(minio, { region: REGION })
    ends.push(() => server.stop())
    const aws = await startMiniStack(miniStack)
    ends.push(() => aws.stop())
    const page = await startPage(ends)
    const s3 = await createBucket(server, 'metrics')
    const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
    const all = { Action: 's3:*' }
    const noTls = {
      Effect: 'Deny',
      ...all,
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    }
    const sessions = {
      readOnly: await boundedBy(policy({ Action: 's3:GetObject' }), server, moto),
      tlsOnly: await boundedBy(policy(all, noTls), server, moto),
      over: await sessionThatIsOver(aws, moto),
    }
    return { server, bucket, aws, page, sessions, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function policy(...statements: readonly object[]): string {
  const Statement = statements.map((one) => ({
    Effect: 'Allow',
    Resource: 'arn:aws:s3:::*',
    ...one,
  }))
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

/** AWS gives none of less than a quarter of an hour; MiniStack does, where the client library does not look. */
const SHORT_SESSION = `
import boto3, json, time
from botocore.config import Config
anybody = {'Effect': 'Allow', 'Action': 'sts:AssumeRole', 'Principal': {'AWS': '*'}}
trust = json.dumps({'Version': '2012-10-17', 'Statement': [anybody]})
role = boto3.client('iam').create_role(RoleName='short', AssumeRolePolicyDocument=trust)['Role']
sts = boto3.client('sts', config=Config(parameter_validation=False))
keys = sts.assume_role(RoleArn=role['Arn'], RoleSessionName='short', DurationSeconds=1)['Credentials']
time.sleep(2)
print(json.dumps([keys['AccessKeyId'], keys['SecretAccessKey'], keys['SessionToken']]))
`

async function sessionThatIsOver(
  aws: MiniStackServer,
  { python }: Moto,
): Promise<SessionCredentials> {
  const answer = await command(python, ['-c', SHORT_SESSION], { env: aws.env })
  const [id, secret, token] = JSON.parse(answer) as [string, string, string]
  return { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token }
}

async function startPage(ends: (() => Promise<unknown>)[]): Promise<string> {
  const web = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>')
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  ends.push(async () => {
    web.closeAllConnections()
    await new Promise((resolve) => web.close(resolve))
  })
  return `127.0.0.1:${(web.address() as AddressInfo).port}`
}

/** Credentials of MinIO that a policy bounds, by its STS. */
import { command } from './cache.ts'
import type { Moto } from './moto.ts'
import type { S3Server } from './s3-server.ts'

export interface SessionCredentials {
  readonly AWS_ACCESS_KEY_ID: string
  readonly AWS_SECRET_ACCESS_KEY: string
  readonly AWS_SESSION_TOKEN: string
}

const ASSUME_ROLES = `
import boto3, json, os
sts = boto3.client('sts', endpoint_url=os.environ['STS_URL'], region_name=os.environ['STS_REGION'])
answers = [sts.assume_role(RoleArn='arn:aws:iam::000000000000:role/agent', RoleSessionName='agent', Policy=policy)
           for policy in json.loads(os.environ['STS_POLICIES'])]
print(json.dumps([answer['Credentials'] for answer in answers], default=str))
`

/** `python` is that of moto, which has AWS's client library. */
export async function boundedBy(
  policy: string,
  server: S3Server,
  moto: Moto,
): Promise<SessionCredentials> {
  return (await sessionsBoundedBy([policy], server, moto))[0]!
}

/** MinIO takes no policy with conditions of conditional writes: what is denied without them is not denied here. */
function knownToMinio(policy: string): string {
  const { Statement, ...rest } = JSON.parse(policy) as { readonly Statement: readonly unknown[] }
  const known = Statement.filter((one) => !JSON.stringify(one).includes('s3:if-none-match'))
  return JSON.stringify({ ...rest, Statement: known })
}

/** One for each policy, in their order. */
export async function sessionsBoundedBy(
  policies: readonly string[],
  server: S3Server,
  { python }: Moto,
): Promise<SessionCredentials[]> {
  const answer = await command(python, ['-c', ASSUME_ROLES], {
    env: {
      AWS_ACCESS_KEY_ID: server.accessKey,
      AWS_SECRET_ACCESS_KEY: server.secretKey,
      STS_URL: `http://${server.endpoint}`,
      STS_REGION: server.region ?? 'us-east-1',
      STS_POLICIES: JSON.stringify(policies.map(knownToMinio)),
    },
  })
  const sessions = JSON.parse(answer) as {
    readonly AccessKeyId: string
    readonly SecretAccessKey: string
    readonly SessionToken: string
  }[]
  return sessions.map(({ AccessKeyId, SecretAccessKey, SessionToken }) => ({
    AWS_ACCESS_KEY_ID: AccessKeyId,
    AWS_SECRET_ACCESS_KEY: SecretAccessKey,
    AWS_SESSION_TOKEN: SessionToken,
  }))
}

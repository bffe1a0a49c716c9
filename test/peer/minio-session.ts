/** Credentials of MinIO that a policy bounds, by its STS. */
import { command } from './cache.ts'
import type { Moto } from './moto.ts'
import type { S3Server } from './s3-server.ts'

export interface SessionCredentials {
  readonly AWS_ACCESS_KEY_ID: string
  readonly AWS_SECRET_ACCESS_KEY: string
  readonly AWS_SESSION_TOKEN: string
}

const ASSUME_ROLE = `
import boto3, json, os
answer = boto3.client('sts', endpoint_url=os.environ['STS_URL'], region_name='us-east-1').assume_role(
    RoleArn='arn:aws:iam::000000000000:role/agent', RoleSessionName='agent', Policy=os.environ['STS_POLICY'])
print(json.dumps(answer['Credentials'], default=str))
`

/** `python` is that of moto, which has AWS's client library. */
export async function boundedBy(
  policy: string,
  server: S3Server,
  { python }: Moto,
): Promise<SessionCredentials> {
  const answer = await command(python, ['-c', ASSUME_ROLE], {
    env: {
      AWS_ACCESS_KEY_ID: server.accessKey,
      AWS_SECRET_ACCESS_KEY: server.secretKey,
      STS_URL: `http://${server.endpoint}`,
      STS_POLICY: policy,
    },
  })
  const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(answer) as {
    readonly AccessKeyId: string
    readonly SecretAccessKey: string
    readonly SessionToken: string
  }
  return {
    AWS_ACCESS_KEY_ID: AccessKeyId,
    AWS_SECRET_ACCESS_KEY: SecretAccessKey,
    AWS_SESSION_TOKEN: SessionToken,
  }
}

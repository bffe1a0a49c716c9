/** What S3 documents as errors, told in plain words with the next step: no stack, no secret. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { describeError } from '#agent/logger.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { DomainError } from '#lib/model/errors.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  while (ends.length > 0) await ends.pop()!()
})

/** An Error document as S3 writes it: `more` are its other elements. */
interface Answered {
  readonly status: number
  readonly code: string
  readonly message?: string
  readonly more?: string
  readonly headers?: Readonly<Record<string, string>>
}

type Server = ReturnType<typeof createServer>

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function answering({ status, code, message = 'Words.', more = '', headers }: Answered) {
  const body = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>${code}</Code><Message>${message}</Message>${more}<RequestId>R1</RequestId><HostId>H1</HostId></Error>`
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/xml', ...headers })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  return listening(createServer(handle))
}

function open(s3: Partial<S3Config>): Promise<Bucket> {
  const keys = { accessKey: 'AKIAKEY', secretKey: 'very-secret', sessionToken: 'session-secret' }
  const config = { bucket: 'metrics', ...keys, insecure: true, ...s3 }
  return openBucket({ type: 'S3', s3: config, prefix: '', ignored: [] }, { retry: { attempts: 1 } })
}

/** As the command line and the agent's log show it. */
async function said(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => 'done',
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DomainError)
  const text = describeError(error)
  expect(text).not.toMatch(/very-secret|session-secret|\n {4}at /)
  return text.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
}

const LOGIN =
  'log in again (aws sso login), or use credentials that renew themselves, such as a role of this machine'

describe('an error of S3 on reading a', () => {
  it.each<[string, Answered, string]>([
    [
      'a bucket of another region',
      {
        status: 301,
        code: 'PermanentRedirect',
        more: '<Endpoint>metrics.s3.eu-west-1.amazonaws.com</Endpoint><Bucket>metrics</Bucket>',
      },
      'PermanentRedirect (301, request R1): Words, the bucket is in eu-west-1: write region: eu-west-1 into its configuration',
    ],
    [
      'a region in a header alone',
      { status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'ap-south-1' } },
      'PermanentRedirect (301, request R1): Words, the bucket is in ap-south-1: write region: ap-south-1 into its configuration',
    ],
    [
      'a request signed for another region',
      {
        status: 400,
        code: 'AuthorizationHeaderMalformed',
        message: "The region 'us-east-1' is wrong; expecting 'eu-west-1'",
        more: '<Region>eu-west-1</Region>',
      },
      "AuthorizationHeaderMalformed (400, request R1): The region 'us-east-1' is wrong; expecting 'eu-west-1', the bucket is in eu-west-1: write region: eu-west-1 into its configuration",
    ],
    [
      'a missing right, as S3 says it',
      {
        status: 403,
        code: 'AccessDenied',
        message:
          'User: arn:aws:iam::111122223333:user/agent is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::metrics/a" because no identity-based policy allows the s3:GetObject action',
      },
      'AccessDenied (403, request R1): User: arn:aws:iam::111122223333:user/agent is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::metrics/a" because no identity-based policy allows the s3:GetObject action, allow s3:GetObject on a; without s3:ListBucket a missing object is denied too, or leave out insecure, where a policy wants TLS',
    ],
    [
      'a policy that denies',
      {
        status: 403,
        code: 'AccessDenied',
        message:
          'User: x is not authorized to perform: s3:GetObject on resource: "y" with an explicit deny in a resource-based policy',
      },
      'AccessDenied (403, request R1): User: x is not authorized to perform: s3:GetObject on resource: "y" with an explicit deny in a resource-based policy, the resource-based policy denies s3:GetObject: change that policy, or leave out insecure, if TLS is what it wants',
    ],
    [
      'a key of KMS',
      {
        status: 403,
        code: 'AccessDenied',
        message: 'User: x is not authorized to perform: kms:Decrypt on this resource',
      },
      "AccessDenied (403, request R1): User: x is not authorized to perform: kms:Decrypt on this resource, allow kms:Decrypt on the key that encrypts the bucket, in the key's policy too",
    ],
    [
      'a role that may not be taken',
      {
        status: 403,
        code: 'AccessDenied',
        message: 'User: x is not authorized to perform: sts:AssumeRole on resource: y',
      },
      'AccessDenied (403, request R1): User: x is not authorized to perform: sts:AssumeRole on resource: y, allow sts:AssumeRole to these credentials, and them in the trust policy of that role',
    ],
    [
      'a name that no bucket has',
      { status: 400, code: 'InvalidBucketName' },
      'InvalidBucketName (400, request R1): Words, correct bucket: 3 to 63 small letters, digits, dots and hyphens',
    ],
    [
      'a session that is over',
      {
        status: 400,
        code: 'ExpiredToken',
        message: 'The provided token has expired.',
        more: '<Token-0>session-secret</Token-0>',
      },
      `ExpiredToken (400, request R1): The provided token has expired, the session is over: ${LOGIN}`,
    ],
    [
      'a session token of other keys',
      { status: 400, code: 'InvalidToken' },
      'InvalidToken (400, request R1): Words, check session_token: it belongs to this access_key and secret_key and to no others',
    ],
    [
      'the same, as MinIO says it',
      { status: 403, code: 'InvalidTokenId' },
      'InvalidTokenId (403, request R1): Words, check session_token: it belongs to this access_key and secret_key and to no others',
    ],
    [
      'an access key that nobody has',
      { status: 403, code: 'InvalidAccessKeyId', more: '<AWSAccessKeyId>AKIAKEY</AWSAccessKeyId>' },
      'InvalidAccessKeyId (403, request R1): Words, check access_key: nobody has it, or it was deleted, or it is one of another store',
    ],
    [
      'a wrong secret key',
      {
        status: 403,
        code: 'SignatureDoesNotMatch',
        more: '<StringToSign>session-secret</StringToSign>',
      },
      'SignatureDoesNotMatch (403, request R1): Words, check secret_key and session_token',
    ],
    [
      'a wrong clock',
      {
        status: 403,
        code: 'RequestTimeTooSkewed',
        more: '<ServerTime>2026-11-22T02:00:00Z</ServerTime>',
      },
      'RequestTimeTooSkewed (403, request R1): Words, set the clock of this machine: at the store it is 2026-11-22T02:00:00Z',
    ],
    [
      'an archived object',
      { status: 403, code: 'InvalidObjectState', more: '<StorageClass>GLACIER</StorageClass>' },
      'InvalidObjectState (403, request R1): Words, the object is in an archive: restore it, and take the lifecycle rule away that puts blocks there',
    ],
    [
      'an account without S3',
      { status: 403, code: 'NotSignedUp' },
      'NotSignedUp (403, request R1): Words, look at the account in the console of AWS: it is not one that may use S3 now',
    ],
    [
      'too many requests',
      { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
      'SlowDown (503, request R1): Please reduce your request rate, it was asked too fast: thaw tries again by itself, and where it stays, let less run at once',
    ],
  ])('from %s says what to do', async (_, answered, expected) => {
    const bucket = await open({ endpoint: await answering(answered) })
    expect(await said(bucket.get('a'))).toBe(`s3://metrics at http://HOST/a: ${expected}`)
  })

  it('names the right that each request takes', async () => {
    const denied = { status: 403, code: 'AccessDenied', message: 'Access Denied' }
    const bucket = await open({ endpoint: await answering(denied) })
    const right = async (work: Promise<unknown>): Promise<string> =>
      (await said(work))
        .replace(/^.*Access Denied, /, '')
        .replace(', or leave out insecure, where a policy wants TLS', '')
    const missing = '; without s3:ListBucket a missing object is denied too'
    expect([
      await right(bucket.get('a')),
      await right(bucket.getRange('a', 0, 4)),
      await right(Array.fromAsync(bucket.list('thaw/'))),
      await right(bucket.put('a', new Uint8Array(1))),
      await right(bucket.putStream('a', bigParts())),
      await right(bucket.delete('a')),
    ]).toEqual([
      `allow s3:GetObject on a${missing}`,
      `allow s3:GetObject on a${missing}`,
      'allow s3:ListBucket on s3://metrics at http://HOST',
      'allow s3:PutObject on a',
      'allow s3:PutObject on a',
      'allow s3:DeleteObject on a',
    ])
    // The answer to HEAD has no body, so GET is asked for the reason.
    expect(await right(bucket.head('a'))).toBe(`allow s3:GetObject on a${missing}`)
  })

  it('knows the region from the header of an answer without a body', async () => {
    const elsewhere = { status: 301, code: '', headers: { 'x-amz-bucket-region': 'eu-north-1' } }
    const bucket = await open({ endpoint: await answering(elsewhere) })
    expect(await said(bucket.head('a'))).toMatch(/, the bucket is in eu-north-1: write region/)
  })
})

async function* bigParts(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(9 * 1024 * 1024)
  yield new Uint8Array(9 * 1024 * 1024)
}

describe('a store that is not reached', () => {
  const noAws = (): void => {
    for (const name of ['AWS_REGION', 'AWS_PROFILE', 'AWS_ACCESS_KEY_ID'])
      vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials')
  }

  it('for its name', async () => {
    const bucket = await open({ endpoint: 'nowhere.invalid:9000' })
    expect(await said(bucket.get('a'))).toMatch(
      /^s3:\/\/metrics at http:\/\/nowhere.invalid:9000\/a: no connection \((ENOTFOUND\), there is no host of that name: check endpoint and region|EAI_AGAIN\), the name server does not answer: check the network)/,
    )
  })

  it('as nobody listens', async () => {
    const bucket = await open({ endpoint: '127.0.0.1:1' })
    expect(await said(bucket.get('a'))).toMatch(
      /a: no connection \(ECONNREFUSED\), nobody listens there: check endpoint, and whether the store runs/,
    )
  })

  it('as it has no TLS', async () => {
    const endpoint = await answering({ status: 403, code: 'AccessDenied' })
    const bucket = await open({ endpoint, insecure: false })
    expect(await said(bucket.get('a'))).toMatch(
      /a: it does not speak TLS \(\w+\), set insecure: true for a store without TLS, or correct the port/,
    )
  })

  it("as its certificate is nobody's", async () => {
    const read = (file: string) => readFileSync(new URL(`../data/tls/${file}`, import.meta.url))
    const tls = { key: read('server.key'), cert: read('server.pem') }
    const endpoint = await listening(createTlsServer(tls))
    const bucket = await open({ endpoint, insecure: false })
    expect(await said(bucket.get('a'))).toMatch(
      /a: the certificate is not trusted \(\w+\), set http_config.tls_config.ca_file/,
    )
  })

  it('as there are no credentials', async () => {
    noAws()
    const bucket = await open({ accessKey: undefined, secretKey: undefined, region: 'eu-west-1' })
    expect(await said(bucket.get('a'))).toBe(
      's3://metrics/a: CredentialsProviderError: Could not load credentials from any providers, set access_key and secret_key, the AWS_ variables, a profile or a role of this machine',
    )
  })

  it.each([
    ['access_key', { accessKey: 'AKIAKEY\n' }, 'AWS_ACCESS_KEY_ID'],
    ['session_token', { sessionToken: 'session-secret\n' }, 'AWS_SESSION_TOKEN'],
  ])('with %s, as it was copied with the end of its line', async (key, change, variable) => {
    const bucket = await open({ endpoint: '127.0.0.1:1', ...change })
    expect(await said(bucket.get('a'))).toMatch(
      new RegExp(
        `/a: ${key} has a character that none has, such as the end of a line, write ${key} or ${variable} anew$`,
      ),
    )
  })

  it('as the file of its credentials is not there', async () => {
    noAws()
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', '/nowhere/token')
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::111122223333:role/thaw')
    const bucket = await open({ accessKey: undefined, secretKey: undefined, region: 'eu-west-1' })
    expect(await said(bucket.get('a'))).toBe(
      "s3://metrics/a: the credentials can't be read (ENOENT: no such file or directory, open '/nowhere/token'), correct the path, such as that of AWS_WEB_IDENTITY_TOKEN_FILE",
    )
  })

  it('as a role is asked for where nobody listens', async () => {
    noAws()
    vi.stubEnv('AWS_ENDPOINT_URL_STS', 'http://127.0.0.1:1')
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', 'package.json')
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::111122223333:role/thaw')
    const bucket = await open({ accessKey: undefined, secretKey: undefined, region: 'eu-west-1' })
    expect(await said(bucket.get('a'))).toMatch(
      /^s3:\/\/metrics\/a: no connection to HOST \(ECONNREFUSED\), nobody listens there/,
    )
  })

  it('as no region is known', async () => {
    noAws()
    const bucket = await open({})
    expect(await said(bucket.get('a'))).toBe(
      "s3://metrics/a: InvalidRegion: Region is missing, write region into the bucket's configuration, or set AWS_REGION",
    )
  })
})

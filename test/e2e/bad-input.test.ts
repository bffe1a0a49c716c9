/** What is wrong with a bucket, with the way to it or with credentials is told at every place in the same plain words, and nothing is lost by it. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { collectKeys } from '#test/bucket/listing.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import { isMissing } from '#test/peer/cache.ts'
import { startMinio } from '#test/peer/minio.ts'
import type { SessionCredentials } from '#test/peer/minio-session.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { PLACES } from './support/bad-places.ts'
import { type BadWorld, findBadPeers, startBadWorld } from './support/bad-world.ts'

const PAGE = await readFile('docs/operations.md', 'utf8')
const SECTION = (PAGE.split('## What a bucket says\n')[1] ?? '').split('\n## ')[0]!
/** What its rows begin with. */
const ROWS = [...SECTION.matchAll(/^\| `(.+?)`/gm)].map(([, said]) => said!)

const peers = await findBadPeers()
let world: BadWorld

type Config = Readonly<Record<string, unknown>>

const keysOf = (keys: SessionCredentials): Config => ({
  access_key: keys.AWS_ACCESS_KEY_ID,
  secret_key: keys.AWS_SECRET_ACCESS_KEY,
  session_token: keys.AWS_SESSION_TOKEN,
})

/** MiniStack, by TLS. */
const inAws = (more: Config = {}): Config => ({
  endpoint: new URL(world.aws.url).host,
  region: 'us-east-1',
  access_key: 'test',
  secret_key: 'test',
  insecure: false,
  http_config: { tls_config: { ca_file: world.aws.certificate } },
  ...more,
})

interface Ailment {
  readonly name: string
  /** What is otherwise in the configuration of the bucket. */
  readonly config: () => Config
  /** What is wrong, where, and what to do, as it stands in what is said at every place. */
  readonly said: RegExp
}

const LOGIN =
  /ExpiredToken \(400, request [\w-]+\): The provided token has expired, the session is over: log in again \(aws sso login\), or use credentials that renew themselves/

const AILMENTS: readonly Ailment[] = [
  {
    name: 'a wrong region',
    config: () => ({ region: 'us-east-1' }),
    said: /s3:\/\/metrics at .*AuthorizationHeaderMalformed .*the bucket is in eu-west-1: write region: eu-west-1 into its configuration/,
  },
  {
    name: 'no region, where it matters',
    config: () => ({ region: undefined }),
    said: /the bucket is in eu-west-1: write region: eu-west-1 into its configuration/,
  },
  {
    name: 'a bucket that is not there',
    config: () => ({ bucket: 'nowhere' }),
    said: /no bucket s3:\/\/nowhere at http:\/\/HOST, create the bucket or correct its name/,
  },
  {
    name: 'a name that no bucket has',
    config: () => ({ bucket: 'My_Bucket' }),
    said: /InvalidBucketName .*, correct bucket: 3 to 63 small letters, digits, dots and hyphens/,
  },
  {
    name: 'a right that is missing',
    config: () => keysOf(world.sessions.readOnly),
    said: /AccessDenied .*Access Denied, allow s3:(ListBucket on s3:\/\/metrics|PutObject on (thaw\/probe|01M7YG10ZZ971W4QZTCQDW7TER)\/)/,
  },
  {
    name: 'a policy that takes TLS alone',
    config: () => keysOf(world.sessions.tlsOnly),
    said: /AccessDenied .*, allow s3:\w+ on .*, or leave out insecure, where a policy wants TLS/,
  },
  {
    name: 'a wrong secret',
    config: () => ({ secret_key: 'not-very-secret' }),
    said: /SignatureDoesNotMatch .*, check secret_key and session_token/,
  },
  {
    name: 'an access key that nobody has',
    config: () => ({ access_key: 'AKIANOBODY' }),
    said: /InvalidAccessKeyId .*, check access_key: nobody has it, or it was deleted, or it is one of another store/,
  },
  {
    name: 'a key with the end of its line',
    config: () => ({ access_key: 'AKIAKEY\n' }),
    said: /access_key has a character that none has, such as the end of a line, write access_key or AWS_ACCESS_KEY_ID anew/,
  },
  {
    name: 'a session without its token',
    config: () => ({ ...keysOf(world.sessions.readOnly), session_token: undefined }),
    said: /InvalidTokenId .*, check session_token: it belongs to this access_key and secret_key and to no others/,
  },
  {
    name: 'a session that is over',
    config: () => inAws(keysOf(world.sessions.over)),
    said: LOGIN,
  },
  {
    name: 'no credentials at all',
    config: () => ({ access_key: undefined, secret_key: undefined }),
    said: /CredentialsProviderError: Could not load credentials from any providers, set access_key and secret_key, the AWS_ variables, a profile or a role of this machine/,
  },
  {
    name: 'an endpoint where nobody listens',
    config: () => ({ endpoint: '127.0.0.1:1' }),
    said: /no connection \(ECONNREFUSED\), nobody listens there: check endpoint, and whether the store runs/,
  },
  {
    name: 'an endpoint that is no store',
    config: () => ({ endpoint: world.page }),
    said: /the answer \(200\) is not one of S3, check endpoint: it is that of the store's API, not of its console/,
  },
  {
    name: 'TLS where there is none',
    config: () => ({ insecure: false }),
    said: /it does not speak TLS \(\w+\), set insecure: true for a store without TLS, or correct the port/,
  },
  {
    name: 'a certificate of nobody',
    config: () => inAws({ http_config: undefined }),
    said: /the certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\), set http_config.tls_config.ca_file/,
  },
  {
    name: 'a certificate of another host',
    config: () =>
      inAws({
        http_config: {
          tls_config: { ca_file: world.aws.certificate, server_name: 'metrics.test' },
        },
      }),
    said: /its certificate is for DNS:localhost, .* \(ERR_TLS_CERT_ALTNAME_INVALID\), correct endpoint or set http_config.tls_config.server_name/,
  },
]

function yamlOf(config: Config): string {
  const { endpoint, accessKey: access_key, secretKey: secret_key, region } = world.server
  const good = { bucket: 'metrics', endpoint, access_key, secret_key, region, insecure: true }
  return JSON.stringify({ type: 'S3', config: { ...good, max_retries: 1, ...config } })
}

if (isMissing(peers)) describeSkipped('bad input', peers)
else {
  beforeAll(async () => {
    for (const name of Object.keys(process.env).filter((one) => one.startsWith('AWS_'))) {
      vi.stubEnv(name, undefined)
    }
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials')
    world = await startBadWorld(peers)
  }, 120_000)
  afterAll(async () => {
    vi.unstubAllEnvs()
    await world?.stop()
  })

  describe.each(AILMENTS)('$name', (ailment) => {
    it.each(Object.keys(PLACES))('%s says it', async (place) => {
      const { text, code } = await PLACES[place]!(yamlOf(ailment.config()))
      const said = text.replaceAll(/127\.0\.0\.1:\d\d+/g, 'HOST')
      expect(said).toMatch(ailment.said)
      expect(ROWS.filter((row) => said.includes(row))).toHaveLength(1)
      expect(place === 'HTTP API' ? code >= 500 : code === 1).toBe(true)
      // No secret, no stack, nothing raw.
      expect(said).not.toMatch(
        /very-secret|thaw-secret|\n {4}at |<\w+>|\{"|unexpected error|internal error|openssl/,
      )
      for (const keys of Object.values(world.sessions)) {
        expect(said).not.toContain(keys.AWS_SECRET_ACCESS_KEY)
        expect(said).not.toContain(keys.AWS_SESSION_TOKEN)
      }
      expect(said).not.toContain('counts as shipped')
    })

    it('leaves the bucket as it was', async () => {
      expect(await collectKeys(world.bucket, '')).toEqual([])
    })
  })

  describe('a clock that is an hour ahead', () => {
    beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 }))
    afterAll(() => void vi.useRealTimers())

    it('is put right for requests, and named by the doctor', async () => {
      const words = [`--objstore.config=${yamlOf({})}`]
      expect(await thaw(['bucket', 'ls', ...words], {}, Date.now())).toMatchObject({ code: 0 })
      const { code, out } = await thaw(['doctor', ...words], {}, Date.now())
      expect(code).toBe(1)
      expect(out).toMatch(
        /WRONG +clock: the clock of this machine is 1h ahead of that of the store\n +next: set it by NTP: timedatectl set-ntp true/,
      )
    })
  })

  it('makes every row of the page happen', () => {
    const all = AILMENTS.map(({ said }) => said.source)
    const rest = ROWS.slice(0, -1).filter((row) => !all.some((one) => one.includes(row)))
    expect(rest).toEqual([])
  })

  it('a store that has too much to do says so, is asked again, and loses nothing', async () => {
    const server = await startMinio(peers.minio, { maxRequests: 1 })
    try {
      const s3 = await createBucket(server, 'metrics')
      const keys = Array.from({ length: 24 }, (_, i) => `a${String(i).padStart(2, '0')}`)
      const putAll = async (attempts: number): Promise<string[]> => {
        const retry = { attempts, baseMs: 50, maxMs: 500 }
        const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] }, { retry })
        const puts = keys.map((key) => bucket.put(key, new Uint8Array(1 << 20)))
        const ended = await Promise.allSettled(puts)
        return ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
      }
      const refused = await putAll(1)
      expect(refused.length).toBeGreaterThan(0)
      for (const said of refused) {
        expect(said).toContain(ROWS.at(-1))
        expect(said).toMatch(
          /s3:\/\/metrics at .*(TooManyRequests|SlowDown\w*|ServiceUnavailable) .*it was asked too fast: thaw tries again by itself, and where it stays, let less run at once/,
        )
      }
      expect(await putAll(100)).toEqual([])
      const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
      expect(await collectKeys(bucket, '')).toEqual(keys)
    } finally {
      await server.stop()
    }
  })
}

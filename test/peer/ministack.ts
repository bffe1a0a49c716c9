/** MiniStack, which pretends to be AWS and runs functions, from PyPI: with TLS, and with IAM enforced. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedDirectory, command, findOnPath, type Missing } from './cache.ts'
import { freePort, type PeerServer, startServer } from './server.ts'

export const MINISTACK_VERSION = '1.5.33'

export interface MiniStack {
  /** The interpreter that has it. */
  readonly python: string
}

export interface MiniStackServer extends PeerServer {
  /** `https://127.0.0.1:port`: by a name, clients would look for `bucket.localhost`. */
  readonly url: string
  /** What a client of AWS needs to talk to it as the root of its account: endpoint, keys, trust. */
  readonly env: Readonly<Record<string, string>>
  /** What in the URL of an HTTP API stands behind its id here; `*.localhost` is this machine, for curl and browsers. */
  readonly apiDomain: string
  /** File of the certificate that it serves. */
  readonly certificate: string
}

/** About twenty seconds and 100 MB the first time. */
export async function findMiniStack(): Promise<MiniStack | Missing> {
  if ((await findOnPath('openssl')) === undefined) return { missing: 'no openssl on the PATH' }
  const directory = await cachedDirectory(`ministack-${MINISTACK_VERSION}`, async (making) => {
    await command('python3', ['-m', 'venv', making])
    await command(join(making, 'bin/pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `ministack==${MINISTACK_VERSION}`,
    ])
  })
  return typeof directory === 'string' ? { python: join(directory, 'bin/python3') } : directory
}

/** `more`: of its environment. */
export async function startMiniStack(
  { python }: MiniStack,
  more: Readonly<Record<string, string>> = {},
): Promise<MiniStackServer> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-ministack-'))
  const [port, certificate, key] = [
    await freePort(),
    join(directory, 'server.crt'),
    join(directory, 'server.key'),
  ]
  await selfSigned(certificate, key)
  await mkdir(join(directory, 'tmp'))
  const url = `https://127.0.0.1:${port}`
  const trust = {
    AWS_CA_BUNDLE: certificate,
    NODE_EXTRA_CA_CERTS: certificate,
    CURL_CA_BUNDLE: certificate,
  }
  const server = await startServer({
    file: python,
    args: [fileURLToPath(new URL('ministack-server.py', import.meta.url))],
    cwd: directory,
    env: {
      ...trust,
      // Requests are signed, and every one needs a statement of a policy.
      AUTH: 'true',
      AWS_ACCESS_KEY_ID: ROOT.AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY: ROOT.AWS_SECRET_ACCESS_KEY,
      USE_SSL: '1',
      MINISTACK_SSL_CERT: certificate,
      MINISTACK_SSL_KEY: key,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      LAMBDA_EXECUTOR: 'local',
      ...more,
      TMPDIR: join(directory, 'tmp'),
      STATE_DIR: join(directory, 'state'),
      // Functions run on the Node that runs the test.
      PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
    },
    ready: async () => {
      await command('curl', [
        '--fail',
        '--silent',
        '--cacert',
        certificate,
        `${url}/_ministack/health`,
      ])
      return true
    },
  })
  return {
    ...server,
    url,
    env: { ...trust, ...ROOT, AWS_ENDPOINT_URL: url },
    certificate,
    apiDomain: `execute-api.localhost:${port}`,
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const ROOT = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
} as const

async function selfSigned(certificate: string, key: string): Promise<void> {
  const names = 'DNS:localhost,DNS:*.execute-api.localhost,IP:127.0.0.1'
  const words = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost'.split(' ')
  const extensions = ['basicConstraints=critical,CA:FALSE', `subjectAltName=${names}`]
  const added = extensions.flatMap((extension) => ['-addext', extension])
  await command('openssl', [...words, '-keyout', key, '-out', certificate, ...added])
}

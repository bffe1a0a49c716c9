/** The table of docs/deploy.md: what is said when something goes wrong is what the programs say, each row made to happen. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TOKENS_KEY } from '#lib/auth/token-list.ts'
import { synthesise } from '#localstack/synthesise.ts'
import { basic } from '#test/auth/made-tokens.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import { findAwsCli } from '#test/peer/aws-cli.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMoto, startMoto } from '#test/peer/moto.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import { type Console, openConsole, withoutAccount } from './support/console.ts'
import { type LocalCloud, startLocalCloud } from './support/local-cloud.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = await readFile('docs/deploy.md', 'utf8')
const SECTION = (PAGE.split('## When something goes wrong\n')[1] ?? '').split('\n## ')[0]!
/** The words in code that each row begins with. */
const ROWS = [...SECTION.matchAll(/^\| `(.+?)`/gm)].map(([, said]) => said!)

const [moto, aws] = [await findMoto(), await findAwsCli()]
const ends: (() => Promise<unknown>)[] = []
let dir: string
let shell: Console
let usual: Deployed
/** Made before the first request: the authorizer keeps for a while who is unknown. */
let credentials: Readonly<Record<'read' | 'write', string>>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-errors-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  await synthesise({ outDir: join(dir, 'app'), context: {} })
  usual = await deploy()
  credentials = { read: await usual.tokenWith('read'), write: await usual.tokenWith('write') }
  if (isMissing(moto) || isMissing(aws)) return
  const server = await startMoto(moto)
  ends.push(() => server.stop())
  shell = await openConsole({
    cwd: ROOT,
    env: {
      ...withoutAccount(process.env, dir),
      APP: join(dir, 'app'),
      AWS_ENDPOINT_URL: `http://localhost:${server.endpoint.split(':')[1]}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      PATH: [
        join(ROOT, 'node_modules/.bin'),
        dirname(process.execPath),
        aws.bin,
        process.env['PATH'] ?? '',
      ].join(delimiter),
    },
  })
  ends.push(() => shell.remove())
}, 180_000)
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

/** Of a command that must fail. */
async function refused(line: string): Promise<string> {
  const { code, output } = await shell.run(line)
  expect({ line, code, output }).toMatchObject({ code: 1 })
  return output
}

interface Deployed {
  readonly local: LocalCloud
  readonly cloudBucket: CloudBucket
  /** What a client gets, with this for a header. */
  readonly get: (path: string, authorization?: string) => Promise<string>
  /** Basic authentication with a new token. */
  readonly tokenWith: (scope: string) => Promise<string>
}

/** Runs until the end of all tests. */
async function deploy(
  more: { readonly concurrency?: number; readonly tokens?: boolean } = {},
): Promise<Deployed> {
  const assembly = { dir: join(dir, 'app'), remove: async () => {} }
  const cloudBucket = await startCloudBucket()
  ends.push(() => cloudBucket.stop())
  const settings = { assembly, bucket: cloudBucket, sliceBytes: 1e6, tokens: true }
  const local = await startLocalCloud({ ...settings, ...more })
  ends.push(() => local.stop())
  return {
    local,
    cloudBucket,
    get: async (path, authorization) => {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await fetch(`${local.cloud.httpUrl}${path}`, { headers })
      return `${answer.status} ${await answer.text()}`
    },
    tokenWith: async (scope) => {
      const config = `--objstore.config=${cloudBucket.objstore}`
      const words = ['token', 'create', `${scope}s`, `--scope=${scope}`, '--output=json', config]
      const { out, err } = await thaw(words, {}, Date.now())
      if (err !== '') throw new Error(err)
      return basic(`${scope}s`, (JSON.parse(out) as { token: string }).token)
    },
  }
}

const NO_BUCKET = '{type: FILESYSTEM, config: {directory: /nowhere/metrics}}'
const APP = '--app "$APP"'
const QUERY = '/api/v1/query?query=up'

/** By the CDK, with the account as the row before has left it. */
const OF_MOTO: Readonly<Record<string, () => Promise<string>>> = {
  'Unable to resolve AWS account to use': () =>
    refused(`env -u AWS_ACCESS_KEY_ID cdk deploy ${APP}`),
  "Has the environment been bootstrapped? Please run 'cdk bootstrap'": () =>
    refused(`cdk deploy ${APP}`),
  'terminal (TTY) is not attached so we are unable to get a confirmation': async () => {
    expect((await shell.run('cdk bootstrap aws://123456789012/us-east-1')).code).toBe(0)
    return refused(`cdk deploy ${APP}`)
  },
  'Maximum schema version supported is': async () => {
    await cp(join(dir, 'app'), join(dir, 'newer'), { recursive: true })
    const file = join(dir, 'newer/manifest.json')
    const manifest = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...manifest, version: '999.0.0' }))
    return refused(`cdk deploy --app ${dir}/newer`)
  },
  'there is no option': () =>
    refused(`cdk deploy --context alarmMail=ops@example.com --output ${dir}/out`),
  'option bucket is': () => refused(`cdk deploy --context bucket=s3://metrics --output ${dir}/out`),
}

/** By the deployed functions, behind the gateway of the embedded cloud. */
const MADE: Readonly<Record<string, () => Promise<string>>> = {
  '{"message":"Unauthorized"}': () => usual.get(QUERY),
  '{"message":"Forbidden"}': async () => {
    const answer = await usual.get(QUERY, basic('grafana', 'thaw_nobody'))
    // And the log says why.
    expect(usual.local.log.join('\n')).toMatch(/\[thaw-authorize\].*"reason":"/)
    return answer
  },
  'this needs a token with the scope admin': () =>
    usual.get('/api/v1/status/flags', credentials.write),
  '"result":[]': async () => {
    const answer = await usual.get(QUERY, credentials.read)
    const config = `--objstore.config=${usual.cloudBucket.objstore}`
    expect(await thaw(['bucket', 'ls', config])).toMatchObject({ code: 0, out: '' })
    return answer
  },
  '{"message":"Too Many Requests"}': async () => {
    const answers = await Promise.all(Array.from({ length: 400 }, () => usual.get(QUERY)))
    return answers.find((answer) => answer.startsWith('429')) ?? ''
  },
  '{"message":"Internal Server Error"}': async () => {
    const { get, cloudBucket, local } = await deploy()
    await cloudBucket.bucket.put(TOKENS_KEY, new Uint8Array([1, 2, 3]))
    const answer = await get(QUERY, basic('grafana', 'thaw_nobody'))
    expect(local.log.join('\n')).toMatch(/\[thaw-authorize\].*thaw\/tokens\.json\.gz/)
    return answer
  },
  '{"message":"Service Unavailable"}': async () =>
    (await deploy({ concurrency: 0, tokens: false })).get(QUERY),
  'no bucket': async () => {
    const { code, err } = await thaw(['bucket', 'ls', `--objstore.config=${NO_BUCKET}`])
    expect(code).toBe(1)
    return err
  },
}

/** What stands in for AWS does not say so: moto's answer is none that the CDK can read, and MiniStack takes what is there. */
const NOT_HERE = ['already exists']

describe('docs/deploy.md, when something goes wrong', () => {
  it('has a row for each, and for no other', () => {
    const all = [...Object.keys(MADE), ...Object.keys(OF_MOTO), ...NOT_HERE]
    expect(ROWS.toSorted()).toEqual(all.toSorted())
    // And the page says which they are.
    expect(PAGE.split('## What was not run')[1]).toContain(`\`${NOT_HERE[0]}\``)
  })

  it.each(Object.entries(MADE))('%s', async (said, make) => {
    expect(await make()).toContain(said)
  })

  it.for(Object.entries(OF_MOTO))('%s', async ([said, make], context) => {
    needPeer(context, moto)
    needPeer(context, aws)
    expect(await make()).toContain(said)
  })
})

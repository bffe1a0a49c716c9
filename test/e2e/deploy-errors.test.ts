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

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-errors-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  await synthesise({ outDir: join(dir, 'app'), context: {} })
  if (isMissing(moto) || isMissing(aws)) return
  const server = await startMoto(moto)
  ends.push(() => server.stop())
  shell = await openConsole({
    cwd: ROOT,
    env: {
      ...withoutAccount(process.env, dir),
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

async function deployed<T>(
  look: (cloud: Deployed) => Promise<T>,
  more: { readonly concurrency?: number; readonly tokens?: boolean } = {},
): Promise<T> {
  const assembly = { dir: join(dir, 'app'), remove: async () => {} }
  const bucket = await startCloudBucket()
  try {
    const local = await startLocalCloud({
      assembly,
      bucket,
      sliceBytes: 1e6,
      tokens: true,
      ...more,
    })
    try {
      return await look({ local, cloudBucket: bucket, get, tokenWith })
    } finally {
      await local.stop()
    }

    async function get(path: string, authorization?: string): Promise<string> {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await fetch(`${local.cloud.httpUrl}${path}`, { headers })
      return `${answer.status} ${await answer.text()}`
    }
  } finally {
    await bucket.stop()
  }

  async function tokenWith(scope: string): Promise<string> {
    const words = [`--scope=${scope}`, '--output=json', `--objstore.config=${bucket.objstore}`]
    const { out, err } = await thaw(['token', 'create', 'grafana', ...words], {}, Date.now())
    if (err !== '') throw new Error(err)
    return basic('grafana', (JSON.parse(out) as { token: string }).token)
  }
}

const NO_BUCKET = '{type: FILESYSTEM, config: {directory: /nowhere/metrics}}'
const APP = '--app "$APP"'
const QUERY = '/api/v1/query?query=up'

/** By the CDK, with the account as the row before has left it. */
const OF_MOTO: Readonly<Record<string, () => Promise<string>>> = {
  'Unable to resolve AWS account to use': () =>
    refused(`APP=${dir}/app; env -u AWS_ACCESS_KEY_ID cdk deploy ${APP}`),
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
  '{"message":"Unauthorized"}': () => deployed(({ get }) => get(QUERY)),
  '{"message":"Forbidden"}': () =>
    deployed(async ({ get, local }) => {
      const answer = await get(QUERY, basic('grafana', 'thaw_nobody'))
      // And the log says why.
      expect(local.log.join('\n')).toMatch(/\[thaw-authorize\].*"reason":"/)
      return answer
    }),
  'this needs a token with the scope admin': () =>
    deployed(async ({ get, tokenWith }) => get('/api/v1/status/flags', await tokenWith('read'))),
  '{"message":"Internal Server Error"}': () =>
    deployed(async ({ get, cloudBucket: { bucket }, local }) => {
      await bucket.put(TOKENS_KEY, new Uint8Array([1, 2, 3]))
      const answer = await get(QUERY, basic('grafana', 'thaw_nobody'))
      expect(local.log.join('\n')).toMatch(/\[thaw-authorize\].*thaw\/tokens\.json\.gz/)
      return answer
    }),
  '{"message":"Too Many Requests"}': () =>
    deployed(async ({ get }) => {
      const answers = await Promise.all(Array.from({ length: 400 }, () => get(QUERY)))
      return answers.find((answer) => answer.startsWith('429')) ?? ''
    }),
  '{"message":"Service Unavailable"}': () =>
    deployed(({ get }) => get(QUERY), { concurrency: 0, tokens: false }),
  'no bucket': async () => {
    const { code, err } = await thaw(['bucket', 'ls', `--objstore.config=${NO_BUCKET}`])
    expect(code).toBe(1)
    return err
  },
  '"result":[]': () =>
    deployed(async ({ get, tokenWith, cloudBucket: { objstore } }) => {
      const answer = await get(QUERY, await tokenWith('read'))
      const { code, out } = await thaw(['bucket', 'ls', `--objstore.config=${objstore}`])
      expect({ code, out }).toEqual({ code: 0, out: '' })
      return answer
    }),
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

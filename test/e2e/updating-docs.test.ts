/** The commands of docs/updating.md that go back by aliases and that delete old versions, as they are written there, on Moto's Lambda. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  LambdaClient,
  ListAliasesCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAwsCli } from '#test/peer/aws-cli.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findMoto, startMoto } from '#test/peer/moto.ts'
import { type Console, openConsole, withoutAccount } from './support/console.ts'

const NAMES = ['store', 'query', 'plan', 'compact', 'rule', 'authorize']
/** `plan`, `compact`, `rule` and `authorize` stayed as they were. */
const CHANGED = new Set(['store', 'query'])
const PAGE = new URL('../../docs/updating.md', import.meta.url)

let missing: Missing | undefined
let lambda: LambdaClient
let shell: Console
/** Between the two deployments. */
let between: string
const ends: (() => Promise<void> | void)[] = []

beforeAll(async () => {
  const moto = await findMoto()
  const cli = await findAwsCli()
  if (isMissing(moto) || isMissing(cli)) {
    missing = [moto, cli].find((peer) => isMissing(peer)) as Missing
    return
  }
  const server = await startMoto(moto)
  ends.push(() => server.stop())
  const env = {
    ...withoutAccount(process.env, '/nowhere'),
    PATH: `${cli.bin}:${process.env['PATH'] ?? ''}`,
    AWS_ENDPOINT_URL: `http://${server.endpoint}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_PAGER: '',
  }
  shell = await openConsole({ cwd: '/', env })
  ends.push(() => shell.remove())
  lambda = new LambdaClient({
    endpoint: env.AWS_ENDPOINT_URL,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  ends.push(() => lambda.destroy())
  const role = await shell.run(
    `aws iam create-role --role-name r --assume-role-policy-document '{}'`,
  )
  if (role.code !== 0) throw new Error(role.output)
  for (const name of NAMES) await deploy(name)
  await sleep(1100)
  between = new Date().toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)
  for (const name of CHANGED) await deployAgain(name)
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

async function deploy(name: string): Promise<void> {
  const FunctionName = `thaw-${name}`
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: 'arn:aws:iam::123456789012:role/r',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Code: { ZipFile: Buffer.from(`${name} 1`) },
    }),
  )
  const { Version: FunctionVersion } = await lambda.send(
    new PublishVersionCommand({ FunctionName }),
  )
  await lambda.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion }))
}

async function deployAgain(name: string): Promise<void> {
  const FunctionName = `thaw-${name}`
  const ZipFile = Buffer.from(`${name} 2`)
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile }))
  const { Version: FunctionVersion } = await lambda.send(
    new PublishVersionCommand({ FunctionName }),
  )
  await lambda.send(new UpdateAliasCommand({ FunctionName, Name: 'live', FunctionVersion }))
}

/** The loop of the page that has `word` in it, with the time that is meant here. */
async function commandsWith(word: string): Promise<string> {
  const page = await readFile(PAGE, 'utf8')
  const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block!)
  const found = blocks.filter((block) => block.includes(word))
  expect(found).toHaveLength(1)
  return found[0]!.replace(/before=\S+/, `before=${between}`)
}

function ofEach<T>(ask: (FunctionName: string) => Promise<T>): Promise<Record<string, T>> {
  return Promise.all(NAMES.map(async (name) => [name, await ask(`thaw-${name}`)] as const)).then(
    (entries) => Object.fromEntries(entries),
  )
}

const live = () =>
  ofEach(async (FunctionName) => {
    const { Aliases } = await lambda.send(new ListAliasesCommand({ FunctionName }))
    return Aliases?.map(({ Name, FunctionVersion }) => `${Name} ${FunctionVersion}`).join()
  })

const versions = () =>
  ofEach(async (FunctionName) => {
    const { Versions } = await lambda.send(new ListVersionsByFunctionCommand({ FunctionName }))
    return Versions?.map(({ Version }) => Version).filter((version) => version !== '$LATEST')
  })

const each = <T>(changed: T, others: T): Record<string, T> =>
  Object.fromEntries(NAMES.map((name) => [name, CHANGED.has(name) ? changed : others]))

describe('the commands of the page', () => {
  it('go back to what was live at a time, also where a deployment changed only some', async (context) => {
    if (missing) return context.skip(missing.missing)
    expect(await live()).toEqual(each('live 2', 'live 1'))
    const ran = await shell.run(await commandsWith('update-alias'))
    expect(ran).toMatchObject({ code: 0 })
    expect(await live()).toEqual(each('live 1', 'live 1'))
  })

  it('delete versions older than a time', async (context) => {
    if (missing) return context.skip(missing.missing)
    expect(await versions()).toEqual(each(['1', '2'], ['1']))
    const ran = await shell.run(await commandsWith('delete-function'))
    expect(ran).toMatchObject({ code: 0 })
    // Lambda itself would keep those that an alias names; Moto does not.
    expect(await versions()).toEqual(each(['2'], []))
  })
})

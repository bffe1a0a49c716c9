/** `cdk synth` needs nobody: the same template comes out where there is no network at all. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { synthesise } from '#localstack/synthesise.ts'
import { command, type Missing, reasonOf } from '#test/peer/cache.ts'
import { needPeer } from '#test/peer/skip-report.ts'

/** In a namespace of its own, where even loopback is down. */
const ALONE = ['--map-root-user', '--net']

async function findUnshare(): Promise<{ readonly file: string } | Missing> {
  try {
    await command('unshare', [...ALONE, 'true'])
    return { file: 'unshare' }
  } catch (error) {
    return { missing: `no namespace without a network: ${reasonOf(error)}` }
  }
}

const unshare = await findUnshare()
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-offline-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string }>>
}

/** But for metadata: where in the app a resource and its asset are from, which the CLI has written and a plain synthesis not. */
async function templateIn(outDir: string): Promise<Template> {
  const text = await readFile(join(outDir, 'thaw.template.json'), 'utf8')
  return JSON.parse(text, (key, value: unknown) =>
    key === 'Metadata' ? undefined : value,
  ) as Template
}

describe('cdk synth', () => {
  it('is run where nothing answers', async (context) => {
    const { file } = needPeer(context, unshare)
    const look = `fetch('http://10.0.0.1').catch(({ cause }) => console.log(cause.code))`
    expect(await command(file, [...ALONE, process.execPath, '-e', look])).toBe('ENETUNREACH\n')
  })

  it('makes the template without a network', async (context) => {
    const { file } = needPeer(context, unshare)
    const cdk = [
      'node_modules/.bin/cdk',
      'synth',
      '--quiet',
      '--no-path-metadata',
      '--output',
      join(dir, 'alone'),
    ]
    await command(file, [...ALONE, ...cdk], { env: { AWS_EC2_METADATA_DISABLED: 'true' } })
    const { Resources } = await templateIn(join(dir, 'alone'))
    expect(Object.keys(Resources).length).toBeGreaterThan(50)
  })

  it('makes the same one with a network', async (context) => {
    needPeer(context, unshare)
    await synthesise({ outDir: join(dir, 'online'), context: {} })
    expect(await templateIn(join(dir, 'alone'))).toEqual(await templateIn(join(dir, 'online')))
  })
})

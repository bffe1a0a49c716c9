/** What `cdk synth` runs, as the process that it is. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api'
import { afterAll, describe, expect, it } from 'vitest'
import { thawApp } from '#infra/thaw-app.ts'
import { synthesise } from '#localstack/synthesise.ts'

/** By path; the directory itself is in none of them. */
async function filesOf(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(directory.length + 1), await readFile(path, 'utf8')] as const
    }),
  )
  return Object.fromEntries(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

describe('a synthesis', { timeout: 120_000 }, () => {
  const directories: string[] = []
  afterAll(() => Promise.all(directories.map((one) => rm(one, { recursive: true }))))

  async function synthesized(context: Record<string, string> = {}) {
    const outDir = await mkdtemp(join(tmpdir(), 'thaw-synthesis-'))
    directories.push(outDir)
    await synthesise({ outDir, context })
    return filesOf(outDir)
  }

  it('gives the same template and the same bundles each time', async () => {
    const [one, other] = await Promise.all([synthesized(), synthesized()])
    // Assets have the hashes of their contents as names.
    const names = Object.keys(one)
    expect(names).toEqual(Object.keys(other))
    expect(names.filter((name) => name.endsWith('/index.mjs'))).toHaveLength(6)
    const differing = names.filter((name) => one[name] !== other[name])
    expect(differing).toEqual([])
  })

  it('puts tags on the stack, which CloudFormation puts on all in it', async () => {
    const files = await synthesized({ tags: 'team=metrics', stackName: 'tagged' })
    const { artifacts } = JSON.parse(files['manifest.json']!) as {
      artifacts: Record<string, { properties: { tags?: unknown } }>
    }
    expect(artifacts['tagged']!.properties.tags).toEqual({ team: 'metrics' })
  })

  it('ends with sentences where an option can not be, and no stack trace', async () => {
    await expect(synthesized({ retentionDays: '5', bucket: 's3://a' })).rejects.toThrow(
      /^synthesis of the stack ended with 1:\nthere is no option retentionDays: did you mean retention5mDays or retention1hDays\?\noption bucket is "s3:\/\/a": give the name alone, 3 to 63 small letters, digits, dots and hyphens, without s3:\/\/ and without arn:\n$/,
    )
  })
})

it('has every feature flag of the CDK as it is recommended, whatever the context says', () => {
  const flag = '@aws-cdk/aws-iam:minimizePolicies'
  const app = thawApp({ context: { [flag]: false, mine: 1 } })
  expect(app.node.getAllContext()).toMatchObject({ ...CURRENTLY_RECOMMENDED_FLAGS, mine: 1 })
  expect(app.node.tryGetContext(flag)).toBe(true)
})

/** The section of docs/operations.md: its examples do what it says, and it names every check. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { synthesize } from '#test/infra/synthesized.ts'
import { thaw } from '../cli-fixture.ts'
import { commandsOf, missingLine } from '../bucket/operations-page.ts'
import { endInstallation, type Installation, makeInstallation } from './installation.ts'

const PAGE = await readFile('docs/operations.md', 'utf8')
const SECTION = PAGE.split(/^## /m).find((one) => one.startsWith('thaw doctor\n')) ?? ''
const COMMANDS = commandsOf(SECTION.replaceAll('```shell-session', '```console'))

describe('the section of thaw doctor', () => {
  let given: Installation
  beforeAll(async () => {
    given = await makeInstallation()
    await writeFile(join(given.dir, 'bucket.yml'), given.flags['objstore.config']!)
  })
  afterAll(() => endInstallation(given))

  /** What the page names, as it is called here. */
  function here(word: string): string {
    const { flags, dir } = given
    return word
      .replace('=bucket.yml', `=${join(dir, 'bucket.yml')}`)
      .replace('=ops.token', `=${flags['token-file']}`)
      .replace('https://metrics.example.com', flags['url']!)
      .replace('http://localhost:10902', flags['agent.url']!)
      .replace('http://localhost:9090', flags['prometheus.url']!)
      .replace('http://localhost:9093', flags['alertmanager.url']!)
      .replace('http://localhost:10999', 'http://127.0.0.1:1')
  }

  it('has examples', () => {
    expect(COMMANDS.length).toBeGreaterThan(1)
  })

  it.each(COMMANDS)('$text', async ({ words, expected }) => {
    const { out, err } = await thaw(words.slice(1).map(here), {}, Date.now())
    expect({ out, err, missing: missingLine(out, expected) }).toEqual({
      out,
      err: '',
      missing: undefined,
    })
  })

  it('has the statement of the policy that the stack gives its own bucket', () => {
    const json = /```json\n(.*?)```/s.exec(SECTION)?.[1] ?? ''
    const { Principal, Resource, ...statement } = JSON.parse(json) as Record<string, unknown>
    const text = JSON.stringify(synthesize().toJSON())
    for (const part of Object.values(statement)) expect(text).toContain(JSON.stringify(part))
    expect(text).toContain(String(Resource).replace('arn:aws:s3:::BUCKET', ''))
    expect(Principal).toBe('*')
    expect(statement['Sid']).toBe('BlocksAreWrittenOnce')
  })

  it('names every check', async () => {
    const files = (await readdir('lib/doctor')).map((name) => join('lib/doctor', name))
    const source = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n')
    const checks = [...source.matchAll(/verdicts\('(\w+)', ['`]([^$'`]+)/g)].map(
      ([, part, check]) => [part!, check!.trim()] as const,
    )
    expect(checks.length).toBeGreaterThan(30)
    const row = (part: string): string =>
      SECTION.split('\n').find((line) => line.startsWith(`| ${part} |`)) ?? ''
    // By words, as they stand in a sentence there.
    const missing = checks.filter(([part, check]) =>
      check.split(' ').some((word) => !row(part).includes(word.replace(/(ed|s)$/, ''))),
    )
    expect(missing).toEqual([])
  })
})

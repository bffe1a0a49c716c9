/**
 * `thaw rules test` and `thaw rules check` say what promtool says of the same files: our own, and with THAW_PROMTOOL_TESTS=<directory> those of
 * Prometheus's own tests, where they are. THAW_PROMTOOL names another promtool than Debian's.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { thaw, type CliResult } from '#test/cli/cli-fixture.ts'
import { command, type Missing } from '#test/peer/cache.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { TEST_FILES, TEST_FILES_DIRECTORY } from '#test/rules/unit-test/test-files.ts'

interface Promtool {
  readonly binary: string
  readonly isVersion3: boolean
}

let found: Promtool | Missing

beforeAll(async () => {
  const given = process.env['THAW_PROMTOOL']
  const prometheus = given === undefined ? await findPrometheus() : { promtool: given }
  if ('missing' in prometheus) {
    found = prometheus
    return
  }
  const binary = prometheus.promtool
  // A development build of 3.x may not say its version.
  const isVersion3 = !(await command(binary, ['--version'])).includes('version 2.')
  found = { binary, isVersion3 }
})

/** Lines, without the ones that tell files apart. */
interface Said {
  readonly code: number
  readonly out: readonly string[]
  readonly err: readonly string[]
}

async function promtool({ binary }: Promtool, words: readonly string[]): Promise<Said> {
  const result = await promisify(execFile)(binary, words).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  )
  return saidBy(result)
}

function saidBy({ code, out, err }: CliResult): Said {
  const lines = (text: string): string[] =>
    text.split('\n').filter((line) => line.trim() !== '' && !/^Unit Testing: |^time=/.test(line))
  return { code, out: lines(out), err: lines(err) }
}

/** What our files have that Prometheus 2 does not know, or does in another way. */
const NEEDS_3 = /^since-2\.42/

describe('our own files', () => {
  it.for(TEST_FILES)('%s: thaw rules test says what promtool says', async (file, context) => {
    const peer = needPeer(context, found)
    if (NEEDS_3.test(file) && !peer.isVersion3) context.skip('needs promtool 3.x: THAW_PROMTOOL')
    const path = join(TEST_FILES_DIRECTORY, file)
    const said = saidBy(await thaw(['rules', 'test', path]))
    expect(said).toEqual(await promtool(peer, ['test', 'rules', path]))
  })

  const rules = readdirSync(TEST_FILES_DIRECTORY).filter((name) => name.endsWith('.rules.yaml'))
  it.for(rules)('%s: thaw rules check says what promtool says', async (file, context) => {
    const peer = needPeer(context, found)
    if (NEEDS_3.test(file) && !peer.isVersion3) context.skip('needs promtool 3.x: THAW_PROMTOOL')
    const [ours, theirs] = await bothChecks(peer, join(TEST_FILES_DIRECTORY, file))
    expect(ours).toEqual(theirs)
  })
})

describe("Prometheus's own files", () => {
  const directory = process.env['THAW_PROMTOOL_TESTS']
  const files = directory === undefined ? [] : yamlFiles(directory)

  it('are there', (context) => {
    if (directory === undefined) context.skip('THAW_PROMTOOL_TESTS names no directory of them')
    expect(files.filter((path) => isUnitTest(path) || isRuleFile(path))).not.toEqual([])
  })

  it.for(files.filter(isUnitTest))('%s: thaw rules test agrees', async (path, context) => {
    const peer = needPeer(context, found)
    const said = saidBy(await thaw(['rules', 'test', path]))
    expect(said).toEqual(await promtool(peer, ['test', 'rules', path]))
  })

  it.for(files.filter(isRuleFile))('%s: thaw rules check agrees', async (path, context) => {
    const [ours, theirs] = await bothChecks(needPeer(context, found), path)
    expect(ours).toEqual(theirs)
  })
})

async function bothChecks(peer: Promtool, path: string): Promise<[Said, Said]> {
  const said = saidBy(await thaw(['rules', 'check', path]))
  return [said, await promtool(peer, ['check', 'rules', path])]
}

function yamlFiles(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name))
  return names.map((name) => join(directory, name))
}

function isUnitTest(path: string): boolean {
  return /^tests:/m.test(readFileSync(path, 'utf8'))
}

function isRuleFile(path: string): boolean {
  return /^groups:/m.test(readFileSync(path, 'utf8'))
}

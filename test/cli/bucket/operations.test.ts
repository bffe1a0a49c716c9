/** docs/operations.md: its commands do what it says, and it has all commands of `thaw bucket`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketCommand } from '#cli/bucket/bucket-command.ts'
import { testId } from '#test/store/sample-block.ts'
import { thaw } from '../cli-fixture.ts'
import { commandsOf, missingLine, shellWords } from './operations-page.ts'
import { makeOperationsWorld } from './operations-world.ts'

const PAGE = await readFile('docs/operations.md', 'utf8')

const COMMANDS = bucketCommand({
  env: {},
  now: Date.now,
  write: () => {},
  writeError: () => {},
  signal: new AbortController().signal,
  killSignal: new AbortController().signal,
  onHangup: () => {},
}).commands

describe('the examples of docs/operations.md', () => {
  const home = process.cwd()
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'thaw-operations-'))
    await makeOperationsWorld(dir)
    process.chdir(dir)
  })
  afterAll(async () => {
    process.chdir(home)
    await rm(dir, { recursive: true })
  })

  it.each(commandsOf(PAGE))('$text', async ({ words, expected }) => {
    expect(words[0]).toBe('thaw')
    const { code, out, err } = await thaw(words.slice(1))
    const fails = expected.some((line) => line.startsWith('thaw: '))
    const missing = missingLine(out + err, expected)
    expect({ out, err, missing, code }).toEqual({
      out,
      err,
      missing: undefined,
      code: fails ? 1 : 0,
    })
  })
})

describe.each(COMMANDS.map((command) => ({ name: command.name(), command })))(
  'thaw bucket $name',
  ({ name, command }) => {
    it('has a section with an example in docs/operations.md', () => {
      const section = PAGE.split(/^## /m).find((one) => one.startsWith(`${name}\n`))
      const examples = commandsOf(section ?? '').filter(({ words }) => words[2] === name)
      expect(examples).not.toEqual([])
    })

    it('teaches in --help', async () => {
      const { code, out } = await thaw(['bucket', name, '--help'])
      expect([code, command.description().length > 20]).toEqual([0, true])
      expect(out).toContain(`\n  $ thaw bucket ${name} `)
    })

    it('wants a bucket that there is', async () => {
      const none = await thaw(['bucket', name])
      expect([none.code, none.out]).toEqual([1, ''])
      expect(none.err).toMatch(/^(thaw|error): /)
      const config = '--objstore.config={type: FILESYSTEM, config: {directory: /nowhere/at/all}}'
      const wrong = await thaw(['bucket', name, config, ...(NEEDED[name] ?? [])])
      expect([wrong.code, wrong.out]).toEqual([1, ''])
      expect(wrong.err).toMatch(/^thaw: no bucket: directory \/nowhere\/at\/all does not exist/)
    })
  },
)

/** What a command must be told beside the bucket. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  explain: ['--id=01000000000000000000000010'],
  mark: [`--id=${testId(1)}`, '--marker=deletion-mark.json', '--details=why'],
  unmark: [`--id=${testId(1)}`, '--marker=deletion-mark.json'],
  'upload-blocks': ['--label=a=b', '--path=.'],
  backfill: ['--label=a=b', '--openmetrics=package.json'],
  rewrite: [`--id=${testId(1)}`, '--rewrite.to-relabel-config=[{action: labeldrop, regex: a}]'],
  retention: ['--retention.resolution-raw=1d'],
  replicate: ['--single-run', '--objstore-to.config={type: FILESYSTEM, config: {directory: /tmp}}'],
}

describe('a page', () => {
  it('is read as sh reads it', () => {
    expect(shellWords(`a  -l 'b="c d"' --x="y z"w`)).toEqual(['a', '-l', 'b="c d"', '--x=y zw'])
    const page = 'text\n```console\n$ one 1 \\\n  2\nout\n$ two\n```\n```sh\n$ not this\n```\n'
    expect(commandsOf(page).map(({ words, expected }) => [words, expected])).toEqual([
      [['one', '1', '2'], ['out']],
      [['two'], []],
    ])
  })

  it.each([
    [['a b', 'c'], undefined],
    [['a …'], undefined],
    [['c'], 'c'],
    [['…', 'd'], undefined],
    [['a  b', '…', 'e'], 'e'],
    [['…', 'd', 'c'], 'c'],
  ])('that says %j', (expected, missing) => {
    expect(missingLine('a    b\nc\nd\n', expected)).toBe(missing)
  })
})

/** `thaw rules check`, `push`, `ls` and `rm` over files and a bucket in a directory. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { thaw, type CliResult } from '../cli-fixture.ts'

const GOOD = `groups:
- name: a
  rules:
  - {record: a:b, expr: up}
  - {alert: Down, expr: up == 0, for: 5m}
`
const BROKEN = 'groups: [{name: g, rules: [{record: x, expr: up +}]}]\n'
const FINDING = 'could not parse expression: 1:5: parse error: unexpected end of input'
const TWICE = `groups:
- name: a
  labels: {team: x}
  rules: [{record: m, expr: up}, {record: m, expr: down}, {record: m, expr: "1", labels: {b: ""}}]
`

let dir: string
let bucketDir: string

beforeEach(async () => {
  dir = await temporaryDir()
  bucketDir = await temporaryDir()
  await write('rules/a.yaml', GOOD)
})

async function write(name: string, text: string): Promise<string> {
  const path = join(dir, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, text)
  return path
}

function rules(...argv: string[]): Promise<CliResult> {
  const config = `{type: FILESYSTEM, config: {directory: ${bucketDir}}}`
  return thaw(['rules', ...argv, `--objstore.config=${config}`])
}

const check = (...argv: string[]): Promise<CliResult> => thaw(['rules', 'check', ...argv])

describe('thaw rules check', () => {
  it('counts the rules of good files', async () => {
    const path = join(dir, 'rules/a.yaml')
    expect(await check(join(dir, 'rules/*.yaml'))).toEqual({
      code: 0,
      out: `Checking ${path}\n  SUCCESS: 2 rules found\n\n`,
      err: '',
    })
    expect((await check(dir)).out).toContain(`Checking ${path}\n  SUCCESS`)
  })

  it('says what is wrong, goes on, and ends with 1', async () => {
    const broken = await write('rules/b.yaml', BROKEN)
    const { code, out, err } = await check(broken, join(dir, 'rules/a.yaml'), join(dir, 'no.yaml'))
    expect(code).toBe(1)
    expect(err).toBe(
      `  FAILED:\n${broken}: 1:46: group "g", rule 1, "x": ${FINDING}\n` +
        `  FAILED:\n${join(dir, 'no.yaml')}: no such file or directory\n`,
    )
    expect(out).toContain('SUCCESS: 2 rules found')
  })

  it('finds rules that are there twice', async () => {
    const path = await write('twice.yaml', TWICE)
    const text = `  FAILED:
lint error 1 duplicate rule(s) found.
Metric: m
Label(s):
\tteam: x
Might cause inconsistency while recording expressions
`
    const told = { out: `Checking ${path}\n\n`, err: text }
    expect(await check(path)).toEqual({ code: 0, ...told })
    expect(await check(path, '--lint-fatal')).toEqual({ code: 3, ...told })
    expect((await check(path, '--lint-fatal', '--lint=none')).code).toBe(0)
    expect((await check(path, '--lint=nonsense')).out).toContain(
      'WARNING: unknown lint option: "nonsense"\n',
    )
  })

  it('may pass over unknown fields, and know more PromQL', async () => {
    const path = await write(
      'x.yaml',
      'groups: [{name: g, foo: 1, rules: [{record: x, expr: "mad_over_time(up[5m])"}]}]',
    )
    expect((await check(path)).err).toContain('line 1: field foo not found')
    expect((await check(path, '--ignore-unknown-fields')).err).toContain('is not enabled')
    const features = '--enable-feature=promql-experimental-functions'
    expect((await check(path, '--ignore-unknown-fields', features)).code).toBe(0)
    expect((await check(path, '--enable-feature=magic')).err).toContain(
      'write some of promql-experimental-functions, ',
    )
  })

  it('warns of a second document', async () => {
    const path = await write('two.yaml', `${GOOD}---\n${GOOD}`)
    expect(await check(path)).toMatchObject({
      code: 0,
      err: `warning: ${path}: Multiple document yaml rules files are not supported, only the first document is processed\n`,
    })
  })
})

describe('thaw rules push', () => {
  const stored = (name: string) => readFile(join(bucketDir, 'thaw/rule/files', name), 'utf8')

  it('writes files under their names, and tells what changes', async () => {
    await write('rules/team/b.yml', GOOD.replace('name: a', 'name: b'))
    const first = await rules('push', join(dir, 'rules'))
    expect(first).toEqual({
      code: 0,
      err: '',
      out: `FILE        CHANGE  GROUPS  RULES  CHANGED GROUPS
a.yaml      new          1      2  +a
team/b.yml  new          1      2  +b
`,
    })
    expect(await stored('team/b.yml')).toContain('name: b')

    await write('rules/a.yaml', `${GOOD}- {name: c}\n`.replace('5m', '6m'))
    const dry = await rules('push', join(dir, 'rules/a.yaml'), '--prune', '--dry-run')
    expect(dry.out).toBe(`FILE        CHANGE   GROUPS  RULES  CHANGED GROUPS
a.yaml      changed       2      2  ~a +c
team/b.yml  deleted       1      2  -b
Nothing was changed (--dry-run).
`)
    expect(await stored('a.yaml')).toBe(GOOD)

    await rules('push', join(dir, 'rules/a.yaml'), '--prune')
    expect((await rules('ls', '-o', 'name')).out).toBe('a.yaml\n')
    const again = await rules('push', join(dir, 'rules/a.yaml'), '-o', 'json')
    expect(JSON.parse(again.out)).toEqual({
      dryRun: false,
      files: [{ name: 'a.yaml', change: 'none', groups: 2, rules: 2, changedGroups: [] }],
    })
  })

  it('writes nothing where one file is broken', async () => {
    const broken = await write('rules/b.yaml', BROKEN)
    const result = await rules('push', join(dir, 'rules'))
    expect(result).toMatchObject({ code: 1, out: '' })
    expect(result.err).toBe(
      `thaw: nothing was pushed:\n${broken}: 1:46: group "g", rule 1, "x": ${FINDING}\n`,
    )
    expect((await rules('ls', '-o', 'name')).out).toBe('')
  })

  it('refuses patterns of nothing, two files of one name, and names a key should not have', async () => {
    expect((await rules('push', join(dir, '*.nope'))).err).toContain('no rule files here')
    const two = await write('other/a.yaml', GOOD)
    expect((await rules('push', join(dir, 'rules/a.yaml'), two)).err).toContain(
      `${two}: would have the same name in the bucket as ${join(dir, 'rules/a.yaml')}`,
    )
    const odd = await write('größe.yaml', GOOD)
    expect((await rules('push', odd)).err).toContain(`${odd}: a rule file in the bucket has a name`)
  })
})

describe('thaw rules ls and rm', () => {
  it('shows what is there, broken files too', async () => {
    await rules('push', join(dir, 'rules'))
    await writeFile(join(bucketDir, 'thaw/rule/files/b.yaml'), BROKEN)
    await writeFile(join(bucketDir, 'thaw/rule/files/notes.txt'), 'x')
    const { out } = await rules('ls')
    expect(out.split('\n').map((line) => line.replace(/\d{4}-\S+Z/, 'TIME'))).toEqual([
      'FILE    GROUPS  RULES  SIZE  CHANGED               STATE',
      'a.yaml       1      2  97 B  TIME  good',
      `b.yaml       -      -  54 B  TIME  broken: 1:46: group "g", rule 1, "x": ${FINDING}`,
      '',
    ])
    const json = JSON.parse((await rules('ls', '-o', 'json')).out) as object[]
    expect(json).toMatchObject([
      { name: 'a.yaml', size: 97, groups: [{ name: 'a', rules: [{ record: 'a:b' }, {}] }] },
      { name: 'b.yaml', fault: expect.stringContaining(FINDING) as string },
    ])
  })

  it('deletes files that are there', async () => {
    await rules('push', join(dir, 'rules'))
    expect((await rules('rm', 'a.yaml', 'b.yaml')).err).toBe(
      'thaw: no such rule file in the bucket: b.yaml\n',
    )
    expect((await rules('rm', 'a.yaml', '--dry-run')).out).toBe('would delete a.yaml\n')
    expect((await rules('rm', 'a.yaml')).out).toBe('deleted a.yaml\n')
    expect((await rules('ls', '-o', 'name')).out).toBe('')
  })
})

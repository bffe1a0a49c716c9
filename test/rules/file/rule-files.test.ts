import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { globPaths } from '#lib/rules/file/glob.ts'
import { findRuleFiles, readLocalRuleFile } from '#lib/rules/file/local-rule-files.ts'
import {
  deleteRuleFile,
  getRuleFile,
  listRuleFiles,
  putRuleFile,
  RULE_FILES_PREFIX,
} from '#lib/rules/file/rule-files.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'

const GOOD = 'groups: [{name: größe}]\n'

describe('rule files in a bucket', () => {
  it('are put, listed with one request, read and deleted', async () => {
    const { bucket, counts } = countingBucket(memoryBucket())
    const { etag } = await putRuleFile(bucket, 'team/a.yaml', GOOD)
    await putRuleFile(bucket, 'b.yml', GOOD)
    await bucket.put(`${RULE_FILES_PREFIX}README.md`, new Uint8Array(1))
    const listed = await listRuleFiles(bucket)
    expect(counts.lists).toBe(1)
    expect(listed.map(({ name }) => name)).toEqual(['b.yml', 'team/a.yaml'])
    expect(listed[1]).toMatchObject({ etag, size: 26 })
    expect(await getRuleFile(bucket, 'team/a.yaml')).toEqual({ text: GOOD, etag })
    await deleteRuleFile(bucket, 'team/a.yaml')
    await expect(deleteRuleFile(bucket, 'team/a.yaml')).rejects.toMatchObject({ kind: 'not-found' })
    expect(await listRuleFiles(bucket)).toHaveLength(1)
  })

  it('are good, have a name, and are text', async () => {
    const bucket = memoryBucket()
    await expect(putRuleFile(bucket, 'a.yaml', 'groups: 1')).rejects.toThrow(
      'a.yaml: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `1` into []rulefmt.RuleGroup',
    )
    for (const name of ['a', '../a.yaml', 'a//b.yaml', '/a.yaml', 'a b.yaml', './a.yaml']) {
      await expect(putRuleFile(bucket, name, GOOD)).rejects.toThrow('name of a rule file')
    }
    await bucket.put(`${RULE_FILES_PREFIX}a.yaml`, Uint8Array.of(0xff))
    await expect(getRuleFile(bucket, 'a.yaml')).rejects.toThrow('a.yaml: the file is not UTF-8')
  })
})

describe('rule files on a disk', () => {
  it('are found by path, pattern and directory, each once', async () => {
    const dir = await temporaryDir()
    await mkdir(join(dir, 'sub'))
    for (const name of ['b.yml', 'a.yaml', 'c.txt', 'sub/d.yaml']) {
      await writeFile(join(dir, name), GOOD)
    }
    const found = await findRuleFiles([
      join(dir, 'b.yml'),
      dir,
      join(dir, '*.no'),
      join(dir, '*.txt'),
    ])
    expect(found.files.map(({ path, name }) => [path.slice(dir.length + 1), name])).toEqual([
      ['b.yml', 'b.yml'],
      ['a.yaml', 'a.yaml'],
      ['sub/d.yaml', 'sub/d.yaml'],
      ['c.txt', 'c.txt'],
    ])
    expect(found.unmatched).toEqual([join(dir, '*.no')])
    expect(await readLocalRuleFile(join(dir, 'a.yaml'))).toBe(GOOD)
    await expect(readLocalRuleFile(dir)).rejects.toThrow(`${dir}: is a directory`)
  })

  it.each([
    ['*', ['[x].yml', 'a.yml', 'ab.yml', 'b-.yml', 'sub']],
    ['?.yml', ['a.yml']],
    ['a*', ['a.yml', 'ab.yml']],
    ['[ab]*.yml', ['a.yml', 'ab.yml', 'b-.yml']],
    ['[^a]*.yml', ['[x].yml', 'b-.yml']],
    ['?[a-c].yml', ['ab.yml']],
    ['\\[x\\].yml', ['[x].yml']],
    ['*/*.yml', ['sub/c.yml']],
    ['sub/c.yml', ['sub/c.yml']],
    ['s?b/c.yml', ['sub/c.yml']],
    ['s?b/d.yml', []],
  ])('%s is read as Go reads it', async (pattern, expected) => {
    const dir = await temporaryDir()
    await mkdir(join(dir, 'sub'))
    for (const name of ['a.yml', 'ab.yml', 'b-.yml', '[x].yml', 'sub/c.yml']) {
      await writeFile(join(dir, name), '')
    }
    const found = globPaths(`${dir}/${pattern}`)
    expect((await found).map((path) => path.slice(dir.length + 1))).toEqual(expected)
  })

  it.each(['[', 'a\\', '[]', '[^]'])('%s is no pattern', async (pattern) => {
    await expect(globPaths(`/tmp/${pattern}`)).rejects.toThrow('syntax error in pattern')
  })
})

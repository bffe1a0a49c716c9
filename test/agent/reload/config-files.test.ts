/** What counts as a change of Prometheus's files, and its configuration with variables replaced. */
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { digestFiles, expandVariables, writeExpanded } from '#agent/reload/config-files.ts'
import { temporaryDir } from '../block-fixture.ts'

async function files() {
  const dir = await temporaryDir()
  const rules = join(dir, 'rules')
  await mkdir(rules)
  const watched = {
    configFile: join(dir, 'in.yml'),
    envsubstFile: join(dir, 'out', 'prometheus.yml'),
    ruleDirs: [rules],
  }
  await writeFile(watched.configFile, 'global: {external_labels: {replica: $(POD)}}\n')
  await writeFile(join(rules, 'a.yml'), 'groups: []\n')
  return { dir, rules, watched }
}

describe('the digest', () => {
  it('is the same while nothing changes', async () => {
    const { watched } = await files()
    expect(await digestFiles(watched)).toBe(await digestFiles(watched))
  })

  it('changes with a content, a name, a new file, one below, and one that is gone', async () => {
    const { rules, watched } = await files()
    const seen = [await digestFiles(watched)]
    const see = async (change: Promise<unknown>): Promise<void> => {
      await change
      seen.push(await digestFiles(watched))
    }
    await see(writeFile(watched.configFile, 'global: {}\n'))
    await see(writeFile(join(rules, 'a.yml'), 'groups: [] #\n'))
    await see(rename(join(rules, 'a.yml'), join(rules, 'b.yml')))
    await see(writeFile(join(rules, 'c.yml'), ''))
    await see(mkdir(join(rules, 'd')).then(() => writeFile(join(rules, 'd', 'e.yml'), 'x')))
    await see(rm(join(rules, 'c.yml')))
    expect(new Set(seen).size).toBe(7)
  })

  it('follows a ConfigMap, whose links change all at once', async () => {
    const { rules, watched } = await files()
    await mkdir(join(rules, '..1'))
    await writeFile(join(rules, '..1', 'r.yml'), 'groups: []')
    await symlink('..1', join(rules, '..data'))
    await symlink(join('..data', 'r.yml'), join(rules, 'r.yml'))
    const before = await digestFiles(watched)
    await mkdir(join(rules, '..2'))
    await writeFile(join(rules, '..2', 'r.yml'), 'groups: [] # new')
    await symlink('..2', join(rules, '..tmp'))
    await rename(join(rules, '..tmp'), join(rules, '..data'))
    await rm(join(rules, '..1'), { recursive: true })
    expect(await digestFiles(watched)).not.toBe(before)
  })

  it('names what it cannot read', async () => {
    const { rules, watched } = await files()
    await rm(rules, { recursive: true })
    await expect(digestFiles(watched)).rejects.toThrow(/--reloader\.rule-dir: ENOENT.*rules/)
    await rm(watched.configFile)
    await expect(digestFiles(watched)).rejects.toThrow(/--reloader\.config-file: ENOENT.*in\.yml/)
  })
})

describe('variables', () => {
  it.each([
    ['a: $(X)', 'a: 1', []],
    ['a: $(X)$(X) $(Y_2)', 'a: 11 ü', []],
    ['a: $X ${X} $1 $(x-y) $()', 'a: $X ${X} $1 $(x-y) $()', []],
    ['a: $(NO) $(X) $(NO) $(NEITHER)', 'a: $(NO) 1 $(NO) $(NEITHER)', ['NO', 'NEITHER']],
    ['Zoë $(EMPTY)|', 'Zoë |', []],
  ])('of %j', (text, expected, unset) => {
    const expanded = expandVariables(Buffer.from(text), { X: '1', Y_2: 'ü', EMPTY: '' })
    expect(expanded.text.toString()).toBe(expected)
    expect(expanded.unset).toEqual(unset)
  })
})

describe('the configuration that is written', () => {
  it('has its variables replaced, is decompressed, and stays while it is the same', async () => {
    const { watched } = await files()
    await writeFile(watched.configFile, gzipSync('replica: $(POD)\n'))
    expect(await writeExpanded(watched, { POD: 'a' })).toEqual({ unset: [] })
    expect(await readFile(watched.envsubstFile, 'utf8')).toBe('replica: a\n')
    const { ino } = await stat(watched.envsubstFile)
    await writeExpanded(watched, { POD: 'a' })
    expect((await stat(watched.envsubstFile)).ino).toBe(ino)
  })

  it('is left alone when a variable is not set', async () => {
    const { watched } = await files()
    await writeExpanded(watched, { POD: 'a' })
    expect(await writeExpanded(watched, {})).toEqual({ unset: ['POD'] })
    expect(await readFile(watched.envsubstFile, 'utf8')).toContain('replica: a')
  })

  it('is refused with a reason when it is a torn gzip, or its place is none', async () => {
    const { dir, watched } = await files()
    await writeFile(watched.configFile, gzipSync('replica: x\n').subarray(0, 15))
    await expect(writeExpanded(watched, {})).rejects.toThrow(/in\.yml is no whole gzip/)
    await writeFile(watched.configFile, 'replica: x\n')
    const envsubstFile = join(dir, 'in.yml', 'below', 'a', 'file')
    await expect(writeExpanded({ ...watched, envsubstFile }, {})).rejects.toThrow(
      /--reloader\.config-envsubst-file: /,
    )
  })
})

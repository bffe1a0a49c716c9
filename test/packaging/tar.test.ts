/** Archives that other programs read. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ar, tar } from '#packaging/tar.ts'
import { temporaryDir } from '../agent/block-fixture.ts'

const run = promisify(execFile)

describe('a tar', () => {
  it('is unpacked by tar: contents, modes, times, directories and links', async () => {
    const dir = await temporaryDir()
    const out = join(dir, 'out')
    await mkdir(out)
    const long = Buffer.alloc(1500, 'x')
    const files = [
      { path: 'usr/bin/a', mode: 0o755, bytes: Buffer.from('#!/bin/sh\n') },
      { path: 'usr/share/empty', mode: 0o640, bytes: Buffer.alloc(0) },
      { path: 'usr/share/long', mode: 0o644, bytes: long },
      { path: 'usr/bin/b', mode: 0o777, target: 'a' },
    ]
    await writeFile(join(dir, 'a.tar'), tar(files, 1_700_000_000))
    await run('tar', ['-xf', join(dir, 'a.tar'), '-C', out])
    expect(await readFile(join(out, 'usr/share/long'))).toEqual(long)
    expect((await stat(join(out, 'usr/bin/a'))).mode & 0o777).toBe(0o755)
    expect((await stat(join(out, 'usr/share/empty'))).size).toBe(0)
    expect((await stat(join(out, 'usr/share/long'))).mtimeMs).toBe(1_700_000_000_000)
    expect(await readlink(join(out, 'usr/bin/b'))).toBe('a')
    const { stdout } = await run('tar', ['-tvf', join(dir, 'a.tar')])
    expect(stdout.split('\n').filter((line) => line.startsWith('d'))).toHaveLength(3)
  })

  it('is the same bytes for the same files, in whatever order they come', () => {
    const files = ['b', 'a/c', 'a/b'].map((path) => ({
      path,
      mode: 0o644,
      bytes: Buffer.from(path),
    }))
    expect(tar(files, 1).equals(tar(files.toReversed(), 1))).toBe(true)
  })

  it('refuses a path that does not fit', () => {
    expect(() => tar([{ path: 'x'.repeat(99), mode: 0o644 }], 0)).toThrow(/longer than 100 bytes/)
  })
})

it('an ar has a header of 60 bytes before each member, at even places', () => {
  const bytes = ar(
    [
      { name: 'one', bytes: Buffer.from('abc') },
      { name: 'two', bytes: Buffer.from('d') },
    ],
    7,
  )
  expect(bytes.toString()).toBe(
    `!<arch>\none             7           0     0     100644  3         \`\nabc\ntwo             7           0     0     100644  1         \`\nd\n`,
  )
})

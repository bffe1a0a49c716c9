import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, it } from 'vitest'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const FILES = {
  'some.test.ts': `
    import { describe, expect, it } from 'vitest'
    it('passes', () => expect(1).toBe(1))
    it('fails', () => expect(1).toBe(2))
    describe('a group', () => {
      it('is skipped for a reason', (context) => context.skip('no such peer here'))
      it.skip('is skipped for none', () => {})
    })`,
  'broken.test.ts': `throw new Error('does not load')`,
}

it('counts what passed, failed and was skipped, with the reasons', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'thaw-tally-test-'))
  symlinkSync(at('../node_modules'), join(directory, 'node_modules'))
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
  for (const [name, code] of Object.entries(FILES)) writeFileSync(join(directory, name), code)
  const tally = join(directory, 'tally.json')
  const child = spawn(
    process.execPath,
    [
      at('../node_modules/vitest/vitest.mjs'),
      'run',
      '--root',
      directory,
      '--reporter',
      at('tally-reporter.ts'),
    ],
    { env: { PATH: process.env['PATH'], THAW_TALLY: tally }, stdio: 'ignore' },
  )
  const [code] = (await once(child, 'close')) as [number]
  const counted: unknown = JSON.parse(readFileSync(tally, 'utf8'))
  rmSync(directory, { recursive: true })
  expect(code).toBe(1)
  expect(counted).toEqual({
    passed: 1,
    failed: 2,
    skipped: [
      {
        test: 'some.test.ts > a group > is skipped for a reason',
        reason: 'no such peer here',
      },
      { test: 'some.test.ts > a group > is skipped for none', reason: 'no reason given' },
    ],
  })
})

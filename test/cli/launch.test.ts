import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const LAUNCHER = fileURLToPath(new URL('../../cli/launch.mjs', import.meta.url))

const LOCK = {
  packages: {
    '': { name: 'thaw' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  },
}
const INSTALLED = { packages: { 'node_modules/a': LOCK.packages['node_modules/a'] } }

/** Records how it was called; `npm ci` fails when the file `refuse` is there. */
const NPM = `
const fs = require('node:fs')
const args = process.argv.slice(2)
fs.appendFileSync('npm.log', args.join(' ') + '\\n')
if (args[0] === 'ci' && fs.existsSync('refuse')) { console.error('lock file out of sync'); process.exit(1) }
if (args[0] === 'install' && fs.existsSync('refuse-all')) { console.error('no network'); process.exit(1) }
if (args[0] === 'rebuild') {
  fs.mkdirSync('node_modules/node/bin', { recursive: true })
  fs.symlinkSync(process.execPath, 'node_modules/node/bin/node')
} else {
  fs.mkdirSync('node_modules', { recursive: true })
  fs.writeFileSync('node_modules/.package-lock.json', fs.readFileSync('installed.json'))
}
`

const TARGET = `
const value: string[] = process.argv.slice(2)
if (value[0] === 'wait') process.on('SIGTERM', () => process.exit(7))
console.log(JSON.stringify({ args: value, first: process.env['PATH']?.split(':')[0] }))
if (value[0] === 'wait') {
  setInterval(() => {}, 1000)
} else process.exitCode = 3
`

describe('the launcher', () => {
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'thaw-launch-test-'))
    mkdirSync(join(root, 'cli'))
    cpSync(LAUNCHER, join(root, 'cli', 'launch.mjs'))
    writeFileSync(join(root, 'package.json'), '{"type":"module"}')
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(LOCK))
    writeFileSync(join(root, 'installed.json'), JSON.stringify(INSTALLED))
    // A directory of its own makes it CommonJS in a package of modules.
    mkdirSync(join(root, 'npm'))
    writeFileSync(join(root, 'npm', 'package.json'), '{"type":"commonjs"}')
    writeFileSync(join(root, 'npm', 'npm.js'), NPM)
    writeFileSync(join(root, 'cli', 'main.ts'), TARGET)
    writeFileSync(join(root, 'other.ts'), TARGET)
    // What an older Node would say of itself.
    writeFileSync(
      join(root, 'old.cjs'),
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })`,
    )
  })

  afterEach(() => rmSync(root, { recursive: true }))

  function install(): void {
    mkdirSync(join(root, 'node_modules'), { recursive: true })
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(INSTALLED))
  }

  function start(args: string[], { old = false } = {}) {
    const options = old ? ['--require', join(root, 'old.cjs')] : []
    return spawn(process.execPath, [...options, join(root, 'cli', 'launch.mjs'), ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], npm_execpath: join(root, 'npm', 'npm.js') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async function launch(args: string[], options?: { old: boolean }) {
    const child = start(args, options)
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const [code] = (await once(child, 'close')) as [number]
    return { code, out, err }
  }

  const npmCalls = (): string[] =>
    existsSync(join(root, 'npm.log'))
      ? readFileSync(join(root, 'npm.log'), 'utf8').trim().split('\n')
      : []

  const output = (...args: string[]): string =>
    `${JSON.stringify({ args, first: join(root, 'node_modules', '.bin') })}\n`

  const CI = 'ci --no-audit --no-fund --loglevel=error'
  const INSTALL = 'install --no-save --no-audit --no-fund --loglevel=error'
  const REBUILD = 'rebuild node --ignore-scripts=false --loglevel=error'

  it('runs cli/main.ts with its arguments and its exit code, and says nothing', async () => {
    install()
    expect(await launch(['query', '--x'])).toEqual({
      code: 3,
      out: output('query', '--x'),
      err: '',
    })
    expect(npmCalls()).toEqual([])
  })

  it('runs another file', async () => {
    install()
    const { code, out } = await launch(['--run', join(root, 'other.ts'), 'unit'])
    expect([code, out]).toEqual([3, output('unit')])
  })

  it('installs when there is nothing', async () => {
    const { code, err } = await launch([])
    expect(code).toBe(3)
    expect(npmCalls()).toEqual([CI])
    expect(err).toMatch(/^thaw: installing dependencies \(npm ci\)\nthaw: done after \d+\.\d s\n$/)
  })

  it('installs when the lock file has moved on', async () => {
    install()
    const moved = { ...LOCK.packages['node_modules/a'], version: '1.0.1' }
    const packages = { ...LOCK.packages, 'node_modules/a': moved }
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }))
    expect((await launch([])).code).toBe(3)
    expect(npmCalls()).toEqual([CI])
  })

  it('installs in spite of a lock file that npm ci refuses', async () => {
    writeFileSync(join(root, 'refuse'), '')
    expect((await launch([])).code).toBe(3)
    expect(npmCalls()).toEqual([CI, INSTALL])
  })

  it('ends with the complaint of npm when nothing helps', async () => {
    writeFileSync(join(root, 'refuse'), '')
    writeFileSync(join(root, 'refuse-all'), '')
    const { code, out, err } = await launch([])
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/thaw: npm install --no-save --no-audit --no-fund: no network\n\n$/)
  })

  it('under an older Node fetches a newer one once, and passes the exit code on', async () => {
    install()
    expect(await launch(['a'], { old: true })).toMatchObject({ code: 3, out: output('a') })
    expect(await launch(['b'], { old: true })).toEqual({ code: 3, out: output('b'), err: '' })
    expect(npmCalls()).toEqual([REBUILD])
  })

  it('passes signals on', async () => {
    install()
    mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true })
    symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'))
    const child = start(['wait'], { old: true })
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([7, null])
  })

  it('says by its exit code what signal ended the program', async () => {
    install()
    const bin = join(root, 'node_modules', 'node', 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'node'), '#!/bin/sh\nkill -KILL $$\n')
    chmodSync(join(bin, 'node'), 0o755)
    expect((await launch([], { old: true })).code).toBe(137)
  })
})

/** The bundled agent alone in a directory, and the packages it is in. */
import { execFile } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { VERSION } from '#agent/version.ts'
import { bundleAgent } from '#packaging/bundle-agent.ts'
import { type PackageSettings, agentTarball, debianPackage } from '#packaging/package-agent.ts'
import { blockId, fakePrometheus, temporaryDir, writeBlock } from '../agent/block-fixture.ts'

const run = promisify(execFile)

let bundle = ''

beforeAll(async () => {
  bundle = await bundleAgent()
})

describe('the bundle', () => {
  it('is one file that ships blocks with nothing beside it', async () => {
    const { url } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    const bucketDir = await temporaryDir()
    const dir = await temporaryDir()
    const file = join(dir, 'thaw-agent.mjs')
    await writeFile(file, bundle)
    const { stdout } = await run(
      process.execPath,
      [
        file,
        '--once',
        `--prometheus.url=${url}`,
        `--tsdb.path=${tsdbPath}`,
        `--objstore.config={type: FILESYSTEM, config: {directory: ${bucketDir}}}`,
      ],
      { cwd: dir, env: {} },
    )
    expect(stdout).toBe(`${blockId(1)} uploaded 185 bytes\n`)
    expect(await readdir(bucketDir)).toContain(blockId(1))
  })

  it('knows its version', async () => {
    const file = join(await temporaryDir(), 'thaw-agent.mjs')
    await writeFile(file, bundle)
    const { stdout } = await run(process.execPath, [file, '--version'])
    expect(stdout).toBe(`${VERSION}\n`)
  })

  it('has no path of the machine that made it, and is small enough to be read at every start', () => {
    expect(bundle).not.toContain(process.cwd())
    expect(bundle.length).toBeLessThan(3_000_000)
  })
})

function settings(): PackageSettings {
  return { bundle, node: Buffer.from('node'), arch: 'amd64', modifiedSeconds: 1_700_000_000 }
}

/** Members by name. */
function unAr(bytes: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>()
  for (let at = 8; at < bytes.length;) {
    const name = bytes.toString('latin1', at, at + 16).trim()
    const size = Number(bytes.toString('latin1', at + 48, at + 58))
    members.set(name, bytes.subarray(at + 60, at + 60 + size))
    at += 60 + size + (size % 2)
  }
  return members
}

/** Files of a tar by path. */
function unTar(bytes: Buffer): Map<string, { mode: number; text: string }> {
  const files = new Map<string, { mode: number; text: string }>()
  for (let at = 0; bytes[at] !== 0;) {
    const path = bytes.toString('latin1', at, bytes.indexOf(0, at))
    const mode = Number.parseInt(bytes.toString('latin1', at + 100, at + 107), 8)
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8)
    files.set(path, { mode, text: bytes.toString('utf8', at + 512, at + 512 + size) })
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

describe('the Debian package', () => {
  async function contents() {
    const { name, bytes } = await debianPackage(settings())
    const members = unAr(bytes)
    return {
      name,
      members: [...members.keys()],
      control: unTar(gunzipSync(members.get('control.tar.gz')!)),
      data: unTar(gunzipSync(members.get('data.tar.gz')!)),
    }
  }

  it('has what dpkg wants, in its order', async () => {
    const { name, members, control } = await contents()
    expect(name).toBe(`thaw-agent_${VERSION}_amd64.deb`)
    expect(members).toEqual(['debian-binary', 'control.tar.gz', 'data.tar.gz'])
    expect([...control.keys()]).toEqual([
      './conffiles',
      './control',
      './md5sums',
      './postinst',
      './postrm',
      './prerm',
    ])
    expect(control.get('./control')!.text).toContain(`Version: ${VERSION}\nArchitecture: amd64\n`)
    expect(control.get('./conffiles')!.text).toBe('/etc/default/thaw-agent\n/etc/thaw/bucket.yml\n')
  })

  it('brings the bundle, its Node, a unit, and configuration that others cannot read secrets from', async () => {
    const { data } = await contents()
    expect(data.get('./usr/lib/thaw/thaw-agent.mjs')!.text).toBe(bundle)
    expect(data.get('./usr/lib/thaw/node')).toEqual({ mode: 0o755, text: 'node' })
    expect(data.get('./usr/lib/thaw/thaw-agent')!.mode).toBe(0o755)
    expect(data.get('./etc/default/thaw-agent')!.mode).toBe(0o640)
    expect(data.get('./usr/lib/systemd/system/thaw-agent.service')!.text).toContain(
      'ExecStart=/usr/bin/thaw-agent ',
    )
  })

  it('has scripts that sh understands and that do nothing without systemd', async () => {
    const { control } = await contents()
    const dir = await temporaryDir()
    const outputs: string[] = []
    for (const [name, ...args] of [
      ['postinst', 'configure', ''],
      ['prerm', 'upgrade'],
      ['postrm', 'purge'],
    ] as const) {
      const file = join(dir, name)
      // As on a machine without systemd, whatever this one has.
      const text = control.get(`./${name}`)!.text.replaceAll('/run/systemd/system', '/no/such')
      await writeFile(file, text)
      outputs.push((await run('sh', [file, ...args])).stdout)
    }
    expect(outputs[0]).toContain('systemctl enable --now thaw-agent')
    expect(outputs.slice(1)).toEqual(['', ''])
  })

  it('is the same bytes from the same sources', async () => {
    const [a, b] = [await debianPackage(settings()), await debianPackage(settings())]
    expect(a.bytes.equals(b.bytes)).toBe(true)
  })
})

it('the tarball is one directory with the same program', async () => {
  const { name, bytes } = await agentTarball(settings())
  const directory = `thaw-agent-${VERSION}-linux-amd64`
  expect(name).toBe(`${directory}.tar.gz`)
  const files = unTar(gunzipSync(bytes))
  expect(files.get(`./${directory}/thaw-agent.mjs`)!.text).toBe(bundle)
  expect([...files.keys()].every((path) => path.startsWith(`./${directory}/`))).toBe(true)
})

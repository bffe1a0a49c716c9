/**
 * A Debian package and a tarball of the agent, with the Node it runs on: `npm run package:deb`. Needs no root and no
 * Debian. Another machine's Node makes packages for that machine: `--node=<binary> --arch=arm64`.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { VERSION } from '#agent/version.ts'
import { bundleAgent } from './bundle-agent.ts'
import { DIST, ROOT } from './bundle.ts'
import { type PackedFile, ar, tar } from './tar.ts'

export interface AgentPackage {
  readonly name: string
  readonly bytes: Buffer
}

export interface PackageSettings {
  /** The text of thaw-agent.mjs. */
  readonly bundle: string
  readonly node: Uint8Array
  /** Debian's name for the processor: amd64, arm64. */
  readonly arch: string
  /** Of all files, so that packages can be compared. */
  readonly modifiedSeconds: number
}

/** Node's own binary needs glibc 2.28, that of Debian 10. */
const DEPENDS = 'libc6 (>= 2.28), libstdc++6, libgcc-s1'

export async function debianPackage(settings: PackageSettings): Promise<AgentPackage> {
  const { arch, modifiedSeconds } = settings
  const data: PackedFile[] = [
    ...(await programFiles(settings, 'usr/lib/thaw/')),
    { path: 'usr/bin/thaw-agent', mode: 0o777, target: '../lib/thaw/thaw-agent' },
    await packed('usr/lib/systemd/system/thaw-agent.service', 'packaging/files/thaw-agent.service'),
    await packed('usr/share/doc/thaw-agent/agent.md', 'docs/agent.md'),
    await packed('usr/share/doc/thaw-agent/copyright', 'LICENSE'),
    // Either may hold a secret.
    await packed('etc/default/thaw-agent', 'packaging/files/default', 0o640),
    await packed('etc/thaw/bucket.yml', 'packaging/files/bucket.yml', 0o644),
  ]
  const installedKiB = Math.ceil(
    data.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0) / 1024,
  )
  const control = [
    'Package: thaw-agent',
    `Version: ${VERSION}`,
    `Architecture: ${arch}`,
    'Maintainer: thaw <thaw@localhost>',
    `Installed-Size: ${installedKiB}`,
    `Depends: ${DEPENDS}`,
    'Recommends: ca-certificates',
    'Suggests: prometheus',
    'Section: net',
    'Priority: optional',
    'Description: ships Prometheus metrics to an S3 bucket',
    ' Runs beside a Prometheus and puts its blocks, and its newest samples, into a',
    ' bucket where thaw and Thanos query them. Brings the Node.js it runs on.',
  ]
  const sums = data.flatMap(({ path, bytes }) =>
    bytes ? [`${createHash('md5').update(bytes).digest('hex')}  ${path}`] : [],
  )
  const conffiles = data.map(({ path }) => `/${path}`).filter((path) => path.startsWith('/etc/'))
  const controlFiles: PackedFile[] = [
    { path: 'control', mode: 0o644, bytes: lines(control) },
    { path: 'md5sums', mode: 0o644, bytes: lines(sums) },
    { path: 'conffiles', mode: 0o644, bytes: lines(conffiles) },
    ...(await Promise.all(
      ['postinst', 'prerm', 'postrm'].map((name) => packed(name, `packaging/files/${name}`, 0o755)),
    )),
  ]
  const bytes = ar(
    [
      { name: 'debian-binary', bytes: lines(['2.0']) },
      { name: 'control.tar.gz', bytes: gzipSync(tar(controlFiles, modifiedSeconds)) },
      { name: 'data.tar.gz', bytes: gzipSync(tar(data, modifiedSeconds), { level: 9 }) },
    ],
    modifiedSeconds,
  )
  return { name: `thaw-agent_${VERSION}_${arch}.deb`, bytes }
}

export async function agentTarball(settings: PackageSettings): Promise<AgentPackage> {
  const { arch, modifiedSeconds } = settings
  const directory = `thaw-agent-${VERSION}-linux-${arch}`
  const files: PackedFile[] = [
    ...(await programFiles(settings, `${directory}/`)),
    await packed(`${directory}/thaw-agent.service`, 'packaging/files/thaw-agent.service'),
    await packed(`${directory}/bucket.yml`, 'packaging/files/bucket.yml'),
    await packed(`${directory}/agent.md`, 'docs/agent.md'),
    await packed(`${directory}/LICENSE`, 'LICENSE'),
  ]
  return {
    name: `${directory}.tar.gz`,
    bytes: gzipSync(tar(files, modifiedSeconds), { level: 9 }),
  }
}

async function programFiles(
  { bundle, node }: PackageSettings,
  directory: string,
): Promise<PackedFile[]> {
  return [
    { path: `${directory}thaw-agent.mjs`, mode: 0o644, bytes: Buffer.from(bundle) },
    { path: `${directory}node`, mode: 0o755, bytes: node },
    await packed(`${directory}thaw-agent`, 'packaging/files/thaw-agent', 0o755),
  ]
}

async function packed(path: string, source: string, mode = 0o644): Promise<PackedFile> {
  return { path, mode, bytes: await readFile(join(ROOT, source)) }
}

function lines(texts: readonly string[]): Buffer {
  return Buffer.from(`${texts.join('\n')}\n`)
}

const DEBIAN_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' }

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      node: { type: 'string', default: process.execPath },
      arch: { type: 'string', default: DEBIAN_ARCH[process.arch] ?? process.arch },
    },
  })
  const settings: PackageSettings = {
    bundle: await bundleAgent(),
    node: await readFile(values.node),
    arch: values.arch,
    modifiedSeconds: Number(process.env['SOURCE_DATE_EPOCH'] ?? Math.floor(Date.now() / 1000)),
  }
  await mkdir(DIST, { recursive: true })
  for (const { name, bytes } of [await debianPackage(settings), await agentTarball(settings)]) {
    await writeFile(join(DIST, name), bytes)
    process.stdout.write(`${join(DIST, name)} ${bytes.length} bytes\n`)
  }
}

/** The agent as it is installed: one file on the oldest Node it promises to run on, with no right beyond its policy; and its package as dpkg sees it. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { VERSION } from '#agent/version.ts'
import { TOKENS_KEY } from '#lib/auth/token-list.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { bundleAgent } from '#packaging/bundle-agent.ts'
import { debianPackage } from '#packaging/package-agent.ts'
import { blockId, fakePrometheus, writeBlock } from '#test/agent/block-fixture.ts'
import { keysOf } from '#test/agent/test-buckets.ts'
import { findOnPath } from '#test/peer/cache.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { boundedBy } from '#test/peer/minio-session.ts'
import { findMoto } from '#test/peer/moto.ts'
import { findNode22 } from '#test/peer/node.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import { needPeer } from '#test/peer/skip-report.ts'

const run = promisify(execFile)

const undo: (() => Promise<void>)[] = []

afterEach(async () => {
  while (undo.length > 0) await undo.pop()!()
})

async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-packaged-'))
  undo.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}

let bundle = ''

beforeAll(async () => {
  bundle = await bundleAgent()
})

async function bundleFile(): Promise<string> {
  const file = join(await temporaryDir(), 'thaw-agent.mjs')
  await writeFile(file, bundle)
  return file
}

async function eventually(fact: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 300; i++) {
    if (await fact()) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

const POLICY = (await readFile('packaging/aws/agent-policy.json', 'utf8')).replaceAll(
  'BUCKET',
  'agent',
)

/** A bucket, and what the agent gets to write to it. */
async function boundedBucket(context: Parameters<typeof needPeer>[0]) {
  const minio = needPeer(context, await findMinio())
  const moto = needPeer(context, await findMoto())
  const server = await startMinio(minio)
  undo.push(() => server.stop())
  const s3 = await createBucket(server, 'agent')
  const env = { ...(await boundedBy(POLICY, server, moto)), AWS_REGION: 'us-east-1' }
  const objstore = `--objstore.config={type: S3, config: {bucket: agent, endpoint: "${server.endpoint}", insecure: true}}`
  const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
  return { bucket, env, objstore, server }
}

describe('the bundled agent on Node 22', () => {
  it('puts samples of a real Prometheus into a bucket', async (context) => {
    const node = needPeer(context, await findNode22())
    const peer = needPeer(context, await findPrometheus())
    const { bucket, env, objstore } = await boundedBucket(context)
    const dataDir = await temporaryDir()
    const prometheus = await startPrometheus({
      binary: peer.binary,
      dataDir,
      config:
        'global: {scrape_interval: 1s, external_labels: {cluster: eu}}\nscrape_configs: [{job_name: self, static_configs: [{targets: ["SELF"]}]}]\n',
      flags: ['--storage.tsdb.min-block-duration=2h', '--storage.tsdb.max-block-duration=2h'],
    })
    undo.push(() => prometheus.stop())
    const config = await readFile(join(dataDir, 'prometheus.yml'), 'utf8')
    const self = config.replace('SELF', `127.0.0.1:${prometheus.port}`)
    await writeFile(join(dataDir, 'prometheus.yml'), self)
    process.kill(prometheus.pid, 'SIGHUP')
    const agent = spawn(
      node.binary,
      [
        await bundleFile(),
        `--prometheus.url=${prometheus.url}`,
        `--tsdb.path=${dataDir}`,
        '--fresh.interval=1s',
        '--http-address=127.0.0.1:0',
        '--grpc-address=127.0.0.1:0',
        objstore,
      ],
      { env },
    )
    let log = ''
    agent.stderr.on('data', (text: Buffer) => (log += text.toString()))
    const ended = new Promise<number | null>((resolve) => agent.on('close', resolve))
    const fresh = async (target: Bucket) =>
      (await keysOf(target)).filter((key) => key.startsWith('thaw/fresh/'))
    const arrived = await eventually(async () => (await fresh(bucket)).length > 0)
    agent.kill('SIGTERM')
    expect({ arrived, code: await ended, log }).toEqual({
      arrived: true,
      code: 0,
      log: expect.not.stringMatching(/level=(warn|error)/) as string,
    })
  })

  it('ships blocks in one piece and in parts, and may delete fresh samples only', async (context) => {
    const node = needPeer(context, await findNode22())
    const { bucket, env, objstore, server } = await boundedBucket(context)
    const { url } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1, { chunkFileSize: 12_000_000 })
    const { stdout } = await run(
      node.binary,
      [
        await bundleFile(),
        '--once',
        `--prometheus.url=${url}`,
        `--tsdb.path=${tsdbPath}`,
        '--log.level=error',
        objstore,
      ],
      { env },
    )
    expect(stdout).toBe(`${blockId(1)} uploaded 12000121 bytes\n`)
    expect((await bucket.head(`${blockId(1)}/chunks/000001`)).size).toBe(12_000_000)

    const bounded = await openBucket({
      type: 'S3',
      s3: {
        bucket: 'agent',
        endpoint: server.endpoint,
        insecure: true,
        region: 'us-east-1',
        accessKey: env.AWS_ACCESS_KEY_ID,
        secretKey: env.AWS_SECRET_ACCESS_KEY,
        sessionToken: env.AWS_SESSION_TOKEN,
      },
      prefix: '',
      ignored: [],
    })
    await bounded.put('thaw/fresh/a', new Uint8Array(1))
    await bounded.delete('thaw/fresh/a')
    await expect(bounded.delete(`${blockId(1)}/meta.json`)).rejects.toMatchObject({
      kind: 'unauthorized',
    })
    // Whoever has a Prometheus machine must not become an operator.
    for (const key of [TOKENS_KEY, 'thaw/rule/files/a.yaml', 'thaw/bucket-index/root.json.gz']) {
      const write = bounded.put(key, new Uint8Array(1))
      await expect(write).rejects.toMatchObject({ kind: 'unauthorized' })
    }
    await expect(bounded.get(TOKENS_KEY)).rejects.toMatchObject({ kind: 'unauthorized' })
  })
})

describe('the Debian package', () => {
  it('is taken by dpkg-deb', async (context) => {
    const binary = await findOnPath('dpkg-deb')
    const dpkg = needPeer<{ readonly binary: string }>(
      context,
      binary === undefined ? { missing: 'dpkg-deb is not on the PATH' } : { binary },
    )
    const dir = await temporaryDir()
    const node = Buffer.from('#!/bin/sh\necho "$@"\n')
    const { name, bytes } = await debianPackage({
      bundle,
      node,
      arch: 'amd64',
      modifiedSeconds: 1_700_000_000,
    })
    const file = join(dir, name)
    await writeFile(file, bytes)
    const { stdout: version } = await run(dpkg.binary, ['--field', file, 'Version'])
    expect(version.trim()).toBe(VERSION)
    await run(dpkg.binary, ['--extract', file, join(dir, 'root')])
    const { stdout } = await run(join(dir, 'root/usr/bin/thaw-agent'), ['--version'])
    expect(stdout).toMatch(
      /^--max-semi-space-size=1 --optimize-for-size \/.*\/usr\/lib\/thaw\/thaw-agent\.mjs --version\n$/,
    )
  })
})

/** The real process, killed while it uploads: `kill -9` loses nothing and shows nothing half. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { blockId, fakePrometheus, temporaryDir, writeBlock } from './block-fixture.ts'
import { readJson, visibleBlocks } from './test-buckets.ts'

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))
const BLOCKS = [1, 2, 3, 4, 5, 6]

interface Agent {
  readonly child: ChildProcess
  readonly log: () => string
  readonly closed: Promise<{ code: number | null; signal: string | null; log: string }>
}

function startAgent(tsdbPath: string, bucketDir: string, url: string, ...flags: string[]): Agent {
  const child = spawn(process.execPath, [
    MAIN,
    `--tsdb.path=${tsdbPath}`,
    `--objstore.config={type: FILESYSTEM, config: {directory: ${bucketDir}}}`,
    `--prometheus.url=${url}`,
    '--shipper.interval=50ms',
    '--http-address=127.0.0.1:0',
    '--grpc-address=127.0.0.1:0',
    ...flags,
  ])
  let log = ''
  child.stderr.on('data', (text: Buffer) => (log += text.toString()))
  child.stdout.resume()
  const closed = new Promise<{ code: number | null; signal: string | null; log: string }>(
    (resolve) => child.on('close', (code, signal) => resolve({ code, signal, log })),
  )
  return { child, closed, log: () => log }
}

/** Objects in the bucket directory, hidden files aside. */
function objectCount(bucketDir: string): number {
  const entries = readdirSync(bucketDir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('/.')).length
}

async function until(agent: Agent, fact: () => boolean): Promise<void> {
  for (let waited = 0; waited < 20_000; waited++) {
    if (fact()) return
    if (agent.child.exitCode !== null) throw new Error((await agent.closed).log)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error('never')
}

async function dataDir(): Promise<string> {
  const dir = await temporaryDir()
  for (const n of BLOCKS) await writeBlock(dir, n, { chunkFiles: 2, chunkFileSize: 5_000_000 })
  return dir
}

async function expectAllWhole(bucketDir: string, visible: readonly string[]): Promise<void> {
  const bucket = fileBucket(bucketDir)
  for (const ulid of visible) {
    const meta = await readJson(bucket, `${ulid}/meta.json`)
    const { files } = meta['thanos'] as { files: { rel_path: string; size_bytes?: number }[] }
    const sizes = await Promise.all(
      files.slice(0, 3).map(async (file) => (await bucket.head(`${ulid}/${file.rel_path}`)).size),
    )
    expect(sizes).toEqual([5_000_000, 5_000_000, 121])
  }
}

describe('an agent that is killed with -9', () => {
  it('again and again, ships every block once and whole', { timeout: 120_000 }, async () => {
    const { url } = await fakePrometheus()
    const tsdbPath = await dataDir()
    const bucketDir = await temporaryDir()
    // Objects 1…24 arrive in order; each kill comes at another point of a block.
    for (const goal of [1, 3, 6, 10, 11]) {
      const agent = startAgent(tsdbPath, bucketDir, url)
      await until(agent, () => objectCount(bucketDir) >= goal)
      agent.child.kill('SIGKILL')
      expect((await agent.closed).signal).toBe('SIGKILL')
      await expectAllWhole(bucketDir, await visibleBlocks(fileBucket(bucketDir)))
    }
    const agent = startAgent(tsdbPath, bucketDir, url, '--hash-func=SHA256')
    await until(agent, () => existsSync(join(bucketDir, blockId(6), 'meta.json')))
    agent.child.kill('SIGTERM')
    expect(await agent.closed).toMatchObject({ code: 0, signal: null })
    expect(await visibleBlocks(fileBucket(bucketDir))).toEqual(BLOCKS.map(blockId))
    await expectAllWhole(bucketDir, BLOCKS.map(blockId))
    expect(await readdir(join(tsdbPath, 'thanos', 'upload'))).toEqual([])
  })
})

describe('two agent processes on one directory', () => {
  it('ship every block whole and leave each other alone', { timeout: 60_000 }, async () => {
    const { url } = await fakePrometheus()
    const tsdbPath = await dataDir()
    const bucketDir = await temporaryDir()
    const agents = [0, 1].map(() => startAgent(tsdbPath, bucketDir, url))
    await until(agents[0]!, () => existsSync(join(bucketDir, blockId(6), 'meta.json')))
    for (const agent of agents) await until(agent, () => agent.log().includes('prometheus found'))
    for (const { child } of agents) child.kill('SIGTERM')
    for (const { closed } of agents) {
      const { code, log } = await closed
      expect(code).toBe(0)
      // The index of these blocks is not one a lookup can be made of, which is said and is all right.
      const wrong = log.split('\n').filter((line) => /level=(warn|error)/.test(line))
      expect(wrong.filter((line) => !line.includes('no lookup left'))).toEqual([])
    }
    expect(await visibleBlocks(fileBucket(bucketDir))).toEqual(BLOCKS.map(blockId))
    await expectAllWhole(bucketDir, BLOCKS.map(blockId))
  })
})

describe('the agent process', () => {
  it('makes one pass with --once, says what it did, and ends', async () => {
    const { url } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1)
    await writeBlock(tsdbPath, 2, { numSamples: 0 })
    const bucketDir = await temporaryDir()
    const child = startAgent(tsdbPath, bucketDir, url, '--once')
    let out = ''
    child.child.stdout!.on('data', (text: Buffer) => (out += text.toString()))
    expect((await child.closed).code).toBe(0)
    expect(out).toBe(`${blockId(1)} uploaded 185 bytes\n${blockId(2)} skipped empty\n`)
  })

  it('serves whom its configuration file lists, and reads it again on SIGHUP', async () => {
    const { url } = await fakePrometheus()
    const [a, b] = [await temporaryDir(), await temporaryDir()]
    await writeBlock(a, 1)
    await writeBlock(b, 2)
    const bucketDir = await temporaryDir()
    const file = join(await temporaryDir(), 'agent.yml')
    await writeFile(file, `prometheuses: [{name: a, tsdb.path: ${a}}]`)
    const agent = startAgent('/no/such', bucketDir, url, `--config.file=${file}`)
    await until(agent, () => existsSync(join(bucketDir, blockId(1), 'meta.json')))
    await writeFile(file, 'prometheuses: [')
    agent.child.kill('SIGHUP')
    await until(agent, () => agent.log().includes('configuration not changed'))
    await writeFile(file, `prometheuses: [{name: b, tsdb.path: ${b}}]`)
    agent.child.kill('SIGHUP')
    await until(agent, () => existsSync(join(bucketDir, blockId(2), 'meta.json')))
    agent.child.kill('SIGTERM')
    expect((await agent.closed).code).toBe(0)
  })

  it('ends with 1 and one line when something must be changed', async () => {
    const prometheus = await fakePrometheus()
    prometheus.answers['/api/v1/status/config'] = {
      status: 200,
      body: JSON.stringify({ status: 'success', data: { yaml: 'global: {}' } }),
    }
    const agent = startAgent(
      await temporaryDir(),
      await temporaryDir(),
      prometheus.url,
      '--log.level=error',
    )
    const { code, log } = await agent.closed
    expect(code).toBe(1)
    expect(log).toMatch(/^thaw: http:\/\/127\.0\.0\.1:\d+ has no external labels, set .*\n$/)
  })
})

import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collectKeys, collectPrefixes } from '#test/bucket/listing.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { ConflictError, isKind } from '#lib/model/errors.ts'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'

const directory = mkdtempSync(join(tmpdir(), 'thaw-file-bucket-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

bucketContract('fileBucket', () => fileBucket(directory))

describe('fileBucket', () => {
  let directory: string
  let bucket: Bucket

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'thaw-file-bucket-'))
    bucket = fileBucket(directory)
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('keeps objects as plain files by key', async () => {
    await bucket.put('01H/chunks/000001', bytes(1, 2))
    expect(readFileSync(join(directory, '01H/chunks/000001'))).toEqual(Buffer.from([1, 2]))
  })

  it('reads and lists files that others put there', async () => {
    mkdirSync(join(directory, 'block'))
    writeFileSync(join(directory, 'block/meta.json'), '{}')
    expect(await collectKeys(bucket, '')).toEqual(['block/meta.json'])
    expect(new TextDecoder().decode((await bucket.get('block/meta.json')).body)).toBe('{}')
  })

  it('notices a file that another program replaced', async () => {
    const { etag } = await bucket.put('a', bytes(1))
    writeFileSync(join(directory, 'new'), Buffer.from([2]))
    renameSync(join(directory, 'new'), join(directory, 'a'))
    expect((await bucket.getIfChanged('a', etag))?.body).toEqual(bytes(2))
    await expect(bucket.put('a', bytes(3), { ifMatch: etag })).rejects.toBeInstanceOf(ConflictError)
  })

  it.each([
    '../out',
    'a/../../out',
    '/etc/passwd',
    './a',
    'a//b',
    'a/',
    'a\0b',
    'a\\b',
    '.thaw-tmp/x',
    'x'.repeat(256),
  ])('refuses the key %j, which is no file of the directory', async (key) => {
    for (const promise of [
      bucket.put(key, bytes(1)),
      bucket.get(key),
      bucket.delete(key),
      bucket.head(key),
    ]) {
      expect(isKind(await promise.catch((e: unknown) => e), 'invalid')).toBe(true)
    }
    expect(await collectKeys(bucket, '')).toEqual([])
  })

  it('refuses an object below another object', async () => {
    await bucket.put('a', bytes(1))
    expect(isKind(await bucket.put('a/b', bytes(1)).catch((e: unknown) => e), 'unsupported')).toBe(
      true,
    )
    await bucket.put('c/d', bytes(1))
    expect(isKind(await bucket.put('c', bytes(1)).catch((e: unknown) => e), 'unsupported')).toBe(
      true,
    )
  })

  it('says so when the directory is not there, instead of an empty bucket', async () => {
    rmSync(directory, { recursive: true })
    const expected = `no bucket: directory ${directory} does not exist`
    await expect(collectKeys(bucket, '')).rejects.toThrow(expected)
    await expect(bucket.get('a')).rejects.toThrow(expected)
    await expect(bucket.head('a')).rejects.toThrow(expected)
    await expect(bucket.put('a', bytes(1))).rejects.toThrow(expected)
    expect(existsSync(directory)).toBe(false)
  })

  it('leaves no temporary file and no lock behind', async () => {
    await bucket.put('a', bytes(1))
    await bucket.put('a', bytes(2), { ifAbsent: true }).catch(() => undefined)
    await bucket.putStream('b', failing()).catch(() => undefined)
    await bucket.delete('a')
    expect(readdirSync(join(directory, '.thaw-tmp'))).toEqual([])
    expect(await collectKeys(bucket, '')).toEqual([])
  })

  it('removes directories that have become empty', async () => {
    await bucket.put('a/b/c', bytes(1))
    await bucket.put('a/d', bytes(1))
    await bucket.delete('a/b/c')
    expect(readdirSync(join(directory, 'a'))).toEqual(['d'])
    await bucket.delete('a/d')
    expect(readdirSync(directory)).toEqual(['.thaw-tmp'])
  })

  it('makes a directory again that another delete removes at the same moment', async () => {
    const comeAndGo = async (key: string): Promise<void> => {
      for (let round = 0; round < 100; round++) {
        await bucket.put(key, new Uint8Array(1))
        await bucket.delete(key)
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, i) => comeAndGo(`thaw/probe/${i}`)))
    expect(readdirSync(directory)).toEqual(['.thaw-tmp'])
  })

  it('does not list a directory without objects as a prefix', async () => {
    mkdirSync(join(directory, 'empty/inside'), { recursive: true })
    await bucket.put('full/a', bytes(1))
    expect(await collectPrefixes(bucket, '')).toEqual(['full/'])
  })

  it('cleans up after processes that died in the middle of a write', async () => {
    const hidden = join(directory, '.thaw-tmp')
    mkdirSync(hidden)
    const dead = spawnSync('true').pid
    writeFileSync(join(hidden, `${hostname()}.${dead}.0.tmp`), 'x')
    writeFileSync(join(hidden, `${hostname()}.${process.pid}.999.tmp`), 'x')
    writeFileSync(join(hidden, 'another-host.1.0.tmp'), 'x')
    writeFileSync(join(hidden, 'another-host.2.0.tmp'), 'x')
    utimesSync(join(hidden, 'another-host.1.0.tmp'), 1000, 1000)
    await bucket.put('a', bytes(1))
    expect(readdirSync(hidden).sort()).toEqual([
      'another-host.2.0.tmp',
      `${hostname()}.${process.pid}.999.tmp`,
    ])
  })

  it('takes over the lock of a process that died', async () => {
    await bucket.put('a', bytes(1))
    const hidden = join(directory, '.thaw-tmp')
    const dead = spawnSync('true').pid
    const name = `${createHash('sha256').update('a').digest('hex').slice(0, 32)}.lock`
    writeFileSync(join(hidden, name), `${hostname()} ${dead}`)
    await bucket.put('a', bytes(2))
    expect((await bucket.get('a')).body).toEqual(bytes(2))
    expect(readdirSync(hidden)).toEqual([])
  })

  it('waits for the lock of a process that lives, as long as its caller does', async () => {
    await bucket.put('a', bytes(1))
    const name = `${createHash('sha256').update('a').digest('hex').slice(0, 32)}.lock`
    writeFileSync(join(directory, '.thaw-tmp', name), `${hostname()} ${process.pid}`)
    const controller = new AbortController()
    const write = bucket.put('a', bytes(2), { signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    expect(isKind(await write.catch((e: unknown) => e), 'canceled')).toBe(true)
    expect((await bucket.get('a')).body).toEqual(bytes(1))
  })

  it('loses no increment of a counter that several processes raise', async () => {
    await bucket.put('counter', new TextEncoder().encode('0'))
    const exits = await Promise.all(
      Array.from({ length: 4 }, () => runChild(RAISE, directory, '25')),
    )
    expect(exits).toEqual(['', '', '', ''])
    expect(new TextDecoder().decode((await bucket.get('counter')).body)).toBe('100')
    expect(readdirSync(join(directory, '.thaw-tmp'))).toEqual([])
  }, 60_000)

  it('has locks that name their holder from the first moment, so that whoever is killed holds none for long', async () => {
    await bucket.put('counter', new TextEncoder().encode('0'))
    const name = `${createHash('sha256').update('counter').digest('hex').slice(0, 32)}.lock`
    const path = join(directory, '.thaw-tmp', name)
    const child = runChild(RAISE, directory, '500')
    const seen = new Set<string>()
    let output: string | undefined
    while (output === undefined) {
      for (let i = 0; i < 200; i++) {
        try {
          seen.add(readFileSync(path, 'utf8').replace(/\d+$/, 'N'))
        } catch {
          // It is free.
        }
      }
      output = await Promise.race([child, setImmediate(undefined)])
    }
    expect(output).toBe('')
    expect([...seen]).toEqual([`${hostname()} N`])
  }, 60_000)

  it('lets one of several processes create an object', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, i) => runChild(CREATE, directory, String(i))),
    )
    expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(5)
  }, 60_000)

  it('keeps the old object when a writer is killed in the middle', async () => {
    await bucket.put('a', bytes(1))
    await runChild(DIE, directory, '')
    expect((await fileBucket(directory).get('a')).body).toEqual(bytes(1))
    expect(await collectKeys(bucket, '')).toEqual(['a'])
  }, 60_000)
})

const RAISE = `
  for (let i = 0; i < Number(argument); ) {
    const { body, etag } = await bucket.get('counter')
    const next = String(Number(new TextDecoder().decode(body)) + 1)
    try { await bucket.put('counter', new TextEncoder().encode(next), { ifMatch: etag }); i++ }
    catch (error) { if (error.kind !== 'conflict') throw error }
  }`

const CREATE = `
  try { await bucket.put('created', new TextEncoder().encode(argument), { ifAbsent: true }); process.stdout.write('won') }
  catch (error) { process.stdout.write(error.kind) }`

const DIE = `
  await bucket.putStream('a', (async function* () { yield new Uint8Array(100000); process.kill(process.pid, 'SIGKILL'); yield new Uint8Array(1) })())`

/** What the child printed, both streams. */
async function runChild(script: string, directory: string, argument: string): Promise<string> {
  const path = fileURLToPath(new URL('../../lib/bucket/file-bucket.ts', import.meta.url))
  const program = `
    import { fileBucket } from ${JSON.stringify(path)}
    const [directory, argument] = process.argv.slice(-2)
    const bucket = fileBucket(directory)
    ${script}`
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '--eval', program, '--', directory, argument],
      (_, stdout, stderr) => resolve(stdout + stderr),
    )
  })
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield bytes(1)
  throw new Error('the source broke')
}

function bytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values)
}

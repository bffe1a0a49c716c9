/** What a client is told when the bucket is not what it should be: half an answer that says so, or an error. Never nothing. */
import { mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { tick } from '#localstack/rules.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { createBucket, type S3Server } from '#test/peer/s3-server.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { testId } from '#test/store/sample-block.ts'
import type { ApiAnswer, Ask } from './support/ask.ts'
import { storeWithoutRoles } from './support/cloud-bucket.ts'
import { type Assembly, startLocalCloud, synthesiseStack } from './support/local-cloud.ts'
import { DAY_START_MS, putReplica } from './support/replica-world.ts'
import { thawOver } from './support/thaw-app.ts'

/** The block from 08:00 to 10:00. */
const BROKEN = testId(4)
const HOUR = 3600
const START = DAY_START_MS / 1000
const QUERY = 'sum by (instance) (rate(requests_total[5m]))'
const RANGE = { query: QUERY, start: START + 600, end: START + 24 * HOUR - 60, step: 300 }

let root: string
let dir: string
let number = 0
let healthy: ApiAnswer

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-bad-'))
  healthy = await thawOver(await newBucket())('query_range', RANGE)
})
afterAll(async () => rm(root, { recursive: true, force: true }))
beforeEach(async () => void (await newBucket()))

/** A day of blocks in a directory of their own, `dir`. */
async function newBucket(): Promise<Bucket> {
  dir = join(root, String(number++))
  await mkdir(dir)
  const bucket = fileBucket(dir)
  await putReplica(bucket, 0, { externalLabels: { cluster: 'c' }, phaseMs: 4_317, missing: [] })
  await updateBucketIndex(bucket, { now: Date.now })
  return bucket
}

interface Series {
  readonly metric: { readonly instance: string }
  readonly values: readonly (readonly [number, string])[]
}

function stepsOf({ data }: ApiAnswer): number[] {
  const { result } = data as { result: readonly Series[] }
  return result[0]?.values.map(([t]) => t) ?? []
}

/** Without the steps that read from `BROKEN`. */
function outsideBroken({ data }: ApiAnswer): unknown {
  const { result } = data as { result: readonly Series[] }
  const from = START + 8 * HOUR
  return result.map(({ metric, values }) => ({
    metric,
    values: values.filter(([t]) => t < from || t > from + 2 * HOUR + 300),
  }))
}

async function flipBit(file: string, offset: number): Promise<void> {
  const bytes = await readFile(file)
  bytes[offset]! ^= 0x10
  await writeFile(file, bytes)
}

const damages: Record<string, (block: string) => Promise<void>> = {
  'no chunks': async (block) => rm(join(block, 'chunks/000001')),
  'chunks that end too early': async (block) => truncate(join(block, 'chunks/000001'), 3000),
  'chunks with a wrong bit': async (block) => {
    const { length } = await readFile(join(block, 'chunks/000001'))
    for (let i = 50; i < length; i += 40) await flipBit(join(block, 'chunks/000001'), i)
  },
  'no index': async (block) => rm(join(block, 'index')),
  'an index that ends too early': async (block) => truncate(join(block, 'index'), 1000),
  'an empty index': async (block) => truncate(join(block, 'index'), 0),
  'no files at all': async (block) => rm(block, { recursive: true }),
}

describe.each(Object.entries(damages))('a block with %s', (_, damage) => {
  it('is left out with a warning, and the rest is there', async () => {
    await damage(join(dir, BROKEN))
    const answer = await thawOver(fileBucket(dir))('query_range', RANGE)
    expect(answer).toMatchObject({ httpStatus: 200, status: 'success' })
    expect(answer.warnings).toEqual([expect.stringContaining(BROKEN)])
    expect(outsideBroken(answer)).toEqual(outsideBroken(healthy))
    expect(stepsOf(healthy)).toHaveLength(286)
    expect(stepsOf(answer).length).toBeLessThan(286)
  })

  it('is an error where half an answer is not wanted', async () => {
    await damage(join(dir, BROKEN))
    const answer = await thawOver(fileBucket(dir))('query_range', {
      ...RANGE,
      partial_response: 'false',
    })
    expect(answer).toMatchObject({
      status: 'error',
      error: expect.stringContaining(BROKEN) as string,
    })
    expect(answer.httpStatus).toBeGreaterThanOrEqual(500)
    expect(answer.data).toBeUndefined()
  })

  it('disturbs no query that does not reach it', async () => {
    await damage(join(dir, BROKEN))
    const late = { ...RANGE, start: START + 11 * HOUR, partial_response: 'false' }
    const answer = await thawOver(fileBucket(dir))('query_range', late)
    expect(answer).toMatchObject({ httpStatus: 200, status: 'success' })
    expect(answer.warnings).toBeUndefined()
  })
})

describe('an index with a wrong bit', () => {
  it('gives the whole answer or a warning that names the block, wherever the bit is', async () => {
    const file = join(dir, BROKEN, 'index')
    const intact = await readFile(file)
    const instant = { query: QUERY, time: START + 9 * HOUR }
    const want = await thawOver(fileBucket(dir))('query', instant)
    const outcomes = new Map<string, number>()
    for (let offset = 0; offset < intact.length; offset += 23) {
      await writeFile(file, intact)
      await flipBit(file, offset)
      await rm(join(dir, 'thaw/lookup'), { recursive: true, force: true })
      const answer = await thawOver(fileBucket(dir))('query', instant)
      const { status, data, warnings = [] } = answer
      let outcome = `bit ${offset}: ${JSON.stringify(answer).slice(0, 500)}`
      if (status === 'success' && warnings.join().includes(BROKEN)) outcome = 'warned'
      else if (status === 'success' && isDeepStrictEqual(data, want.data)) outcome = 'whole'
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect([...outcomes.keys()].sort()).toEqual(['warned', 'whole'])
    expect(Math.min(...outcomes.values())).toBeGreaterThan(10)
  })
})

describe('a lookup with a wrong bit', () => {
  it('is made again, and nobody notices', async () => {
    await thawOver(fileBucket(dir))('query_range', RANGE)
    const file = join(dir, 'thaw/lookup', BROKEN)
    const { length } = await readFile(file)
    for (let offset = 0; offset < length; offset += Math.ceil(length / 40)) {
      await flipBit(file, offset)
      const answer = await thawOver(fileBucket(dir))('query_range', RANGE)
      expect({ offset, answer }).toEqual({ offset, answer: healthy })
    }
  })
})

describe('a bucket that goes away', () => {
  const everywhere = { ...RANGE, partial_response: 'false' }
  const labels = { start: RANGE.start, end: RANGE.end }

  it('before a request is an error that names it', async () => {
    const ask = thawOver(fileBucket(dir))
    await ask('query_range', RANGE)
    await rm(dir, { recursive: true })
    for (const [path, params] of [
      ['query_range', RANGE],
      ['query_range', everywhere],
      ['labels', labels],
      ['label/instance/values', labels],
      ['series', { ...labels, 'match[]': 'up' }],
    ] as const) {
      const { status, error } = await ask(path, params)
      expect({ path, status, error }).toEqual({
        path,
        status: 'error',
        error: `no bucket: directory ${dir} does not exist`,
      })
    }
  })

  it('while its index is still known is a warning for each block, or an error', async () => {
    const ask = thawOver(fileBucket(dir), { indexAgeMs: 60_000 })
    await ask('query', { query: 'up', time: START + 30 })
    await rm(dir, { recursive: true })
    const half = await ask('query_range', RANGE)
    expect(half).toMatchObject({ status: 'success', data: { result: [] } })
    expect(half.warnings!.length).toBeGreaterThanOrEqual(10)
    expect(half.warnings!.every((warning) => /no bucket|more warning/.test(warning))).toBe(true)
    expect(await ask('query_range', everywhere)).toMatchObject({ status: 'error' })
  })

  it('in the middle of a request is half an answer that says so, or an error', async () => {
    const answers: ApiAnswer[] = []
    for (const partial of ['true', 'false']) {
      await newBucket()
      const there = dir
      const { bucket } = faultyBucket(fileBucket(dir), {
        on: ['getRange'],
        from: 8,
        times: 1,
        fault: { type: 'delay', until: () => rename(there, `${there}-gone`) },
      })
      answers.push(await thawOver(bucket)('query_range', { ...RANGE, partial_response: partial }))
    }
    const [half, none] = answers
    expect(half).toMatchObject({ httpStatus: 200, status: 'success' })
    expect(half!.warnings!.length).toBeGreaterThan(0)
    expect(stepsOf(half!).length).toBeLessThan(stepsOf(healthy).length)
    expect(none).toMatchObject({ httpStatus: 503, status: 'error' })
    expect(none!.error).toMatch(/^no bucket: directory .* does not exist$/)
  })
})

describe('a store that is overloaded', () => {
  it('is 503, so that the client tries again', async () => {
    const { bucket } = faultyBucket(fileBucket(dir), {
      fault: { type: 'fail', error: unavailableError() },
    })
    for (const partial of ['true', 'false']) {
      expect(
        await thawOver(bucket)('query_range', { ...RANGE, partial_response: partial }),
      ).toMatchObject({
        httpStatus: 503,
        errorType: 'unavailable',
      })
    }
  })

  it('for a moment only is tried again within the request', async () => {
    const { bucket } = faultyBucket(fileBucket(dir), {
      on: ['getRange'],
      key: `${BROKEN}/chunks/000001`,
      times: 1,
      fault: { type: 'fail', error: unavailableError() },
    })
    const answer = await thawOver(bucket)('query_range', { ...RANGE, partial_response: 'false' })
    expect(answer).toEqual(healthy)
  })

  it('and never answers ends at the deadline', async () => {
    const forever = (signal: AbortSignal | undefined): Promise<void> =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
    const { bucket } = faultyBucket(fileBucket(dir), {
      key: new RegExp(BROKEN),
      fault: { type: 'delay', until: forever },
    })
    const ask = thawOver(bucket, { deadlineMs: 300 })
    for (const partial of ['true', 'false']) {
      expect(await ask('query_range', { ...RANGE, partial_response: partial })).toMatchObject({
        httpStatus: 503,
        errorType: 'timeout',
      })
    }
  })
})

const minio = await findMinio()

describe('over S3, through the deployed functions', () => {
  let server: S3Server
  let assembly: Assembly
  let good: Record<string, unknown>

  beforeAll(async () => {
    if (isMissing(minio)) return
    server = await startMinio(minio, { region: 'eu-west-1' })
    assembly = await synthesiseStack()
    const { bucket, endpoint, accessKey, secretKey, region } = await createBucket(server, 'metrics')
    good = {
      bucket,
      endpoint,
      access_key: accessKey,
      secret_key: secretKey,
      region,
      insecure: true,
    }
    const yaml = JSON.stringify({ type: 'S3', config: good })
    const opened = await openBucket(parseObjstoreConfig(yaml, {}))
    await putReplica(opened, 0, { externalLabels: { cluster: 'c' }, phaseMs: 4_317, missing: [] })
  })
  afterAll(async () => {
    await server?.stop()
    await assembly?.remove()
  })

  it.for([
    ['a wrong secret', { secret_key: 'wrong-secret' }, /secret_key/],
    ['an unknown access key', { access_key: 'nobody' }, /access_key/],
    ['a bucket that is not there', { bucket: 'nowhere' }, /nowhere/],
    ['an endpoint where nobody listens', { endpoint: '127.0.0.1:1' }, /127\.0\.0\.1:1/],
    ['a wrong region', { region: 'us-east-1' }, /write region: eu-west-1 into/],
    ['a key with the end of its line', { access_key: 'AKIAKEY\n' }, /write access_key .* anew/],
  ] as const)(
    '%s is an error in JSON that says what to look at',
    async ([, change, message], context) => {
      needPeer(context, minio)
      const objstore = JSON.stringify({ type: 'S3', config: { ...good, ...change } })
      const bucket = storeWithoutRoles('bad-bucket.test.ts', objstore)
      const local = await startLocalCloud({ assembly, bucket, sliceBytes: 500 })
      try {
        for (const [path, params] of [
          ['query', { query: 'up', time: START + HOUR }],
          ['query_range', RANGE],
          ['labels', {}],
        ] as const) {
          const answer = await local.ask(path, params)
          expect(answer).toMatchObject({
            status: 'error',
            error: expect.stringMatching(message) as string,
          })
          expect(answer.httpStatus).toBeGreaterThanOrEqual(500)
        }
        // The log of a function has the same sentence, and no stack.
        for (const woken of [() => local.plan(), () => tick(local.cloud)]) {
          await expect(woken()).rejects.toThrow(message)
        }
        const logged = local.log.filter((line) => /\[thaw-(plan|rule)\].*errorMessage/.test(line))
        expect(logged).toHaveLength(2)
        for (const line of logged) {
          expect(line).toMatch(message)
          expect(line).toMatch(/"kind":"(unauthorized|misconfigured|not-found|unavailable)"/)
          expect(line).not.toContain('    at ')
        }
      } finally {
        await local.stop()
      }
    },
  )

  it('answers with the right settings, so the errors above are theirs', async (context) => {
    needPeer(context, minio)
    const objstore = JSON.stringify({ type: 'S3', config: good })
    const bucket = storeWithoutRoles('bad-bucket.test.ts', objstore)
    const local = await startLocalCloud({ assembly, bucket, sliceBytes: 500 })
    const ask: Ask = local.ask
    try {
      expect(await ask('query_range', RANGE)).toEqual(healthy)
    } finally {
      await local.stop()
    }
  })
})

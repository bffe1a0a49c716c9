/** What happens to queries at the limits of Lambda and of the gateway, with the deployed functions: docs/limits.md is the table of it. */
import { request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { MAX_LAMBDA_BODY_BYTES } from '#lib/lambda/http.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { startCloudBucket, storeWithoutRoles } from './support/cloud-bucket.ts'
import type { LocalCloud } from './support/local-cloud.ts'
import { judgeAnswer } from './support/judge-answer.ts'
import {
  limitsWorld,
  type LimitsWorld,
  newQuestion,
  type Params,
  QUERY,
  rightAnswer,
  samplesOf,
  SLICES,
  STORE,
  urlOf,
} from './support/limits-world.ts'

const MIB = 1024 * 1024
const HOUR = 3_600_000

let world: LimitsWorld
let usual: LocalCloud

beforeAll(async () => {
  world = await limitsWorld()
  usual = await world.cloud()
})

afterAll(async () => {
  await world.remove()
})

beforeEach(() => world.trouble.clear())

function statsOf({ cloud }: LocalCloud, name: string) {
  return { ...cloud.stats()[name]! }
}

/** Asks what was never asked, and holds that the answer is the right one. */
async function expectRight(local: LocalCloud, more: Params = {}): Promise<void> {
  const question = newQuestion()
  const { data, status, warnings } = await local.ask('query_range', { ...question, ...more })
  expect({ status, warnings }).toEqual({ status: 'success', warnings: undefined })
  expect(data).toEqual((await rightAnswer(world, question)).data)
}

async function gatewayAnswer(local: LocalCloud, question: Params) {
  const response = await fetch(urlOf(local, question))
  return { status: response.status, text: await response.text() }
}

describe('a function of a slice', () => {
  it('that runs out of memory is run again, and nobody sees it', async () => {
    const before = statsOf(usual, STORE)
    await world.trouble.make(STORE, 'memory', 2)
    await expectRight(usual)
    const after = statsOf(usual, STORE)
    expect(await world.trouble.left()).toEqual([])
    expect(after.failures - before.failures).toBe(2)
    expect(after.invokes - before.invokes).toBe(SLICES + 2)
  })

  it('that is gone in the middle of its answer is run again', async () => {
    const before = statsOf(usual, STORE)
    await world.trouble.make(STORE, 'exit', 2)
    await expectRight(usual)
    expect(statsOf(usual, STORE).failures - before.failures).toBe(2)
  })

  it('that does not get ready is run again', async () => {
    const local = await world.cloud()
    await world.trouble.make(STORE, 'init')
    await expectRight(local)
    expect(await world.trouble.left()).toEqual([])
  })

  it('that is lost each time is a warning, or the error, with what to do', async () => {
    await world.trouble.make(STORE, 'exit', 200)
    const why = /thaw-store ran out of memory or was killed .*storeMemoryMb/
    const question = newQuestion()
    const half = await usual.ask('query_range', question)
    expect({ status: half.status, samples: samplesOf(half) }).toEqual({
      status: 'success',
      samples: [],
    })
    expect(half.warnings).toHaveLength(SLICES)
    for (const warning of half.warnings!) {
      expect(warning).toMatch(/^no data from 2026-03-1\dT.* to 2026-03-1\dT/)
      expect(warning).toMatch(why)
    }
    const none = await usual.ask('query_range', { ...newQuestion(), partial_response: 'false' })
    expect(none).toMatchObject({ httpStatus: 503, status: 'error', errorType: 'unavailable' })
    expect(none.error).toMatch(why)
    await world.trouble.clear()
    await expectRight(usual)
  })

  it('whose answer is too large for a function puts it into the bucket', async () => {
    const cloudBucket = await startCloudBucket()
    const { bucket } = cloudBucket
    try {
      const start = Math.floor(Date.now() / HOUR - 6) * HOUR
      await putBlock(bucket, {
        id: testId(1),
        minTimeMs: start,
        maxTimeMs: start + 4 * HOUR,
        externalLabels: { cluster: 'c' },
        series: Array.from({ length: 150 }, (_, i) => ({
          labels: labels({ __name__: 'big', i: String(i) }),
          samples: every(15_000, start, start + 4 * HOUR, (t) => t % 7),
        })),
      })
      await updateBucketIndex(bucket, { now: Date.now })
      const local = await world.cloud({
        bucket: cloudBucket,
        sliceBytes: 1000,
        environment: { THAW_MAX_SLICES: '2' },
      })
      const first = start / 1000 + 300
      const range = { start: first, end: first + 10_999, step: 1 }
      const answer = await local.ask('query_range', { query: 'big * 0 + 1', ...range })
      expect(answer.warnings).toBeUndefined()
      expect(samplesOf(answer).length).toBe(150 * 11_000)
      expect(new Set(samplesOf(answer).map((line) => line.split(' ')[2]))).toEqual(new Set(['1']))
      const spilled: string[] = []
      for await (const { objects } of bucket.list('thaw/spill/')) {
        spilled.push(...objects.map(({ key }) => key))
      }
      expect(spilled).toHaveLength(2)
      expect(local.storeInvokes()).toBe(2)
      await local.stop()
    } finally {
      await cloudBucket.stop()
    }
  })
})

describe('the function that answers', () => {
  it.each(['memory', 'exit', 'init'] as const)(
    'that is lost (%s) is an error of the gateway, and the next request is answered',
    async (kind) => {
      const local = kind === 'init' ? await world.cloud() : usual
      await world.trouble.make(QUERY, kind)
      expect(await gatewayAnswer(local, newQuestion())).toEqual({
        status: 500,
        text: '{"message":"Internal Server Error"}',
      })
      await expectRight(local)
    },
  )
})

describe('the deadline', () => {
  const TIMED_OUT = {
    httpStatus: 503,
    status: 'error',
    errorType: 'timeout',
    error: 'query timed out in expression evaluation',
  }

  it("is Prometheus's error where functions of slices hang, and they keep nothing up", async () => {
    const local = await world.cloud({ environment: { THAW_QUERY_DEADLINE_MS: '12000' } })
    await expectRight(local)
    await world.trouble.make(STORE, 'hang', 3)
    expect(await local.ask('query_range', newQuestion())).toEqual(TIMED_OUT)
    expect(await world.trouble.left()).toEqual([])
    await expectRight(local)
  })

  it('is that too where the bucket does not answer', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const objstore = `{type: S3, config: {bucket: b, endpoint: "127.0.0.1:${port}", insecure: true, access_key: a, secret_key: b}}`
    const local = await world.cloud({
      bucket: storeWithoutRoles('limits.test.ts, the deadline', objstore),
      environment: { THAW_QUERY_DEADLINE_MS: '1500' },
    })
    expect(await local.ask('query_range', newQuestion())).toEqual(TIMED_OUT)
    expect(await local.ask('labels')).toMatchObject({ httpStatus: 503, errorType: 'timeout' })
    await local.stop()
    silent.close()
  })
})

describe('a request', () => {
  const post = async (path: string, bytes: number): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${usual.cloud.httpUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `query=${'x'.repeat(bytes)}`,
    })
    return { status: response.status, text: await response.text() }
  }

  it.each(['/api/v1/query', '/api/v1/read'])(
    'that is too large for gateway or function is refused with 413: %s',
    async (path) => {
      for (const megabytes of [5, 11]) {
        expect(await post(path, megabytes * MIB)).toEqual({
          status: 413,
          text: '{"message":"Request Entity Too Large"}',
        })
      }
      // And what fits is answered by us, in whatever way.
      const fits = await post(path, 4 * MIB)
      expect([200, 400]).toContain(fits.status)
      expect(fits.text).not.toContain('"message"')
    },
  )

  it('whose client is gone is answered for nobody, and the next one is served', async () => {
    const { invokes } = statsOf(usual, QUERY)
    const gone = request(urlOf(usual, newQuestion()))
    gone.on('error', () => {})
    gone.end()
    const slices = usual.storeInvokes()
    const patience = { interval: 1, timeout: 20_000 }
    await expect.poll(() => usual.storeInvokes(), patience).toBeGreaterThan(slices)
    gone.destroy()
    await expectRight(usual)
    await expect.poll(() => statsOf(usual, QUERY).invokes, { timeout: 20_000 }).toBe(invokes + 2)
  })
})

describe('an answer', () => {
  it('that is too large for the gateway is refused with the limit, and what to do', async () => {
    const { cloud } = usual
    const query = Array.from(
      { length: 40 },
      (_, i) => `label_replace(vector(1), "a", "${i}", "", "")`,
    ).join(' or ')
    const response = await fetch(
      `${cloud.httpUrl}/api/v1/query_range?query=${encodeURIComponent(query)}&start=0&end=10999&step=1`,
      { headers: { 'accept-encoding': 'identity' } },
    )
    expect(response.status).toBe(422)
    const { errorType, error } = (await response.json()) as { errorType: string; error: string }
    expect(errorType).toBe('execution')
    expect(error).toContain(
      `does not fit the ${MAX_LAMBDA_BODY_BYTES} bytes of the gateway; accept gzip, or ask for fewer series, a larger step or a shorter range`,
    )
  })
})

describe('an account that runs few functions at a time', () => {
  it.each([
    { concurrency: 10, isThrottled: false, asksOthers: true },
    { concurrency: 2, isThrottled: true, asksOthers: true },
    { concurrency: 1, isThrottled: true, asksOthers: false },
  ])(
    'with room for $concurrency answers right, more slowly',
    async ({ concurrency, isThrottled, asksOthers }) => {
      const local = await world.cloud({ concurrency })
      await expectRight(local)
      await expectRight(local)
      const { throttles, invokes, failures } = statsOf(local, STORE)
      expect({ isThrottled: throttles > 0, asksOthers: invokes > 0, failures }).toEqual({
        isThrottled,
        asksOthers,
        failures: 0,
      })
    },
  )

  it('answers several at once right, or says that it is busy', async () => {
    const local = await world.cloud({ concurrency: 4 })
    const judged = await Promise.all(Array.from({ length: 6 }, () => judgeAnswer(world, local)))
    const verdicts = new Set(judged.map(({ verdict }) => verdict))
    expect(verdicts).toContain('right')
    expect([...verdicts].filter((one) => one !== 'right' && one !== 'refused')).toEqual([])
  })

  it('with no room says so', async () => {
    const local = await world.cloud({ concurrency: 0 })
    expect(await gatewayAnswer(local, newQuestion())).toEqual({
      status: 503,
      text: '{"message":"Service Unavailable"}',
    })
  })
})

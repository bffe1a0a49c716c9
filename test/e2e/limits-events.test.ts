/** Messages and events that are wrong, come twice or at the wrong time, and the functions that take them: docs/limits.md is the table of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { BufferedResult } from '#localstack/cloud/invoker.ts'
import { compactAll } from '#localstack/compaction.ts'
import type { ApiAnswer } from './support/ask.ts'
import type { LocalCloud } from './support/local-cloud.ts'
import {
  COMPACT,
  limitsWorld,
  type LimitsWorld,
  newQuestion,
  rightAnswer,
} from './support/limits-world.ts'

const FLAGS = '--consistency-delay=0s --delete-delay=0s'
const [JOBS, DEAD] = ['thaw-jobs', 'thaw-dead-jobs']
const NOWHERE = '01ARZ3NDEKTSV4RRFFQ69G5FAV'

let world: LimitsWorld
let local: LocalCloud
let aheadMs = 0

beforeAll(async () => {
  world = await limitsWorld()
  local = await world.cloud({
    compactFlags: FLAGS,
    sliceBytes: 1e6,
    now: () => Date.now() + aheadMs,
  })
})

afterAll(async () => {
  await world.remove()
})

beforeEach(() => world.trouble.clear())

/** Everything in the bucket but kept answers, lookups, and what planning and leases leave. */
async function keys(): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of world.cloudBucket.bucket.list('')) {
    found.push(...objects.map(({ key }) => key))
  }
  return found.filter((key) => !/^thaw\/(results|lookup|backlog|bucket-index|probe)/.test(key))
}

/** A quarter of an hour later: whoever did not delete its message has it back, and leases of functions that were killed are over. */
async function later(): Promise<void> {
  const bucket = world.cloudBucket.bucket
  for await (const { objects } of bucket.list('thaw/lease/')) {
    for (const { key } of objects) await bucket.delete(key)
  }
  aheadMs += 961_000
  // A message more makes the queue look at its clock.
  local.cloud.queue(JOBS).send(JSON.stringify({ type: 'delete', ids: [NOWHERE] }))
}

/** Lets time pass whenever all that run have ended. */
async function untilDone(handled: () => boolean): Promise<void> {
  const stats = () => local.cloud.stats()[COMPACT]!
  for (let before = -1; !handled(); before = stats().invokes) {
    if (before === stats().invokes && stats().running === 0) await later()
    await sleep(1500)
  }
}

async function expectRight(): Promise<void> {
  const question = newQuestion()
  const ask = (dedup: string): Promise<ApiAnswer> =>
    local.ask('query_range', { ...question, dedup })
  const { data, warnings } = await ask('true')
  expect(warnings).toBeUndefined()
  expect(data).toEqual((await rightAnswer(world, question)).data)
}

describe('a message of the queue', () => {
  const GARBAGE = [
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"type":"dance"}',
    '{"type":"compact"}',
    '{"type":"compact","inputs":["../../etc/passwd"]}',
    '{"type":"delete","ids":[]}',
    '{"type":"delete-objects","keys":["01ARZ3NDEKTSV4RRFFQ69G5FAV/meta.json"]}',
    '{"type":"part","ulid":"x","part":-1}',
    '{"type":"merge-packs","packs":["thaw/fresh/none"],"startMs":0,"endMs":7200000}',
    '{"type":"downsample","input":7,"resolutionMs":"x"}',
    `{"type":"compact","inputs":["${'x'.repeat(900_000)}"]}`,
  ]

  it('that is no job comes three times and is put aside, and changes nothing', async () => {
    const before = await keys()
    for (const body of GARBAGE) local.cloud.queue(JOBS).send(body)
    const dead = local.cloud.queue(DEAD)
    await untilDone(() => dead.size === GARBAGE.length)
    expect(dead.bodies().toSorted()).toEqual(GARBAGE.toSorted())
    await untilDone(() => local.cloud.queue(JOBS).size === 0)
    expect(await keys()).toEqual(before)
    // Why is told in words, and no more of it than fits a line.
    const why = local.log.filter(
      (line) => line.includes('ERROR') && line.includes('[thaw-compact]'),
    )
    expect(why.some((line) => line.includes('job is no JSON'))).toBe(true)
    expect(why.some((line) => line.includes('no job of type \\"dance\\"'))).toBe(true)
    expect(Math.max(...why.map(({ length }) => length))).toBeLessThan(10_000)
  })

  it('about blocks that are not there is done with at once', async () => {
    const before = await keys()
    const jobs = [
      { type: 'compact', inputs: [NOWHERE, NOWHERE.replace('V', 'W')] },
      { type: 'cut', inputs: [NOWHERE], parts: 2 },
      { type: 'part', ulid: NOWHERE, part: 3 },
      { type: 'finish', ulid: NOWHERE },
      { type: 'downsample', input: NOWHERE, resolutionMs: 300_000 },
      { type: 'mark', ids: [NOWHERE], reason: 'none' },
      { type: 'delete', ids: [NOWHERE] },
      { type: 'delete-objects', keys: ['thaw/compact/none'] },
      { type: 'delete', ids: Array.from({ length: 30_000 }, () => NOWHERE) },
    ]
    const { failures } = local.cloud.stats()[COMPACT]!
    const dead = local.cloud.queue(DEAD).size
    for (const job of jobs) local.cloud.queue(JOBS).send(JSON.stringify(job))
    await expect.poll(() => local.cloud.queue(JOBS).size, { timeout: 60_000 }).toBe(0)
    expect(local.cloud.stats()[COMPACT]!.failures).toBe(failures)
    expect(local.cloud.queue(DEAD).size).toBe(dead)
    expect(await keys()).toEqual(before)
  })
})

describe('events', () => {
  it('of a block that arrived, twice, at once and long ago, leave one true index', async () => {
    const quiet = await world.cloud()
    const blocks = await quiet.plan()
    const names = (await keys()).filter((key) => key.endsWith('/meta.json'))
    const replayed = [...names, ...names, 'nothing/meta.json', `${NOWHERE}/meta.json`]
    for (const name of replayed) quiet.cloud.objectCreated(name, 500)
    const ticks = await Promise.all(
      Array.from({ length: 5 }, () => quiet.cloud.runSchedule('thaw-plan')),
    )
    for (const [result] of ticks as [BufferedResult][]) {
      expect(result.failure).toBeUndefined()
      expect(JSON.parse(result.payload.toString())).toMatchObject({ blocks })
    }
    const planned = () => quiet.cloud.stats()['thaw-plan']!
    await expect.poll(() => planned().invokes, { timeout: 60_000 }).toBe(1 + replayed.length + 5)
    expect(planned().failures).toBe(0)
    expect((await indexedBlocks()).length).toBe(blocks)
  })

  it('that come twice make each job once; a message that comes again while it is done does no harm', async () => {
    const queue = local.cloud.queue(JOBS)
    await Promise.all(Array.from({ length: 3 }, () => local.cloud.runSchedule('thaw-plan')))
    const sent = queue.bodies()
    expect(new Set(sent).size).toBe(sent.length)
    for (const body of sent) queue.send(body)
    const { left } = await compactAll({ cloud: local.cloud, signal: AbortSignal.timeout(120_000) })
    expect(left).toBe(0)
    // Whoever came second found the job under way, or done.
    const outcomes = local.log.filter((line) => /"status":"(held|skipped)"/.test(line))
    expect(outcomes.length).toBeGreaterThanOrEqual(sent.length)
    await expectRight()
    const ids = await indexedBlocks()
    expect(new Set(ids).size).toBe(ids.length)
    expect((await keys()).filter((key) => key.startsWith('thaw/lease/'))).toEqual([])
  })

  it('of a queue whose function runs out of memory come again, and are put aside after three times', async () => {
    const before = await keys()
    const inputs = (await indexedBlocks()).slice(0, 2)
    const body = JSON.stringify({ type: 'compact', inputs })
    await world.trouble.make(COMPACT, 'memory', 30)
    local.cloud.queue(JOBS).send(body)
    const dead = local.cloud.queue(DEAD)
    await untilDone(() => dead.bodies().includes(body))
    await world.trouble.clear()
    await later()
    // A block that is not whole has no meta.json: nobody sees it.
    const metas = (all: string[]) => all.filter((key) => key.endsWith('/meta.json'))
    expect(metas(await keys())).toEqual(metas(before))
    await expectRight()
    local.cloud.queue(JOBS).send(body)
    await untilDone(() => local.cloud.queue(JOBS).size === 0)
    expect(metas(await keys())).toHaveLength(metas(before).length + 1)
    await local.plan()
    await expectRight()
  })

  it('of schedules and queues wait where no function is free', async () => {
    const narrow = await world.cloud({ concurrency: 1, compactFlags: FLAGS })
    const work = [
      ...Array.from({ length: 3 }, () => narrow.cloud.runSchedule('thaw-rule')),
      ...Array.from({ length: 3 }, () => narrow.cloud.runSchedule('thaw-plan')),
    ]
    narrow.cloud.queue(JOBS).send(JSON.stringify({ type: 'delete', ids: [NOWHERE] }))
    const results = (await Promise.all(work)).flat()
    expect(results.filter(({ failure }) => failure !== undefined)).toEqual([])
    await expect.poll(() => narrow.cloud.queue(JOBS).size, { timeout: 60_000 }).toBe(0)
    expect(narrow.cloud.queue(DEAD).size).toBe(0)
    const stats = Object.values(narrow.cloud.stats())
    expect(stats.reduce((sum, { throttles }) => sum + throttles, 0)).toBeGreaterThan(0)
  })
})

/** Ids of the blocks that queries see. */
async function indexedBlocks(): Promise<string[]> {
  const index = new BucketIndexReader(world.cloudBucket.bucket, { now: Date.now, maxAgeMs: 0 })
  return (await index.blocks(0, Date.now())).map(({ id }) => id).toSorted()
}

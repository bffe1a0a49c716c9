import { beforeEach, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Job } from '#lib/compact/jobs/job.ts'
import { type JobOutcome, runJob } from '#lib/compact/jobs/run-job.ts'
import { columns, labels, putBlock, testId } from '#test/store/sample-block.ts'

const INPUTS = [testId(1), testId(2)]
const CUT: Job = { type: 'cut', inputs: INPUTS, parts: 2 }

let bucket: Bucket
let made: number

beforeEach(async () => {
  bucket = memoryBucket()
  made = 500
  for (const [i, id] of INPUTS.entries()) {
    const series = Array.from({ length: 10 }, (_, at) => ({
      labels: labels({ __name__: 'up', instance: `host-${at}` }),
      samples: columns([[i * 1000 + at, Math.sin(at)]]),
    }))
    await putBlock(bucket, { id, minTimeMs: i * 1000, maxTimeMs: (i + 1) * 1000, series })
  }
})

function run(job: Job): Promise<JobOutcome> {
  return runJob(job, {
    bucket,
    now: () => 0,
    newUlid: () => testId(++made),
    owner: 'worker',
    deleteDelayMs: 1000,
  })
}

async function keys(prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of bucket.list(prefix)) found.push(...objects.map(({ key }) => key))
  return found
}

it('cuts, makes the parts in any order, and puts them together', async () => {
  const cut = await run(CUT)
  const ulid = testId(501)
  expect(cut).toEqual({ status: 'done', report: `2 blocks are to become ${ulid} in 2 parts` })
  const reports: string[] = []
  for (const job of [
    { type: 'part', ulid, part: 1 },
    { type: 'finish', ulid },
    { type: 'part', ulid, part: 0 },
    { type: 'part', ulid, part: 0 },
  ] as const) {
    reports.push((await run(job)).report)
  }
  expect(reports).toEqual([
    `part 2 of ${ulid} has 5 series`,
    `block ${ulid} waits for its parts 1`,
    `part 1 of ${ulid} has 5 series`,
    `part 1 of ${ulid} has 5 series`,
  ])
  expect(await run({ type: 'finish', ulid })).toMatchObject({
    status: 'done',
    marked: INPUTS,
    made: { ulid, stats: { numSeries: 10, numSamples: 20 }, compaction: { sources: INPUTS } },
  })
  expect(await keys('thaw/')).toEqual([`thaw/lookup/${ulid}`])
  const { blocks, partial } = await scanBlocks(bucket, new Map())
  expect([blocks.map(({ id }) => id), partial]).toEqual([[...INPUTS, ulid], []])
})

it('does not cut what is being made already, nor what is gone', async () => {
  await run(CUT)
  const report = `block ${testId(501)} is being made of them`
  expect(await run({ ...CUT, parts: 5 })).toEqual({ status: 'skipped', report })
  await bucket.delete(`${testId(2)}/meta.json`)
  expect((await run(CUT)).status).toBe('skipped')
  expect(await keys('thaw/compact/')).toEqual(
    ['cut.json', 'head'].map((file) => `thaw/compact/${testId(501)}/${file}`),
  )
})

it('sets an input aside that a part finds broken', async () => {
  await run(CUT)
  const key = `${testId(2)}/chunks/000001`
  const { body } = await bucket.get(key)
  await bucket.put(
    key,
    body.map((byte, i) => (i === body.length - 20 ? byte ^ 1 : byte)),
  )
  expect(await run({ type: 'part', ulid: testId(501), part: 1 })).toMatchObject({
    status: 'set-aside',
    block: testId(2),
  })
  expect(await keys(`${testId(2)}/no-compact`)).toHaveLength(1)
})

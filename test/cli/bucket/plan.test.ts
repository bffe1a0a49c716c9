/** `thaw bucket plan` and `thaw bucket explain` over a directory. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { claimDue } from '#lib/compact/plan/backlog.ts'
import { putMark } from '#lib/compact/jobs/marks.ts'
import { planJobs } from '#lib/compact/plan/plan-jobs.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { readPlanInput } from '#lib/compact/read-plan-input.ts'
import { testId } from '#test/store/sample-block.ts'
import { NOW, thaw } from '../cli-fixture.ts'
import { makeOperationsWorld } from './operations-world.ts'

let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-plan-'))
  await makeOperationsWorld(dir)
})

const bucketAt = () => fileBucket(join(dir, 'bucket'))

const run = (...words: string[]) =>
  thaw([
    'bucket',
    ...words,
    `--objstore.config={type: FILESYSTEM, config: {directory: ${join(dir, 'bucket')}}}`,
  ])

/** What the functions would have done an hour before. */
async function planBefore(): Promise<void> {
  const nowMs = NOW - 3_600_000
  const options = { settings: DEFAULT_COMPACT_SETTINGS, now: () => nowMs }
  await updateBucketIndex(bucketAt(), options)
  const plan = planJobs(await readPlanInput(bucketAt(), options))
  await claimDue(bucketAt(), plan, { nowMs, resendMs: 1, leased: new Set() })
}

async function keys(): Promise<string[]> {
  const all: string[] = []
  for await (const { objects } of bucketAt().list('')) all.push(...objects.map(({ key }) => key))
  return all
}

describe('thaw bucket plan', () => {
  it('says what there is to do, in its order, and writes nothing', async () => {
    const before = await keys()
    const { code, out, err } = await run('plan', '--retention.resolution-raw=60d')
    expect([code, err]).toEqual([0, ''])
    const lines = out.trimEnd().split('\n')
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'JOB',
      'mark',
      'delete',
      'delete',
      'compact',
      'downsample',
      '',
      '5',
    ])
    expect(lines[4]).toMatch(/^compact +4 +2\.0 KiB +2s +4 blocks to be merged into one of 8h/)
    expect(lines.at(-1)).toBe('5 jobs, about 7s of work, the longest 2s')
    expect(await keys()).toEqual(before)
  })

  it("warns of a compactor of Thanos's, and so does compact", async () => {
    const details = 'source of compacted block'
    await putMark(bucketAt(), testId(10), 'deletion-mark.json', { nowMs: NOW - 60_000, details })
    const warning = `warning: a compactor of Thanos's works on this bucket: it marked 1 block for deletion, the last 1m ago; together they are safe, but do work twice, and the shorter retention of both holds: stop one of them\n`
    expect(await run('plan')).toMatchObject({ code: 0, err: warning })
    expect(await run('compact', '--dry-run')).toMatchObject({ code: 0, err: warning })
    expect(await run('compact')).toMatchObject({ code: 0, err: warning })
  })

  it('says how long a job waits that the functions have planned', async () => {
    await planBefore()
    const { out } = await run('plan')
    expect(out).toMatch(/^compact +4 +2\.0 KiB +2s +1h +4 blocks/m)
  })

  it('says of each block why it is or is not planned', async () => {
    const { out } = await run('plan', '--blocks')
    expect(out).toContain(`${testId(31)}  no meta.json: to be deleted\n`)
    expect(out).toContain(`${testId(21)}  no other block fills a window with it yet; spans 2 h`)
  })

  it('has JSON for programs', async () => {
    const { out } = await run('plan', '-o', 'json')
    const status = JSON.parse(out) as { blocks: unknown[]; jobs: unknown[] }
    expect(status).toMatchObject({ pending: { jobs: 4 }, jobs: [{ type: 'delete' }, {}, {}, {}] })
    expect(status.blocks).toHaveLength(8)
  })

  it('says so where there is nothing to do', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'thaw-empty-'))
    const config = `--objstore.config={type: FILESYSTEM, config: {directory: ${empty}}}`
    expect(await thaw(['bucket', 'plan', config])).toEqual({
      code: 0,
      out: 'nothing to do for 0 blocks\n',
      err: '',
    })
  })

  it('refuses what the functions refuse', async () => {
    const { code, out, err } = await run('plan', '--retention.resolution-raw=1h')
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^thaw: --retention.resolution-raw of 1h: blocks would be deleted before/)
  })
})

describe('thaw bucket explain', () => {
  it('says of a block what it is, why, and how its job stands', async () => {
    await planBefore()
    const { out } = await run('explain', `--id=${testId(10)}`)
    expect(out.split('\n')).toEqual([
      testId(10),
      '  raw, level 1, 2h from 2026-01-30 00:00, 536 B, cluster=eu',
      '  4 blocks to be merged into one of 8h from 2026-01-30 00:00',
      '  job: compact, takes about 2s, first planned 1h ago, put into the queue 1h ago',
      '',
    ])
  })

  it('has JSON, and more blocks than one', async () => {
    const { out } = await run('explain', '-o', 'json', `--id=${testId(21)},${testId(31)}`)
    expect(JSON.parse(out)).toMatchObject([
      { ulid: testId(21), block: { labels: { cluster: 'eu' } } },
      { ulid: testId(31), reason: 'no meta.json: to be deleted', job: { job: { type: 'delete' } } },
    ])
  })

  it('knows no other blocks', async () => {
    const gone = await run('explain', `--id=${testId(99)}`)
    expect([gone.code, gone.err]).toEqual([1, `thaw: no block ${testId(99)} in the bucket\n`])
    expect((await run('explain')).err).toBe('thaw: name a block with --id\n')
    expect((await run('explain', '--id=x')).err).toMatch('"x" is no block id')
  })
})

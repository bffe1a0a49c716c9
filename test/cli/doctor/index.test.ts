/** A bucket index that is not what the bucket has, and jobs that nobody plans or does. */
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from 'vitest'
import { claimDue } from '#lib/compact/plan/backlog.ts'
import { putMark } from '#lib/compact/jobs/marks.ts'
import type { PlannedJob } from '#lib/compact/plan/plan-jobs.ts'
import { markKey } from '#lib/fresh/pack-marks.ts'
import { type Ailment, index, itFinds } from './ailment.ts'
import { blockId, HOUR, putBacklog, putSamplesBlock } from './installation.ts'

const JOB: PlannedJob = {
  key: 'j',
  job: { type: 'delete', ids: [blockId(0, 1)] },
  reason: 'marked for deletion longer than 2d ago',
  inputBytes: 0,
  estimateSeconds: 1,
}

const AILMENTS: readonly Ailment[] = [
  {
    name: 'a block that is kept from compaction',
    ail: async (all) => {
      const ids = await Array.fromAsync(all.bucket.list('', { delimiter: '/' }))
      const [first] = ids.flatMap(({ prefixes }) => prefixes.map((one) => one.slice(0, 26)))
      await putMark(all.bucket, first!, 'no-compact-mark.json', {
        nowMs: all.nowMs,
        details: 'a chunk cannot be read',
        reason: 'block-broken',
      })
      await index(all)
    },
    level: 'warning',
    found: /^index blocks set aside: a block is kept from compaction by a mark/,
    seen: /^\w{26}: block-broken, a chunk cannot be read$/,
    next: /thaw bucket verify --repair --id=\w{26}/,
  },
  {
    name: 'fresh blocks that can not be read',
    ail: async ({ bucket, nowMs }) => {
      const span = { labels: ['cluster', 'eu'], epoch: 'e', from: 0, to: 1 }
      await bucket.put(markKey('broken', span, nowMs - HOUR, nowMs), new Uint8Array(0))
    },
    level: 'warning',
    found: /^index blocks set aside: fresh blocks that can not be read become no block/,
    seen: /^thaw\/fresh\/-broken\/cluster=eu\/e-0-1-/,
    next: /delete the packs of that epoch/,
  },
  {
    name: 'no bucket index',
    ail: async ({ bucket }) => bucket.delete('thaw/bucket-index/root.json.gz'),
    level: 'warning',
    found: /^index bucket index: there is no bucket index/,
    next: /plan function; without functions: thaw bucket compact --wait/,
  },
  {
    name: 'a bucket index that is broken',
    ail: async ({ bucket }) =>
      void (await bucket.put('thaw/bucket-index/root.json.gz', new Uint8Array(9))),
    level: 'wrong',
    found:
      /^index bucket index: the bucket index can't be read: thaw\/bucket-index\/root.json.gz: /,
    next: /plan function/,
    also: ['api newest samples', 'api a sample of'],
  },
  {
    name: 'a bucket index that is behind',
    ail: async ({ bucket, nowMs, dir }) => {
      const id = await putSamplesBlock(bucket, 9, Math.floor(nowMs / HOUR) * HOUR - 8 * HOUR)
      const old = (nowMs - HOUR) / 1000
      await utimes(join(dir, 'bucket', id, 'meta.json'), old, old)
    },
    level: 'wrong',
    found: /^index bucket index: the bucket index is not what the bucket has/,
    seen: /^\w{26} is there, and queries do not see it/,
    next: /plan function/,
  },
  {
    name: 'a plan that is late',
    ail: ({ bucket, nowMs }) => putBacklog(bucket, nowMs - 2 * HOUR),
    level: 'wrong',
    found: /^index plan: the last plan was made 2h(\d+s)? ago, and one is due each 5m/,
    next: /plan function/,
  },
  {
    name: 'jobs that wait for days',
    ail: async ({ bucket, nowMs }) => {
      const rules = { resendMs: 1, leased: new Set<string>() }
      const plan = { jobs: [JOB], reasons: new Map<string, string>() }
      await claimDue(bucket, plan, { ...rules, nowMs: nowMs - 50 * HOUR })
      await claimDue(bucket, plan, { ...rules, nowMs })
    },
    level: 'wrong',
    found: /^index backlog: 1 of 1 jobs wait longer than a day/,
    seen: /^delete, since 2d(2h)?: marked for deletion/,
    next: /log of the compact function/,
  },
]

describe('thaw doctor', () => {
  itFinds(AILMENTS)
})

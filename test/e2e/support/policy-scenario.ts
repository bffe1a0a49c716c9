/** What makes each function do all that it ever does to AWS: one step for each way. Later steps stand on earlier ones. */
import { expect } from 'vitest'
import { BUCKET_INDEX_ROOT } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { jobKey } from '#lib/compact/jobs/job.ts'
import { takeLease } from '#lib/compact/jobs/lease.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { RULE_STATE_KEY } from '#lib/rules/tick/state-object.ts'
import { compactAll } from '#localstack/compaction.ts'
import { tick } from '#localstack/rules.ts'
import { testId } from '#test/store/sample-block.ts'
import {
  allKeys,
  ALONE_MS,
  BLOCK_MS,
  HOUR_MS,
  putPack,
  putSmall,
  putWide,
  RECENT,
  START,
  type Step,
  WIDE,
  WIDE_MS,
  withBrokenUploads,
} from './policy-bucket.ts'
import { QUERY_STEPS } from './policy-queries.ts'
import { editJson } from './policy-world.ts'

const RULES = `groups:
- name: loads
  interval: 10s
  rules:
  - record: load:sum
    expr: sum(load) + sum(count_over_time(up[6h]))
`

const RULES_FILE = 'loads.yaml'

export const STEPS: readonly Step[] = [
  {
    name: 'plan finds blocks, and deletes a part of the index that nobody needs any more',
    async run({ bucket, local }) {
      for (let i = 0; i < 4; i++) await putSmall(bucket, i, START + i * BLOCK_MS)
      await putSmall(bucket, 10, RECENT - BLOCK_MS)
      await putWide(bucket)
      for (const [i, ms] of ALONE_MS.entries()) await putSmall(bucket, 40 + i, ms)
      expect(await local.plan()).toBe(8)
      const key = 'thaw/bucket-index/part-0-0.json.gz'
      await bucket.put(key, new Uint8Array(1))
      await editJson(bucket, BUCKET_INDEX_ROOT, (root) => ({
        ...root,
        retired: [{ key, sinceMs: 0 }],
      }))
      await local.plan()
      expect(await allKeys(bucket, key)).toEqual([])
    },
  },
  {
    name: 'a tick reads rules, blocks and fresh blocks, and writes results',
    async run({ bucket, local }) {
      await putPack(bucket, Date.now() - 20_000, 0)
      await putRuleFile(bucket, RULES_FILE, RULES)
      expect(await tick(local.cloud)).toMatchObject({ outcome: 'done', problems: [] })
      await ageRules(bucket)
      expect(await tick(local.cloud)).toMatchObject({ outcome: 'done', problems: [] })
    },
  },
  {
    name: 'a tick merges results, and deletes what was merged long ago',
    async run({ bucket, local }) {
      const keys = await Promise.all(
        Array.from({ length: 11 }, (_, i) => putPack(bucket, Date.now() - 900_000, 100 + i)),
      )
      const packs = keys.map((key, i) => ({
        key,
        size: 100,
        ...(i === 0 && { deleteAtMs: 0 }),
      }))
      await editJson(bucket, RULE_STATE_KEY, (state) => ({ ...state, packs }))
      await ageRules(bucket)
      expect(await tick(local.cloud)).toMatchObject({ outcome: 'done', problems: [] })
      const left = await allKeys(bucket, 'thaw/fresh/')
      expect(left).not.toContain(keys[0])
    },
  },
  {
    name: 'plan tells of rulers, and of jobs that somebody is at',
    async run({ bucket, local }) {
      const job = { type: 'mark', ids: [], reason: '' } as const
      const options = { owner: 'a test', now: Date.now, newUlid: () => testId(99), ttlMs: 60_000 }
      await takeLease(bucket, jobKey(job), options)
      // So there is one who has stopped, who might be the ruler.
      await putSmall(bucket, 50, RECENT - 12 * HOUR_MS, { cluster: 'silent' })
      await local.plan()
    },
  },
  {
    name: 'a tick keeps a state that it can not read',
    async run({ bucket, local }) {
      await bucket.put(RULE_STATE_KEY, new Uint8Array(3))
      await tick(local.cloud)
      expect(await allKeys(bucket, 'thaw/rule/broken/')).toHaveLength(1)
    },
  },
  ...QUERY_STEPS,
  {
    name: 'uploads that fail are given up',
    async run({ bucket, roles, local, work }) {
      const inputs = [WIDE, await putSmall(bucket, 21, WIDE_MS - 1000 * HOUR_MS)]
      await local.plan()
      await withBrokenUploads(roles, async () => {
        const failed = await work({ type: 'compact', inputs })
        expect(failed.payload.toString()).toMatch(/broken for a test/)
        expect((await work({ type: 'cut', inputs, parts: 1 })).failure).toBeUndefined()
        const [key] = await allKeys(bucket, 'thaw/compact/')
        const part = await work({ type: 'part', ulid: key!.split('/')[2]!, part: 0 })
        expect(part.payload.toString()).toMatch(/broken for a test/)
      })
    },
  },
  {
    name: 'blocks are merged, and deleted when they are not needed any more',
    async run({ local }) {
      const { left } = await compactAll({ cloud: local.cloud, signal: AbortSignal.timeout(60_000) })
      expect(left).toBe(0)
    },
  },
  {
    name: 'a block is made in parts',
    async run({ bucket, local, work }) {
      const inputs = []
      for (const i of [0, 1])
        inputs.push(await putSmall(bucket, 30 + i, START + (8 + 2 * i) * HOUR_MS))
      await local.plan()
      expect((await work({ type: 'cut', inputs, parts: 2 })).failure).toBeUndefined()
      await compactAll({ cloud: local.cloud, signal: AbortSignal.timeout(60_000) })
      expect(await allKeys(bucket, 'thaw/compact/')).toEqual([])
    },
  },
  {
    name: 'fresh blocks become a block, one that is broken is set aside, and they are deleted',
    async run({ bucket, work }) {
      const hourMs = RECENT - 8 * BLOCK_MS
      const packs = [
        await putPack(bucket, hourMs + 1000, 7),
        await putPack(bucket, hourMs + 2000, 8),
      ]
      const job = { type: 'merge-packs', startMs: hourMs, endMs: hourMs + BLOCK_MS } as const
      expect((await work({ ...job, packs })).failure).toBeUndefined()
      const broken = await putPack(bucket, hourMs + 3000, 9)
      await bucket.put(broken, new Uint8Array(300))
      expect((await work({ ...job, packs: [broken] })).failure).toBeUndefined()
      expect(await allKeys(bucket, 'thaw/fresh/-broken/')).toHaveLength(1)
      const gone = await work({ type: 'delete-objects', keys: packs })
      expect(gone.failure).toBeUndefined()
    },
  },
]

/** As if the rules had been there for a while. */
async function ageRules(bucket: Bucket): Promise<void> {
  await editJson(bucket, RULE_STATE_KEY, ({ groups, ...state }) => ({
    ...state,
    groups: (groups as { nextMs: number }[]).map((group) => ({
      ...group,
      nextMs: group.nextMs - 60_000,
    })),
  }))
}

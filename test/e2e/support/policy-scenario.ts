/** What makes each function do all that it ever does to AWS: one step for each way. Later steps stand on earlier ones. */
import { expect } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { jobKey } from '#lib/compact/jobs/job.ts'
import { takeLease } from '#lib/compact/jobs/lease.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { RULE_STATE_KEY } from '#lib/rules/tick/state-object.ts'
import { BUCKET_INDEX_ROOT } from '#lib/blocks/bucket-index.ts'
import { compactAll, functionName } from '#localstack/compaction.ts'
import { tick } from '#localstack/rules.ts'
import { columns, every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import type { Roles } from './roles.ts'
import { editJson, type PolicyWorld } from './policy-world.ts'

const HOUR_MS = 3_600_000
const BLOCK_MS = 2 * HOUR_MS
/** Of blocks that are old enough to be compacted. */
const START = Math.floor(Date.now() / (8 * HOUR_MS) - 6) * 8 * HOUR_MS
const WIDE = testId(20)
/** So far from others that no plan has a job for it and another one. */
const WIDE_MS = START - 1000 * HOUR_MS
/** Of blocks that nothing is merged with. */
const ALONE_MS = [START - 3000 * HOUR_MS, START - 4000 * HOUR_MS] as const
const RECENT = Math.floor(Date.now() / BLOCK_MS) * BLOCK_MS

async function putSmall(
  bucket: Bucket,
  number: number,
  minTimeMs: number,
  externalLabels: Readonly<Record<string, string>> = { cluster: 'a' },
): Promise<string> {
  const id = testId(number)
  await putBlock(bucket, {
    id,
    externalLabels,
    minTimeMs,
    maxTimeMs: minTimeMs + BLOCK_MS,
    series: ['1', '2', '3'].map((instance) => ({
      labels: labels({ __name__: 'up', instance, job: 'app' }),
      samples: every(15_000, minTimeMs, minTimeMs + BLOCK_MS, (t) => t % 7),
    })),
  })
  return id
}

/** A fresh block of whoever ships none. */
async function putPack(bucket: Bucket, atMs: number, number: number): Promise<string> {
  const samples = ['a', 'b'].map((pod) => ({
    labels: labelsFrom({ __name__: 'load', pod }),
    timeMs: atMs,
    value: number,
  }))
  const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01DATAr', number }
  const { key, bytes } = resultPack(samples, place)!
  await bucket.put(key, bytes)
  return key
}

/** Its index has more than 5 MB, of which S3 takes parts. */
async function putWide(bucket: Bucket): Promise<void> {
  // Symbols behind so many others take three bytes each.
  const same = Array.from({ length: 32 }, (_, i): [string, string] => [`z${i}`, `z${i}`])
  await putBlock(bucket, {
    id: WIDE,
    minTimeMs: WIDE_MS,
    maxTimeMs: WIDE_MS + BLOCK_MS,
    series: Array.from({ length: 30_000 }, (_, i) => ({
      labels: labels({ __name__: 'wide', i: String(100_000 + i), ...Object.fromEntries(same) }),
      samples: columns([
        [WIDE_MS + HOUR_MS, i],
        [WIDE_MS + HOUR_MS + 300_000, i],
      ]),
    })),
  })
}

const RULES = `groups:
- name: loads
  interval: 10s
  rules:
  - record: load:sum
    expr: sum(load) + sum(count_over_time(up[6h]))
`

const RESULTS = 'thaw/results/'
/** Takes long enough that it is probably kept. */
const DEAR = 'sum(max_over_time(sum_over_time(up[5m])[1h:2s]))'
const RULES_FILE = 'loads.yaml'

/** Two queries of each kind, so that the second finds what the first has kept. */
async function twice(ask: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 2; i++) expect(await ask()).toMatchObject({ status: 'success' })
}

/** What is kept is chosen by chance, by what it cost. */
async function untilKept(bucket: Bucket, ask: (i: number) => Promise<unknown>): Promise<void> {
  const before = (await allKeys(bucket, RESULTS)).length
  for (let i = 0; i < 100; i++) {
    expect(await ask(i)).toMatchObject({ status: 'success' })
    if ((await allKeys(bucket, RESULTS)).length > before) return
  }
  throw new Error('no answer of 100 was kept')
}

async function allKeys(bucket: Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { objects } of bucket.list(prefix)) keys.push(...objects.map(({ key }) => key))
  return keys
}

async function withBrokenUploads({ gate }: Roles, work: () => Promise<void>): Promise<void> {
  gate.breakUploads(true)
  try {
    await work()
  } finally {
    gate.breakUploads(false)
  }
}

export interface Step {
  readonly name: string
  run(world: PolicyWorld): Promise<void>
}

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
  {
    name: 'a query that is small is evaluated in place',
    async run({ doors }) {
      for (const [i, ask] of Object.values(doors).entries()) {
        // Nobody has made a lookup of this block.
        const time = (ALONE_MS[i]! + HOUR_MS) / 1000
        await twice(() => ask('query', { query: 'sum(up)', time }))
        await twice(() => ask('query', { query: 'sum(load)' }))
      }
    },
  },
  {
    name: 'a large query is evaluated by store, and what is past is kept',
    async run({ bucket, doors }) {
      const range = { start: START / 1000, end: START / 1000 + 8 * 3600, step: 60 }
      const end = Date.now() / 1000
      const recent = { start: end - 7200, end, step: 15 }
      for (const [n, ask] of Object.values(doors).entries()) {
        await twice(() => ask('query_range', { query: `max_over_time(up[5m]) + ${n}`, ...range }))
        await untilKept(bucket, (i) =>
          ask('query_range', { query: `${DEAR} + ${1000 * n + i}`, ...range }),
        )
        await twice(() => ask('labels', { start: range.start, end: range.end }))
        await twice(() => ask('query_range', { query: 'sum(load) + sum(up)', ...recent }))
      }
    },
  },
  {
    name: 'functions that seldom log say what is wrong',
    async run({ local }) {
      const wrong = { headers: { authorization: 'Bearer thaw_nobody' } }
      expect((await fetch(local.cloud.httpUrl, wrong)).status).toBe(403)
      const { cloud } = local
      expect((await cloud.invoke(functionName(cloud, 'store'), {})).failure).toBeDefined()
    },
  },
  {
    name: 'a query tells of rules and compaction',
    async run({ doors }) {
      for (const ask of Object.values(doors)) {
        await twice(() => ask('rules'))
        await twice(() => ask('status/compaction'))
      }
    },
  },
  {
    name: 'an answer that is too large for a stream goes through the bucket',
    async run({ bucket, roles, doors }) {
      const start = (WIDE_MS + HOUR_MS) / 1000
      const range = { start, end: start + 600, step: 12 }
      // Half of it: more than a stream takes, and less than two parts of an upload.
      const query = 'wide{i=~"10.*|11[0-5].*"}'
      for (const [n, ask] of Object.values(doors).entries()) {
        expect(await ask('query_range', { query, ...range })).toMatchObject({ status: 'success' })
        expect(await allKeys(bucket, 'thaw/spill/')).toHaveLength(2 * (n + 1))
      }
      await withBrokenUploads(roles, async () => {
        const whole = await doors.query('query_range', { query: 'wide', ...range })
        expect(whole).toMatchObject({ status: 'error' })
      })
      expect(await allKeys(bucket, 'thaw/spill/')).toHaveLength(4)
    },
  },
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

/** What functions do every day, made to ask for all that they may. */
import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { TOKENS_KEY } from '#lib/auth/token-list.ts'
import { BUCKET_INDEX_ROOT } from '#lib/blocks/bucket-index.ts'
import { jobKey } from '#lib/compact/jobs/job.ts'
import { takeLease } from '#lib/compact/jobs/lease.ts'
import { plan } from '#localstack/compaction.ts'
import { testId } from '#test/store/sample-block.ts'
import { BLOCK_MS, HOUR_MS, putPack, putSmall, START } from './policy-bucket.ts'
import { editJson, type PolicyWorld } from './policy-world.ts'

export interface DailyWork {
  /** So that the work finds something to do. */
  prepare(world: PolicyWorld): Promise<void>
  /** Gives what callers were told. Rejects where it can't. */
  work(world: PolicyWorld): Promise<string[]>
}

let asked = 0
let blocks = 100
/** A day apart from others: 8 hours that are merged. */
function nextDay(): number {
  return START - (blocks += 4) * 12 * HOUR_MS
}

/** Answers of the HTTP API; a failure is an answer too. */
async function answers(asked: readonly Promise<unknown>[]): Promise<string[]> {
  return (await Promise.all(asked)).map((answer) => JSON.stringify(answer))
}

const OLD_PART = 'thaw/bucket-index/part-0-0.json.gz'
const LEASED = jobKey({ type: 'mark', ids: [], reason: '' })
export const WORK: Readonly<Record<string, DailyWork>> = {
  plan: {
    async prepare({ bucket, local }) {
      await local.plan()
      const startMs = Math.floor(nextDay() / (8 * HOUR_MS)) * 8 * HOUR_MS
      for (let i = 0; i < 4; i++) await putSmall(bucket, blocks + i, startMs + i * BLOCK_MS)
      await putSmall(bucket, 99, Math.floor(Date.now() / BLOCK_MS - 6) * BLOCK_MS, {
        cluster: 'silent',
      })
      await bucket.put(OLD_PART, new Uint8Array(1))
      await editJson(bucket, BUCKET_INDEX_ROOT, (root) => ({
        ...root,
        retired: [{ key: OLD_PART, sinceMs: 0 }],
      }))
      const lease = { owner: 'a test', now: Date.now, newUlid: () => testId(98), ttlMs: 600_000 }
      await takeLease(bucket, LEASED, lease)
      await bucket.put('thaw/compact/01HZZZZZZZZZZZZZZZZZZZZZZZ/cut.json', new Uint8Array(1))
    },
    work: async ({ local }) => [JSON.stringify(await plan(local.cloud))],
  },
  query: {
    async prepare({ bucket, local }) {
      await putSmall(bucket, 90, START - 9000 * HOUR_MS)
      await putPack(bucket, Date.now() - 20_000, 0)
      await local.plan()
      await bucket.delete(`thaw/lookup/${testId(90)}`)
    },
    work: ({ doors: { query } }) => {
      const start = (START - 9000 * HOUR_MS) / 1000
      const range = { start, end: start + 7200, step: 60 }
      return answers([
        query('query', { query: 'sum(up)', time: start + 3600 }),
        query('query', { query: 'sum(load)' }),
        // Nobody has kept the answer to this one.
        query('query_range', { query: `max_over_time(up[1m]) + ${++asked}`, ...range }),
        query('rules'),
        query('status/compaction'),
      ])
    },
  },
  store: {
    async prepare({ bucket, local }) {
      const recent = Math.floor(Date.now() / BLOCK_MS) * BLOCK_MS
      await putSmall(bucket, 91, recent - BLOCK_MS)
      await putPack(bucket, Date.now() - 20_000, 0)
      await local.plan()
      await bucket.delete(`thaw/lookup/${testId(91)}`)
    },
    work: ({ doors: { query } }) => {
      const end = Date.now() / 1000
      const range = { start: end - 7200, end, step: 15 }
      return answers([query('query_range', { query: 'sum(load) + sum(up)', ...range })])
    },
  },
  authorize: {
    async prepare({ bucket }) {
      // The gateway keeps what was said of a header.
      await bucket.put(TOKENS_KEY, gzipSync('{"version":1,"tokens":[]}'))
    },
    async work({ local }) {
      const headers = { authorization: `Bearer ${randomUUID()}` }
      const { status } = await fetch(local.cloud.httpUrl, { headers })
      return [`status ${status}`]
    },
  },
}

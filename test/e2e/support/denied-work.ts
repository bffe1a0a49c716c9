/** What functions do every day, made to ask for all that they may. */
import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { TOKENS_KEY } from '#lib/auth/token-list.ts'
import { BUCKET_INDEX_ROOT } from '#lib/blocks/bucket-index.ts'
import { jobKey } from '#lib/compact/jobs/job.ts'
import { takeLease } from '#lib/compact/jobs/lease.ts'
import type { Allowance } from '#test/policies/allowance.ts'
import { plan } from '#localstack/compaction.ts'
import { testId } from '#test/store/sample-block.ts'
import { BLOCK_MS, HOUR_MS, putSmall, START } from './policy-bucket.ts'
import { editJson, type PolicyWorld } from './policy-world.ts'

export interface DeniedWork {
  /** Of the function, without `thaw-`. */
  readonly who: string
  readonly what: string
  /** As `short` has them. Without: all that no other work of the function has. */
  readonly rights?: readonly string[]
  /** So that the work finds something to do. */
  readonly prepare: (world: PolicyWorld) => Promise<void>
  /** Gives what callers were told. A rejection is an answer too. */
  readonly work: (world: PolicyWorld) => Promise<readonly string[]>
  /** What is lost, or gone that is still needed; and, where the work is done, what was not done. */
  readonly flaws?: (world: PolicyWorld, isDone: boolean) => Promise<readonly string[]>
}

/** Of the bucket without its name. */
export function short({ action, on }: Allowance): string {
  return `${action} ${on.replace('arn:aws:s3:::metrics', '')}`
}

let blocks = 100
/** A day apart from others: 8 hours that are merged. */
function nextDay(): number {
  return START - (blocks += 4) * 12 * HOUR_MS
}

const OLD_PART = 'thaw/bucket-index/part-0-0.json.gz'
const LEASED = jobKey({ type: 'mark', ids: [], reason: '' })

export const PLAN_WORK: DeniedWork = {
  who: 'plan',
  what: 'finding blocks and jobs',
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
}

export const AUTHORIZE_WORK: DeniedWork = {
  who: 'authorize',
  what: 'telling who asks',
  async prepare({ bucket }) {
    // The gateway keeps what was said of a header.
    await bucket.put(TOKENS_KEY, gzipSync('{"version":1,"tokens":[]}'))
  },
  async work({ local }) {
    const headers = { authorization: `Bearer ${randomUUID()}` }
    const { status } = await fetch(local.cloud.httpUrl, { headers })
    return [`status ${status}`]
  },
}

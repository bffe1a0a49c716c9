/** A bucket with fresh blocks, those who plan and work on it, and readers that must never see anything but all samples once. */
import { DEFAULT_SCOPE } from '#lib/api/parts.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type FaultyBucket, faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { packsToBlock } from '#lib/compact/fresh/packs-to-block.ts'
import type { Job, JobType } from '#lib/compact/jobs/job.ts'
import { runJob } from '#lib/compact/jobs/run-job.ts'
import { planJobs } from '#lib/compact/plan/plan-jobs.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { readPlanInput } from '#lib/compact/read-plan-input.ts'
import { parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { writerOf } from '#lib/fresh/fresh-list.ts'
import { DomainError } from '#lib/model/errors.ts'
import { isStale } from '#lib/model/samples.ts'
import { planAgain } from '#lib/query/plan-again.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { testId } from '../../store/sample-block.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

const EVERYTHING = [{ name: '__name__', type: '=~', value: '.+' }] as const

/** Series, then timestamps: values as text. */
export type Contents = Record<string, Record<number, string>>

export class FreshWorld {
  nowMs: number
  readonly now = (): number => this.nowMs
  readonly bucket: Bucket = memoryBucket({ now: this.now })
  /** What the workers see of it. */
  readonly faulty: FaultyBucket = faultyBucket(this.bucket)
  /** What queries keep between each other. */
  readonly #reader = new BucketIndexReader(this.bucket, { now: this.now, maxAgeMs: 5000 })
  readonly #cache = new StoreCache(1 << 24)
  #blocksMade = 0
  /** Of what is planned this is done. */
  types: readonly JobType[] = ['merge-packs', 'delete-objects']

  constructor(nowMs: number) {
    this.nowMs = nowMs
  }

  /** As a function that lives does it; `between` plan and read others may have their turn. */
  async query(
    startMs: number,
    endMs: number,
    between: () => Promise<void> = async () => undefined,
  ): Promise<Contents> {
    return planAgain(async (again) => {
      const blocks = await this.#reader.blocks(startMs, endMs, { fresh: again })
      if (!again) await between()
      return this.#read(blocks, startMs, endMs)
    }, undefined)
  }

  async #read(blocks: readonly BlockRecord[], startMs: number, endMs: number): Promise<Contents> {
    const scope = { ...DEFAULT_SCOPE, partialResponse: false, maxSourceResolutionMs: 0 }
    const storage = blockStorage({ bucket: this.bucket, cache: this.#cache, blocks, scope })
    const request = { matchers: EVERYTHING, startMs, endMs, hints: NO_HINTS }
    const set = await storage.select(request)
    const found: Contents = {}
    for (const [i, labels] of set.labels.entries()) {
      const { length, timestamps, values, histograms } = set.samples(i)
      if (length === 0) continue
      const samples: Record<number, string> = {}
      for (let at = 0; at < length; at++) {
        const { counterResetHint: _, ...histogram } = histograms?.at(at) ?? {}
        const value = isStale(values, at) ? 'stale' : values[at]
        samples[timestamps[at]!] = JSON.stringify([String(value), histogram])
      }
      found[labels.join(' ')] = samples
    }
    storage.close()
    return found
  }

  /** Makes the index true, and says what is to be done. */
  async plan(): Promise<Job[]> {
    const { bucket } = this.faulty
    await updateBucketIndex(bucket, { now: this.now })
    const settings = DEFAULT_COMPACT_SETTINGS
    const { jobs } = planJobs(await readPlanInput(bucket, { settings, now: this.now }))
    return jobs.map(({ job }) => job).filter(({ type }) => this.types.includes(type))
  }

  async run(job: Job): Promise<string> {
    const outcome = await runJob(job, {
      bucket: this.faulty.bucket,
      now: this.now,
      newUlid: () => testId(500 + ++this.#blocksMade),
      owner: 'worker',
      deleteDelayMs: 48 * HOUR,
    })
    return outcome.status
  }

  /** From its nth request on, nothing of what `work` wants is done: as if it were killed. The answer of the last one may be lost. */
  async killed(nth: number, isLost: boolean, work: () => Promise<unknown>): Promise<void> {
    const error = unavailableError('killed')
    if (isLost) this.faulty.inject({ from: nth, times: 1, fault: { type: 'lose-answer', error } })
    this.faulty.inject({ from: nth + (isLost ? 1 : 0), fault: { type: 'fail', error } })
    try {
      await work()
    } catch (failure) {
      if (!(failure instanceof DomainError)) throw failure
    } finally {
      this.faulty.heal()
    }
  }

  /** `check` runs before each request of `work` whose number is among these. */
  async watched(
    requests: readonly number[],
    check: () => Promise<void>,
    work: () => Promise<unknown>,
  ): Promise<void> {
    for (const from of requests) {
      this.faulty.inject({ from, times: 1, fault: { type: 'delay', until: check } })
    }
    try {
      await work()
    } finally {
      this.faulty.heal()
    }
  }

  /** Who wrote the packs ships a block after all; what it has of the window is what the packs have. */
  async ship(pick: number): Promise<void> {
    const packs = (await this.keys('thaw/fresh/20')).map((key) => ({ ...parseFreshKey(key)!, key }))
    const one = packs[pick % Math.max(packs.length, 1)]
    if (!one) return
    const startMs = Math.floor(one.minTimeMs / (2 * HOUR)) * 2 * HOUR
    const keys = packs.filter((pack) => writerOf(pack) === writerOf(one)).map(({ key }) => key)
    const { bucket, now } = this
    const ulid = testId(500 + ++this.#blocksMade)
    const range = { startMs, endMs: startMs + 2 * HOUR }
    const made = await packsToBlock({ bucket, packs: keys, ...range, ulid, now })
    if (!made) return
    const { extensions: _, ...thanos } = made.thanos!
    const text = formatBlockMeta({ ...made, thanos: { ...thanos, source: 'sidecar' } })
    await bucket.put(`${ulid}/meta.json`, new TextEncoder().encode(text))
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for await (const { objects } of this.bucket.list(prefix)) {
      keys.push(...objects.map(({ key }) => key))
    }
    return keys
  }

  /** Plans and works until nothing is left, ten minutes a round. */
  async settle(): Promise<void> {
    for (let round = 0; round < 100; round++) {
      const jobs = await this.plan()
      for (const job of jobs) {
        const status = await this.run(job)
        if (status === 'set-aside') throw new Error(`set aside: ${JSON.stringify(job)}`)
      }
      this.nowMs += 10 * MINUTE
      if (jobs.length === 0 && (await this.keys('thaw/fresh/')).length === 0) return
    }
    throw new Error(`still there: ${(await this.keys('thaw/fresh/')).join('\n')}`)
  }
}

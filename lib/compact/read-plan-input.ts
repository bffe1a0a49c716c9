/** Reads out of a bucket what a plan is made of. */
import {
  BucketIndexReader,
  type IndexUpdate,
  updateBucketIndex,
  type UpdateOptions,
} from '#lib/blocks/bucket-index.ts'
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import { pageKeepingBucket } from '#lib/bucket/page-keeping-bucket.ts'
import { FRESH_PREFIX } from '#lib/fresh/fresh-key.ts'
import { parseFreshList } from '#lib/fresh/fresh-list.ts'
import { parseMarks } from '#lib/fresh/pack-marks.ts'
import { LOOKUP_PREFIX } from '#lib/store/lookup.ts'
import { isLive, readLeases } from './jobs/lease.ts'
import { readCuts } from './parts/read-cuts.ts'
import type { PlanInput } from './plan/plan-jobs.ts'
import type { CompactSettings } from './plan/settings.ts'

export interface PlanInputOptions {
  readonly settings: CompactSettings
  readonly now: () => number
  readonly signal?: AbortSignal | undefined
}

/** `leased` are the keys of jobs that somebody is at. */
export type ReadPlanInput = PlanInput & { readonly leased: ReadonlySet<string> }

export interface LookedAtBucket {
  readonly update: IndexUpdate
  readonly input: ReadPlanInput
}

/** Makes the bucket index true and reads what a plan is made of, in one listing where a page of it is enough: all that is read is as old as that. */
export async function lookAtBucket(
  bucket: Bucket,
  options: PlanInputOptions & UpdateOptions,
): Promise<LookedAtBucket> {
  const keeping = pageKeepingBucket(bucket)
  const update = await updateBucketIndex(keeping, options)
  return { update, input: await readPlanInput(keeping, options) }
}

/** The bucket index must be true: see `updateBucketIndex`. */
export async function readPlanInput(
  bucket: Bucket,
  { settings, now, signal }: PlanInputOptions,
): Promise<ReadPlanInput> {
  const nowMs = now()
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
  const view = index.view(-Infinity, Infinity, { signal })
  // In the order of keys, each where the one before ended.
  const listed = (async () => ({
    cuts: await readCuts(bucket, nowMs, signal),
    packs: await listAll(bucket, FRESH_PREFIX, signal),
    leases: await readLeases(bucket, signal),
    lookups: await listAll(bucket, LOOKUP_PREFIX, signal),
  }))()
  const [{ blocks, partial }, { cuts, packs, leases, lookups }] = await Promise.all([view, listed])
  const live = [...leases].filter(([, lease]) => isLive(lease, nowMs))
  return {
    blocks,
    partial,
    packs: parseFreshList(packs),
    packMarks: parseMarks(packs),
    cuts,
    settings,
    nowMs,
    leased: new Set(live.map(([key]) => key)),
    writing: new Set(live.map(([, { ulid }]) => ulid)),
    leases,
    lookups: lookups.map(({ key, lastModifiedMs }) => ({
      key,
      id: key.slice(LOOKUP_PREFIX.length),
      lastModifiedMs,
    })),
  }
}

async function listAll(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo[]> {
  const all: ObjectInfo[] = []
  for await (const { objects } of bucket.list(prefix, { signal })) all.push(...objects)
  return all
}

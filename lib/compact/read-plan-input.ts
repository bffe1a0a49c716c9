/** Reads out of a bucket what a plan is made of. */
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
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

/** The bucket index must be true: see `updateBucketIndex`. `leased` are the keys of jobs that somebody is at. */
export async function readPlanInput(
  bucket: Bucket,
  { settings, now, signal }: PlanInputOptions,
): Promise<PlanInput & { readonly leased: ReadonlySet<string> }> {
  const nowMs = now()
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
  const [{ blocks, partial }, packs, cuts, leases, lookups] = await Promise.all([
    index.view(-Infinity, Infinity, { signal }),
    listAll(bucket, FRESH_PREFIX, signal),
    readCuts(bucket, nowMs, signal),
    readLeases(bucket, signal),
    listAll(bucket, LOOKUP_PREFIX, signal),
  ])
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

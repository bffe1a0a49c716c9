/** Which compactions are in parts, and how far they are. */
import pLimit from 'p-limit'
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { Dedup } from '../jobs/job.ts'
import { cutKey, cutFolder, CUTS_PREFIX, partOf, readCut } from './cut.ts'

/** What lies under `thaw/compact/<ulid>/`. */
export interface CutState {
  /** Of the block that is made. */
  readonly ulid: string
  /** Block ids. */
  readonly inputs: readonly string[]
  readonly dedup?: Dedup | undefined
  readonly parts: number
  /** Parts that are there, counted from 0, ascending. */
  readonly done: readonly number[]
  /** All objects. */
  readonly keys: readonly string[]
  /** Of the newest of them. */
  readonly lastModifiedMs: number
  /** Why it can't be gone on with: `inputs` and `parts` are none then. It may be one that is just being written. */
  readonly broken?: string | undefined
}

const READS_AT_ONCE = 32

/** By ulid. One listing, and one request for each. */
export async function readCuts(bucket: Bucket, signal?: AbortSignal): Promise<CutState[]> {
  const objects = new Map<string, ObjectInfo[]>()
  for await (const page of bucket.list(CUTS_PREFIX, { signal })) {
    for (const object of page.objects) {
      const ulid = object.key.slice(CUTS_PREFIX.length).split('/')[0]!
      const known = objects.get(ulid)
      if (known) known.push(object)
      else objects.set(ulid, [object])
    }
  }
  const limit = pLimit(READS_AT_ONCE)
  return Promise.all(
    [...objects].map(([ulid, found]) => limit(() => readState(bucket, ulid, found, signal))),
  )
}

async function readState(
  bucket: Bucket,
  ulid: string,
  objects: readonly ObjectInfo[],
  signal: AbortSignal | undefined,
): Promise<CutState> {
  const keys = objects.map(({ key }) => key)
  const done = keys.flatMap((key) => partOf(key.slice(cutFolder(ulid).length + 1)) ?? [])
  const state = {
    ulid,
    done: done.sort((a, b) => a - b),
    keys,
    lastModifiedMs: Math.max(...objects.map(({ lastModifiedMs }) => lastModifiedMs)),
  }
  try {
    const { inputs, dedup, parts } = await readCut(bucket, ulid, signal)
    const ids = inputs.map(({ id }) => id)
    return { ...state, inputs: ids, ...(dedup && { dedup }), parts: parts.length }
  } catch (error) {
    const none = { ...state, inputs: [], parts: 0 }
    if (isKind(error, 'not-found')) return { ...none, broken: `there is no ${cutKey(ulid)}` }
    if (isKind(error, 'corrupt')) return { ...none, broken: error.message }
    throw error
  }
}

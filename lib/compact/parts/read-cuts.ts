/** Which compactions are in parts, and how far they are. */
import pLimit from 'p-limit'
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import { isKind, NewerFormatError } from '#lib/model/errors.ts'
import type { CutState } from '../plan/plan-cuts.ts'
import { cutKey, cutFolder, CUTS_PREFIX, partOf, readCut } from './cut.ts'

const READS_AT_ONCE = 32
/** What is being cut has no cut.json yet; no worker takes longer for it. */
const CUTTING_MS = 3600_000

/** By ulid. One listing, and one request for each. Those that a newer thaw began are its own: they are left out. */
export async function readCuts(
  bucket: Bucket,
  nowMs: number,
  signal?: AbortSignal,
): Promise<CutState[]> {
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
  const states = await Promise.all(
    [...objects].map(([ulid, found]) => limit(() => readState(bucket, ulid, found, signal))),
  )
  const ours = states.filter((state) => state !== undefined)
  return ours.filter(({ ulid, broken }) => {
    const isNew = objects.get(ulid)!.some((object) => nowMs - object.lastModifiedMs < CUTTING_MS)
    return broken === undefined || !isNew
  })
}

async function readState(
  bucket: Bucket,
  ulid: string,
  objects: readonly ObjectInfo[],
  signal: AbortSignal | undefined,
): Promise<CutState | undefined> {
  const keys = objects.map(({ key }) => key)
  const done = keys.flatMap((key) => partOf(key.slice(cutFolder(ulid).length + 1)) ?? [])
  const state = {
    ulid,
    done: done.sort((a, b) => a - b),
    keys,
  }
  try {
    const { inputs, dedup, parts } = await readCut(bucket, ulid, signal)
    const ids = inputs.map(({ id }) => id)
    return { ...state, inputs: ids, ...(dedup && { dedup }), parts: parts.length }
  } catch (error) {
    const none = { ...state, inputs: [], parts: 0 }
    if (isKind(error, 'not-found')) return { ...none, broken: `there is no ${cutKey(ulid)}` }
    if (isKind(error, 'corrupt')) return { ...none, broken: error.message }
    if (error instanceof NewerFormatError) return undefined
    throw error
  }
}

/** Runs a slice in another function: the event out, the frames back. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { SliceAnswer } from './frame.ts'
import { decodeAnswer } from './frame.ts'
import type { Slice } from './slice.ts'
import { sliceToEvent } from './slice.ts'

export interface RemoteSliceParts {
  readonly bucket: Bucket
  readonly invoke: (event: unknown, signal?: AbortSignal) => AsyncIterable<Uint8Array>
  readonly now: () => number
  /** How long the other function may take. */
  readonly deadlineMs: number
}

export async function runRemoteSlice(
  { bucket, invoke, now, deadlineMs }: RemoteSliceParts,
  slice: Slice,
  signal?: AbortSignal,
): Promise<SliceAnswer> {
  const event = sliceToEvent(slice, now() + deadlineMs)
  return decodeAnswer(
    invoke(event, signal),
    async (key) => (await bucket.get(key, { signal })).body,
  )
}

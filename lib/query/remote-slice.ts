/** Runs a slice in another function: the event out, the frames back. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, LostError } from '#lib/model/errors.ts'
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
  const fetchSpill = async (key: string): Promise<Uint8Array> =>
    (await bucket.get(key, { signal })).body
  return readAnswer(invoke(event, signal), (bytes) => decodeAnswer(bytes, fetchSpill), signal)
}

/**
 * What `decode` makes of the bytes of another function. Where they are no answer, or not a whole one, that function failed, in whatever way
 * its platform says so (some send the error in the place of the answer): LostError, which is worth another try.
 */
export async function readAnswer<T>(
  bytes: AsyncIterable<Uint8Array>,
  decode: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const iterator = bytes[Symbol.asyncIterator]()
  try {
    // Stays open when `decode` has had enough.
    return await decode({ [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) })
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    // How an invocation ended is said behind its bytes, and is the better error.
    while (!(await iterator.next()).done);
    signal?.throwIfAborted()
    throw new LostError(`the store function gave no answer (${error.message}): see its log`, {
      cause: error,
    })
  } finally {
    await iterator.return?.()
  }
}

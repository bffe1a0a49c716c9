/** Writes the frames of a slice answer to a stream that has a size limit: what does not fit goes to the bucket. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { SliceAnswer } from './frame.ts'
import { encodeAnswer, encodeSpill } from './frame.ts'

/** Lambda streams the first 6 MB at full speed; what follows a spill frame must fit too. */
export const STREAM_BYTES = 5.5 * 1024 * 1024

export interface SpillPlace {
  readonly bucket: Bucket
  /** A key under `thaw/spill/`, new for each answer. */
  readonly key: () => string
}

/** Yields frames; past `limit` bytes the rest becomes one object and a pointer to it. */
export async function* streamAnswer(
  answer: SliceAnswer,
  { bucket, key }: SpillPlace,
  limit = STREAM_BYTES,
): AsyncGenerator<Uint8Array> {
  let sent = 0
  const frames = encodeAnswer(answer)
  for (const frame of frames) {
    if (sent + frame.length > limit) {
      const spillKey = key()
      await bucket.putStream(spillKey, chain(frame, frames))
      yield encodeSpill(spillKey)
      return
    }
    sent += frame.length
    yield frame
  }
}

async function* chain(first: Uint8Array, rest: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

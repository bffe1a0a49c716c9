/** One object from a bucket into another, with no more than two pieces of it in memory. */
import type { Bucket } from '#lib/bucket/bucket.ts'

/** Large enough for what a request costs, small enough for several at once in a small process. */
export const PIECE_BYTES = 8 * 1024 * 1024

export interface CopyOptions {
  readonly from: Bucket
  readonly to: Bucket
  readonly signal?: AbortSignal | undefined
  /** After each piece that was read. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** `size` is that of the listing: an object that has become shorter since is an error. What is in the target under the key is replaced. */
export async function copyObject(
  key: string,
  size: number,
  { from, to, signal, onBytes }: CopyOptions,
): Promise<void> {
  const piece = (start: number): Promise<Uint8Array> =>
    from.getRange(key, start, Math.min(size, start + PIECE_BYTES), { signal })
  if (size <= PIECE_BYTES) {
    const body = await piece(0)
    await to.put(key, body, { signal })
    onBytes?.(size)
    return
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let next = piece(0)
    for (let start = 0; start < size; start += PIECE_BYTES) {
      const bytes = await next
      if (start + PIECE_BYTES < size) {
        next = piece(start + PIECE_BYTES)
        // Told when it is awaited, should the target give up before.
        next.catch(() => {})
      }
      onBytes?.(bytes.length)
      yield bytes
    }
  }
  await to.putStream(key, pieces(), { signal })
}

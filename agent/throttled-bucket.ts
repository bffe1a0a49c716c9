/** Buckets whose uploads together keep to so many bytes a second; fresh samples go first. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { throwIfAborted } from '#lib/bucket/cancellation.ts'
import { sleep } from './sleep.ts'

export interface ThrottledBuckets {
  /** For blocks: waits for what the urgent ones leave. */
  readonly bucket: Bucket
  /** Waits for nobody but itself. */
  readonly urgent: Bucket
}

export interface ThrottleOptions {
  readonly bytesPerSecond: number
  readonly now: () => number
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
}

/** What was not used of this long can be made up for. */
const BURST_SECONDS = 1

export function throttledBuckets(inner: Bucket, options: ThrottleOptions): ThrottledBuckets {
  const all = debt(options)
  const urgent = debt(options)
  return {
    bucket: throttled(inner, async (bytes, signal) => all.pay(bytes, signal)),
    urgent: throttled(inner, async (bytes, signal) => {
      all.owe(bytes)
      await urgent.pay(bytes, signal)
    }),
  }
}

/** A token bucket that may be overdrawn: who comes waits until what was taken before is paid, so a body is one burst. */
function debt({ bytesPerSecond, now, wait = sleep }: ThrottleOptions) {
  let bytes = 0
  let atMs = now()

  function settle(): void {
    const nowMs = now()
    bytes = Math.max(
      -BURST_SECONDS * bytesPerSecond,
      bytes - (Math.max(0, nowMs - atMs) / 1000) * bytesPerSecond,
    )
    atMs = nowMs
  }

  return {
    owe(more: number) {
      settle()
      bytes += more
    },
    async pay(more: number, signal: AbortSignal) {
      settle()
      bytes += more
      if (bytes > more) await wait(((bytes - more) / bytesPerSecond) * 1000, signal)
      throwIfAborted(signal)
    },
  }
}

const NEVER = new AbortController().signal

function throttled(
  inner: Bucket,
  pay: (bytes: number, signal: AbortSignal) => Promise<void>,
): Bucket {
  return {
    ...inner,
    async put(key, body, options) {
      await pay(body.length, options?.signal ?? NEVER)
      return inner.put(key, body, options)
    },
    async putStream(key, parts, options) {
      return inner.putStream(key, paid(parts, options?.signal ?? NEVER), options)
    },
  }

  async function* paid(parts: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    for await (const part of parts) {
      await pay(part.length, signal)
      yield part
    }
  }
}

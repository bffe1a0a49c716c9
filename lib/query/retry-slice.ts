/** Asks again for one slice that failed in passing. */
import { isKind, LostError } from '#lib/model/errors.ts'

export interface SliceRetries {
  /** Tries of one slice, the first included: Thanos's `--query-range.max-retries-per-request`. */
  readonly attempts: number
  /** Waits before try `attempt + 1`; rejects when the signal aborts. */
  readonly pause: (attempt: number, signal: AbortSignal) => Promise<void>
}

export const DEFAULT_RETRIES: SliceRetries = { attempts: 5, pause: () => Promise.resolve() }

/** Tries that may each take the memory or the time of a whole function. */
const LOST_ATTEMPTS = 3

/** Only what another try can help is tried again: a function or a store that was busy or away. */
export async function retrySlice<T>(
  { attempts, pause }: SliceRetries,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      const most = error instanceof LostError ? Math.min(attempts, LOST_ATTEMPTS) : attempts
      if (signal.aborted || attempt >= most || !isKind(error, 'unavailable')) throw error
    }
    await pause(attempt, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      throw error
    })
  }
}

/** Trying again what failed for a passing reason: by error kind alone, with full jitter. */
import { DomainError } from '#lib/model/errors.ts'
import { throwIfAborted } from './cancellation.ts'

export interface RetryPolicy {
  /** The first try included. */
  readonly attempts: number
  /** The longest pause before the second try; doubles with each further one. */
  readonly baseMs: number
  readonly maxMs: number
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** In [0, 1). */
  readonly random: () => number
}

/** Whether the same request may succeed later. After one of these a write may have happened all the same. */
export function isPassing(error: unknown): boolean {
  return error instanceof DomainError && (error.kind === 'unavailable' || error.kind === 'timeout')
}

/** A pause anywhere between nothing and a ceiling that doubles, so that many who failed together do not return together. */
export function pauseMs(policy: RetryPolicy, failures: number): number {
  return policy.random() * Math.min(policy.maxMs, policy.baseMs * 2 ** (failures - 1))
}

/**
 * `work` hears how many tries failed before. A signal that aborts ends it, also in a pause; running out of the
 * caller's own time is never tried again.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  work: (failures: number) => Promise<T>,
): Promise<T> {
  for (let failures = 0; ;) {
    throwIfAborted(signal)
    try {
      return await work(failures)
    } catch (error) {
      failures++
      if (signal?.aborted || !isPassing(error) || failures >= policy.attempts) throw error
    }
    await policy.sleep(pauseMs(policy, failures), signal)
  }
}

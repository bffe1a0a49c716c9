/** A new agent takes over from a running one: it waits, all loaded, until that one has left the port. */
import { throwIfAborted } from '#lib/bucket/cancellation.ts'
import type { Logger } from './logger.ts'
import { sleep } from './sleep.ts'

/** Long enough for somebody, or something, to end the old one. */
const TAKE_OVER_MS = 60_000
const RETRY_MS = 50

export interface WhenFreeOptions {
  readonly logger: Logger
  readonly now: () => number
  readonly signal: AbortSignal
  readonly waitMs?: number | undefined
}

/** As `listen`, which is tried again as long as the address is in use, for a minute. Rejects with `canceled` after the signal. */
export async function whenFree<T>(
  listen: () => Promise<T>,
  { logger, now, signal, waitMs = TAKE_OVER_MS }: WhenFreeOptions,
): Promise<T> {
  const startMs = now()
  for (let tries = 0; ; tries++) {
    throwIfAborted(signal)
    try {
      return await listen()
    } catch (error) {
      if (!isInUse(error) || now() - startMs >= waitMs) throw error
      if (tries === 0) logger.warn({ err: error, waitMs }, 'waiting for another agent to leave')
      await sleep(RETRY_MS, signal)
    }
  }
}

function isInUse(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') return true
    if (cause.message.includes('EADDRINUSE')) return true
  }
  return false
}

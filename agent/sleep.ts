/** A pause that ends early, and quietly, when the signal comes. */
import { setTimeout as wait } from 'node:timers/promises'

export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

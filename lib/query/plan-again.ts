/** What was planned with a block that is gone is planned again. */
import { isKind } from '#lib/model/errors.ts'

/**
 * A block may go between the index, or the list of fresh blocks, and its reading: compaction, retention or the agent was faster. What is
 * there now knows better, and is asked for when `run` is called with `again`, once.
 */
export async function planAgain<T>(
  run: (again: boolean) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return await run(false)
  } catch (error) {
    if (!isKind(error, 'not-found') || signal?.aborted) throw error
    return run(true)
  }
}

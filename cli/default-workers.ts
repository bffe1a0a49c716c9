/** How many threads help the main one. */
import { availableParallelism } from 'node:os'

/** The main thread takes its part of the work, and more than a few threads read the same bytes too often. */
export function defaultWorkers(): number {
  return Math.min(4, availableParallelism() - 1)
}

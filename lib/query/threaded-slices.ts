/** Runs the slices of a query on all threads of a process: this one and its workers. */
import { setImmediate } from 'node:timers/promises'
import type { SliceAnswer } from './frame.ts'
import { runRemoteSlice } from './remote-slice.ts'
import type { SliceRunner } from './run-slice.ts'
import { runSlice } from './run-slice.ts'
import type { Slice } from './slice.ts'
import type { SliceWorkers } from './slice-workers.ts'

export interface ThreadedSlicesParts extends SliceRunner {
  readonly workers: SliceWorkers
  readonly deadlineMs: number
}

/** What runs a slice on the thread that has the least to do. */
export function threadedSlices(
  parts: ThreadedSlicesParts,
): (slice: Slice, signal?: AbortSignal) => Promise<SliceAnswer> {
  const { workers } = parts
  const invoke = workers.invoke.bind(workers)
  let running = 0
  return async (slice, signal) => {
    if (running > workers.leastLoad) return runRemoteSlice({ ...parts, invoke }, slice, signal)
    running++
    try {
      // The other slices are on their way before this thread is lost in its own.
      await setImmediate()
      return await runSlice(parts, slice, signal)
    } finally {
      running--
    }
  }
}

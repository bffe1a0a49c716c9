/** Runs slices side by side, here or in other functions, and settles what happens when one of them fails. */
import pLimit from 'p-limit'
import type { ErrorKind } from '#lib/model/errors.ts'
import { DomainError, ThrottledError } from '#lib/model/errors.ts'
import type { CostMeter } from './cost-meter.ts'
import type { SliceAnswer } from './frame.ts'
import type { RunOutcome } from './join.ts'
import type { SlicePlan } from './plan-slices.ts'
import { DEFAULT_RETRIES, retrySlice, type SliceRetries } from './retry-slice.ts'
import type { SliceRunner } from './run-slice.ts'
import { runSlice } from './run-slice.ts'
import type { Slice } from './slice.ts'

export interface SlicesRunner extends SliceRunner {
  /** Runs a slice in this process; absent where this thread is all it has. */
  readonly runHere?: ((slice: Slice, signal?: AbortSignal) => Promise<SliceAnswer>) | undefined
  /** Runs a slice in another function; absent where there is none, then all run here. */
  readonly invokeSlice?: ((slice: Slice, signal?: AbortSignal) => Promise<SliceAnswer>) | undefined
  /** Slices in flight for one query. */
  readonly concurrency: number
  readonly retries?: SliceRetries | undefined
}

export interface SlicesRequest {
  /** A slice that stays away is a warning. */
  readonly partialResponse: boolean
  /** No other function is asked. */
  readonly inPlace: boolean
  readonly meter: CostMeter
  readonly signal?: AbortSignal | undefined
}

export interface SlicesOutcome {
  /** One for each slice, in their order. */
  readonly outcomes: readonly RunOutcome[]
  /** Which slices stayed away, and why. */
  readonly warnings: readonly string[]
}

/** Kinds that half an answer can help. The others are the answer. */
const LEAVES_THE_REST: ReadonlySet<ErrorKind> = new Set(['unavailable', 'not-found', 'corrupt'])

export async function runSlices(
  runner: SlicesRunner,
  { slices, runs }: Pick<SlicePlan, 'slices' | 'runs'>,
  { partialResponse, inPlace, meter, signal }: SlicesRequest,
): Promise<SlicesOutcome> {
  const limit = pLimit(runner.concurrency)
  // One slice that fails for good stops the others: nobody needs them any more.
  const stop = new AbortController()
  const sliceSignal = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const answerOf = sliceAnswerer(runner, inPlace, meter, sliceSignal)
  const warnings: string[] = []
  const outcomes = await Promise.all(
    slices.map((slice, i) =>
      limit(async (): Promise<RunOutcome> => {
        const run = runs[i]!
        sliceSignal.throwIfAborted()
        try {
          return { run, outcome: await answerOf(slice) }
        } catch (error) {
          if (!partialResponse || !leavesTheRest(error, slice)) {
            stop.abort(error)
            throw error
          }
          warnings.push(`${describeRun(slice)}: ${error.message}`)
          return { run, outcome: undefined }
        }
      }),
    ),
  )
  return { outcomes, warnings }
}

function sliceAnswerer(
  runner: SlicesRunner,
  inPlace: boolean,
  meter: CostMeter,
  signal: AbortSignal,
): (slice: Slice) => Promise<SliceAnswer> {
  const oneHere = pLimit(1)
  const { retries = DEFAULT_RETRIES } = runner
  const onThisThread = (slice: Slice): Promise<SliceAnswer> => runSlice(runner, slice, signal)
  const runHere = async (slice: Slice): Promise<SliceAnswer> => {
    const here = (!isBound(slice) && runner.runHere) || onThisThread
    const answer = await retrySlice(retries, signal, () => here(slice, signal))
    meter.countSlice(answer.cost, false)
    return answer
  }
  const invoke = inPlace ? undefined : runner.invokeSlice
  if (!invoke) return runHere
  return async (slice) => {
    if (isBound(slice)) return runHere(slice)
    try {
      const answer = await retrySlice(retries, signal, () => meter.invoked(invoke(slice, signal)))
      meter.countSlice(answer.cost, true)
      return answer
    } catch (error) {
      // The account runs as many functions as it may: slower here, one at a time, is better than half an answer.
      if (!(error instanceof ThrottledError) || signal.aborted) throw error
      return oneHere(() => runHere(slice))
    }
  }
}

/** Only this thread has the connections to what it asks. */
function isBound({ sources }: Slice): boolean {
  return sources !== undefined && sources.length > 0
}

function leavesTheRest(error: unknown, { goneBlockFails }: Slice): error is DomainError {
  if (!(error instanceof DomainError) || !LEAVES_THE_REST.has(error.kind)) return false
  return !(goneBlockFails && error.kind === 'not-found')
}

function describeRun({ grid }: Slice): string {
  const endMs = grid.startMs + (grid.stepCount - 1) * grid.stepMs
  return `no data from ${new Date(grid.startMs).toISOString()} to ${new Date(endMs).toISOString()}`
}

/** Answers the event of a slice, of a query or a question about labels, in frames: what the `store` function does, and a worker thread. */
import { DomainError } from '#lib/model/errors.ts'
import type { SliceAnswer } from './frame.ts'
import { encodeError, encodeFindings } from './frame.ts'
import type { LabelEvent } from './label-slice.ts'
import { labelSliceFromEvent, runLabelSlice } from './label-slice.ts'
import type { SliceRunner } from './run-slice.ts'
import { runSlice } from './run-slice.ts'
import type { SliceEvent } from './slice.ts'
import { sliceFromEvent } from './slice.ts'

/** An error that the asker can act on is a frame; any other is thrown. `encode` makes the frames of the answer. */
export async function* answerEvent(
  runner: SliceRunner,
  event: SliceEvent | LabelEvent,
  encode: (answer: SliceAnswer) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const deadline = AbortSignal.timeout(Math.max(1, event.deadlineMs - runner.now()))
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline
    if ('kind' in event) {
      const slice = labelSliceFromEvent(event)
      yield encodeFindings(await runLabelSlice(runner, slice, either))
    } else yield* encode(await runSlice(runner, sliceFromEvent(event), either))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    yield encodeError(error)
  }
}

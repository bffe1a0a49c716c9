/** Addition and subtraction of two histograms. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { WorkingHistogram, type AddOutcome } from './working-histogram.ts'

export interface Combined extends AddOutcome {
  readonly histogram: FloatHistogram
}

/** Undefined when exponential and custom buckets meet. */
export function addHistograms(a: FloatHistogram, b: FloatHistogram): Combined | undefined {
  return combine(a, b, 1)
}

/** The reset hint is treated as in addition: callers that mean a difference make it a gauge. */
export function subtractHistograms(a: FloatHistogram, b: FloatHistogram): Combined | undefined {
  return combine(a, b, -1)
}

function combine(a: FloatHistogram, b: FloatHistogram, factor: 1 | -1): Combined | undefined {
  const working = new WorkingHistogram(a)
  const outcome = working.add(b, factor)
  return outcome && { ...outcome, histogram: working.freeze() }
}

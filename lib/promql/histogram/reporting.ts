/** Arithmetic of histograms inside range functions, with its findings as annotations of the call. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { quotedName, type RangeCall, type RangeWindow } from '../execute/range-function.ts'
import { addHistograms, subtractHistograms, type Combined } from './arithmetic.ts'

/** Undefined, with a warning, when the layouts don't go together. */
export function addReporting(
  a: FloatHistogram,
  b: FloatHistogram,
  window: RangeWindow,
  call: RangeCall,
): FloatHistogram | undefined {
  return report(addHistograms(a, b), 'addition', window, call)
}

export function subtractReporting(
  a: FloatHistogram,
  b: FloatHistogram,
  window: RangeWindow,
  call: RangeCall,
): FloatHistogram | undefined {
  return report(subtractHistograms(a, b), 'subtraction', window, call)
}

function report(
  combined: Combined | undefined,
  operation: string,
  window: RangeWindow,
  call: RangeCall,
): FloatHistogram | undefined {
  if (!combined) {
    warnMixedSchemas(window, call)
    return undefined
  }
  if (combined.boundsReconciled) {
    call.evaluation.annotations.info(
      `mismatched custom buckets were reconciled during ${operation}`,
      call.position,
    )
  }
  return combined.histogram
}

export function warnMixedSchemas(window: RangeWindow, call: RangeCall): void {
  call.evaluation.annotations.warn(
    `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quotedName(window)}`,
    call.position,
  )
}

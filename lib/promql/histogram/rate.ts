/** The difference of the histograms of a window, counter resets taken into account. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { quotedName, type RangeCall, type RangeWindow } from '../execute/range-function.ts'
import { isStartReset, startOverlapDetail, startsOverlap } from '../function/start-timestamps.ts'
import { addReporting, subtractReporting, warnMixedSchemas } from './reporting.ts'
import { detectReset } from './reset.ts'
import { isCustom, WorkingHistogram } from './working-histogram.ts'

export { addReporting } from './reporting.ts'

/** The window has two histograms or more and no float. Undefined, with a warning, when they don't go together. */
export function histogramRate(
  window: RangeWindow,
  call: RangeCall,
  isCounter: boolean,
  starts: Float64Array | undefined,
): FloatHistogram | undefined {
  const { histograms } = window.samples
  const { times } = histograms
  const { histogramFrom: from, histogramTo: to } = window
  const { annotations } = call.evaluation
  const first = histograms.at(from)
  const last = histograms.at(to - 1)
  const startReset = (i: number) =>
    starts !== undefined && isStartReset(starts[i - 1]!, times[i - 1]!, starts[i]!, times[i]!)
  const notCounter = () => {
    annotations.warn(
      `this native histogram metric is not a counter: ${quotedName(window)}`,
      call.position,
    )
  }
  if (isCounter && (first.counterResetHint === 'gauge' || last.counterResetHint === 'gauge')) {
    notCounter()
  }
  let base = first
  if (isCounter) {
    const second = histograms.at(from + 1)
    // The layout of a sample before a reset does not matter.
    if (startReset(from + 1) || detectReset(second, first)) base = emptyLike(second)
  }
  const custom = isCustom(base)
  if (isCustom(last) !== custom) {
    warnMixedSchemas(window, call)
    return undefined
  }
  let schema = Math.min(last.schema, base.schema)
  for (let i = isCounter ? from + 1 : to; i < to - 1; i++) {
    const histogram = histograms.at(i)
    if (histogram.counterResetHint === 'gauge') notCounter()
    if (histogram.schema < schema) schema = histogram.schema
    if (isCustom(histogram) !== custom) {
      warnMixedSchemas(window, call)
      return undefined
    }
  }
  const reduced = new WorkingHistogram(last)
  reduced.reduceTo(schema)
  let result = subtractReporting(reduced.freeze(), base, window, call)
  if (isCounter) {
    let previous = base
    let overlapSeen = false
    for (let i = from + 1; i < to && result; i++) {
      if (starts && !overlapSeen && startsOverlap(starts[i - 1]!, times[i - 1]!, starts[i]!)) {
        annotations.warn(
          `sample has start time that overlaps with previous sample timestamp for metric ${quotedName(window)}`,
          call.position,
          startOverlapDetail(1),
        )
        overlapSeen = true
      }
      const current = histograms.at(i)
      if (startReset(i) || detectReset(current, previous)) {
        result = addReporting(result, previous, window, call)
      }
      previous = current
    }
  } else if (first.counterResetHint !== 'gauge' || last.counterResetHint !== 'gauge') {
    annotations.warn(
      `this native histogram metric is not a gauge: ${quotedName(window)}`,
      call.position,
    )
  }
  return result && { ...result, counterResetHint: 'gauge' }
}

function emptyLike(histogram: FloatHistogram): FloatHistogram {
  return {
    schema: histogram.schema,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: new Float64Array(0),
    negativeBuckets: new Float64Array(0),
    customValues: histogram.customValues,
    counterResetHint: 'unknown',
  }
}

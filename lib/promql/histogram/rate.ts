/** The difference of the histograms of a window, counter resets taken into account. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HINT_GAUGE } from '#lib/model/histogram-column.ts'
import { quotedName, type RangeCall, type RangeWindow } from '../execute/range-function.ts'
import { isStartReset, startOverlapDetail, startsOverlap } from '../function/start-timestamps.ts'
import { addReporting, subtractReporting, warnMixedSchemas } from './reporting.ts'
import { detectReset, detectRowReset } from './reset.ts'
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
  const { times, rows } = histograms
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
    // The layout of a sample before a reset does not matter.
    if (startReset(from + 1) || detectRowReset(rows, from + 1, from)) {
      base = emptyLike(histograms.at(from + 1))
    }
  }
  const custom = isCustom(base)
  if (isCustom(last) !== custom) {
    warnMixedSchemas(window, call)
    return undefined
  }
  let schema = Math.min(last.schema, base.schema)
  for (let i = isCounter ? from + 1 : to; i < to - 1; i++) {
    const layout = rows.layouts[i]!
    if (rows.hints[i] === HINT_GAUGE) notCounter()
    if (layout.schema < schema) schema = layout.schema
    if (isCustom(layout) !== custom) {
      warnMixedSchemas(window, call)
      return undefined
    }
  }
  const reduced = new WorkingHistogram(last)
  reduced.reduceTo(schema)
  let result = subtractReporting(reduced.freeze(), base, window, call)
  if (isCounter) {
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
      const second = i === from + 1
      const reset =
        second && base !== first
          ? detectReset(histograms.at(i), base)
          : detectRowReset(rows, i, i - 1)
      if (startReset(i) || reset) {
        result = addReporting(result, second ? base : histograms.at(i - 1), window, call)
      }
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

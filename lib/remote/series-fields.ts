/** What series are made of in Prometheus's remote messages: labels, samples, histograms. */
import { appendSpans } from '#lib/bytes/histogram-spans.ts'
import type { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { HINTS } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'

/** Fields of a TimeSeries. */
export interface SeriesFields {
  readonly sample: number
  readonly histogram: number
}

/** Of remote read and of remote write 1.0. */
export const SERIES_1: SeriesFields = { sample: 2, histogram: 4 }
/** Of remote write 2.0. */
export const SERIES_2: SeriesFields = { sample: 2, histogram: 3 }

export function appendLabels(out: ProtoWriter, labels: Labels): void {
  for (let i = 0; i < labels.length; i += 2) {
    const label = out.begin(1)
    out.string(1, labels[i]!)
    out.string(2, labels[i + 1]!)
    out.end(label)
  }
}

export function appendSample(
  out: ProtoWriter,
  samples: SampleColumns,
  index: number,
  fields: SeriesFields,
): void {
  const histogram = samples.histograms?.at(index)
  if (histogram !== undefined)
    return appendHistogram(out, histogram, samples, index, fields.histogram)
  const sample = out.begin(fields.sample)
  out.doubleOf(1, samples.values, index)
  out.int(2, samples.timestamps[index]!)
  out.end(sample)
}

/** With float counts, which every reader of native histograms takes. */
function appendHistogram(
  out: ProtoWriter,
  histogram: FloatHistogram,
  { timestamps, values }: SampleColumns,
  index: number,
  field: number,
): void {
  const start = out.begin(field)
  out.double(2, histogram.count)
  // The column, and not the histogram, has the bits of a stale marker.
  out.doubleOf(3, values, index)
  out.sint(4, histogram.schema)
  out.double(5, histogram.zeroThreshold)
  out.double(7, histogram.zeroCount)
  appendSpans(out, 8, histogram.negativeSpans)
  out.doubles(10, histogram.negativeBuckets)
  appendSpans(out, 11, histogram.positiveSpans)
  out.doubles(13, histogram.positiveBuckets)
  out.int(14, HINTS.indexOf(histogram.counterResetHint))
  out.int(15, timestamps[index]!)
  out.doubles(16, histogram.customValues)
  out.end(start)
}

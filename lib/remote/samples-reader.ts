/** Remote read's answer of samples: bytes → columns, series after series. */
import { readSpan } from '#lib/bytes/histogram-spans.ts'
import { ProtoReader } from '#lib/bytes/protobuf.ts'
import { decodeSnappy, snappyLength } from '#lib/bytes/snappy.ts'
import { LimitError } from '#lib/model/errors.ts'
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'
import { HINTS } from '#lib/model/histogram-column.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { ColumnBuilder, copyColumns, mergeColumns } from '#lib/tsdb/chunk/columns.ts'
import { readLabel } from './chunks-reader.ts'

export interface SampledSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

/** A snappy block → the series of each query. Throws CorruptError, and LimitError when it unpacks to more than `maxBytes`. */
export function* decodeReadResponse(
  compressed: Uint8Array,
  maxBytes: number,
): Generator<Generator<SampledSeries>> {
  const size = snappyLength(compressed)
  if (size > maxBytes) {
    throw new LimitError(`the answer is larger than ${maxBytes} bytes`, maxBytes, size)
  }
  const reader = new ProtoReader(decodeSnappy(compressed))
  while (reader.next()) {
    if (reader.field === 1) yield readResult(reader.message())
    else reader.skip()
  }
}

function* readResult(reader: ProtoReader): Generator<SampledSeries> {
  const floats = new ColumnBuilder()
  const histograms = new ColumnBuilder()
  while (reader.next()) {
    if (reader.field === 1) yield readSeries(reader.message(), floats, histograms)
    else reader.skip()
  }
}

/** Floats and histograms come apart, each in order of time. */
function readSeries(
  reader: ProtoReader,
  floats: ColumnBuilder,
  histograms: ColumnBuilder,
): SampledSeries {
  floats.reset()
  histograms.reset()
  const labels: string[] = []
  while (reader.next()) {
    if (reader.field === 1) readLabel(reader.message(), labels)
    else if (reader.field === 2) readSample(reader.message(), floats)
    else if (reader.field === 4) readHistogram(reader.message(), histograms)
    else reader.skip()
  }
  return { labels, samples: copyColumns(mergeColumns(floats.columns(), histograms.columns())) }
}

function readSample(reader: ProtoReader, into: ColumnBuilder): void {
  into.reserve(1)
  const at = into.length
  into.timestamps[at] = 0
  into.values[at] = 0
  while (reader.next()) {
    if (reader.field === 1) reader.doubleInto(into.values, at)
    else if (reader.field === 2) into.timestamps[at] = reader.int()
    else reader.skip()
  }
  into.commit(1)
}

/** Integer histograms say what each bucket has more than the one before, float histograms what it has. */
function readHistogram(reader: ProtoReader, into: ColumnBuilder): void {
  into.reserve(1)
  const at = into.length
  into.values[at] = 0
  let timestampMs = 0
  let count = 0
  let zeroCount = 0
  let schema = 0
  let zeroThreshold = 0
  let hint = 0
  const negativeSpans: Span[] = []
  const positiveSpans: Span[] = []
  const negative: number[] = []
  const positive: number[] = []
  const customValues: number[] = []
  while (reader.next()) {
    const { field } = reader
    if (field === 1) count = reader.int()
    else if (field === 2) count = reader.double()
    else if (field === 3) reader.doubleInto(into.values, at)
    else if (field === 4) schema = reader.sint()
    else if (field === 5) zeroThreshold = reader.double()
    else if (field === 6) zeroCount = reader.int()
    else if (field === 7) zeroCount = reader.double()
    else if (field === 8) negativeSpans.push(readSpan(reader.message()))
    else if (field === 9) appendSums(negative, reader.sints())
    else if (field === 10) for (const value of reader.doubles()) negative.push(value)
    else if (field === 11) positiveSpans.push(readSpan(reader.message()))
    else if (field === 12) appendSums(positive, reader.sints())
    else if (field === 13) for (const value of reader.doubles()) positive.push(value)
    else if (field === 14) hint = reader.int()
    else if (field === 15) timestampMs = reader.int()
    else if (field === 16) for (const value of reader.doubles()) customValues.push(value)
    else reader.skip()
  }
  const histogram: FloatHistogram = {
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum: into.values[at],
    positiveSpans,
    negativeSpans,
    positiveBuckets: Float64Array.from(positive),
    negativeBuckets: Float64Array.from(negative),
    customValues: Float64Array.from(customValues),
    counterResetHint: HINTS[hint] ?? 'unknown',
  }
  into.timestamps[at] = timestampMs
  into.histograms().set(at, histogram)
  into.commit(1)
}

function appendSums(into: number[], deltas: readonly number[]): void {
  let sum = into.at(-1) ?? 0
  for (const delta of deltas) into.push((sum += delta))
}

/** Prometheus's protobuf exposition format: delimited `io.prometheus.client.MetricFamily` messages. */
import { appendSpans } from '#lib/bytes/histogram-spans.ts'
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from '#lib/model/histogram.ts'
import { escapeName, type NameEscaping } from './escape-name.ts'
import { classicBuckets, type Metric, type MetricFamily, type MetricType } from './family.ts'

const TYPES: Readonly<Record<MetricType, number>> = {
  untyped: 3,
  histogram: 4,
  gauge_histogram: 5,
}

/** One family, with its length in front. */
export function familyProtobuf(family: MetricFamily, escaping: NameEscaping): Uint8Array {
  const message = new ProtoWriter()
  message.string(1, escapeName(family.name, escaping))
  message.int(3, TYPES[family.type])
  for (const metric of family.metrics) appendMetric(message, metric, escaping)
  const out = new ProtoWriter(message.length + 10)
  out.delimited(message.bytes())
  return out.bytes()
}

function appendMetric(
  out: ProtoWriter,
  { labels, value, histogram, timestampMs }: Metric,
  escaping: NameEscaping,
): void {
  const start = out.begin(4)
  for (let i = 0; i < labels.length; i += 2) {
    const label = out.begin(1)
    out.string(1, escapeName(labels[i]!, escaping))
    out.string(2, labels[i + 1]!)
    out.end(label)
  }
  if (histogram === undefined) {
    const untyped = out.begin(5)
    out.double(1, value)
    out.end(untyped)
  }
  out.int(6, timestampMs)
  if (histogram !== undefined) {
    const body = out.begin(7)
    if (histogram.schema === CUSTOM_BUCKETS_SCHEMA) appendClassic(out, histogram)
    else appendNative(out, histogram)
    out.end(body)
  }
  out.end(start)
}

function appendClassic(out: ProtoWriter, histogram: FloatHistogram): void {
  out.double(2, histogram.sum)
  for (const { upperBound, cumulativeCount } of classicBuckets(histogram)) {
    const bucket = out.begin(3)
    out.double(2, upperBound)
    out.double(4, cumulativeCount)
    out.end(bucket)
  }
  out.double(4, histogram.count)
}

function appendNative(out: ProtoWriter, histogram: FloatHistogram): void {
  out.double(2, histogram.sum)
  out.double(4, histogram.count)
  out.sint(5, histogram.schema)
  out.double(6, histogram.zeroThreshold)
  out.double(8, histogram.zeroCount)
  appendSpans(out, 9, histogram.negativeSpans)
  for (const count of histogram.negativeBuckets) out.double(11, count)
  appendSpans(out, 12, histogram.positiveSpans)
  for (const count of histogram.positiveBuckets) out.double(14, count)
}

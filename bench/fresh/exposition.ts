/** What an exporter says, as delimited `io.prometheus.client.MetricFamily` messages: the only format with native histograms. */
import { appendSpans } from '#lib/bytes/histogram-spans.ts'
import { ProtoWriter } from '#lib/bytes/protobuf.ts'
import type { Span } from '#lib/model/histogram.ts'

export const PROTOBUF_TYPE =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

export interface ShownExemplar {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly timestampMs: number
}

/** Classic buckets and exponential ones beside each other; Prometheus takes what it is told to. */
export interface ShownHistogram {
  readonly count: number
  readonly sum: number
  /** Cumulative, without +Inf. */
  readonly classic: readonly { readonly upperBound: number; readonly count: number }[]
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positiveSpans: readonly Span[]
  /** Of each bucket, not cumulative. */
  readonly positiveCounts: readonly number[]
  readonly exemplar?: ShownExemplar | undefined
}

export interface ShownMetric {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number | ShownHistogram
  readonly exemplar?: ShownExemplar | undefined
}

export interface ShownFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly metrics: readonly ShownMetric[]
}

const TYPES = { counter: 0, gauge: 1, histogram: 4 } as const
/** Field of a metric that holds its value. */
const VALUE_FIELDS = { counter: 3, gauge: 2, histogram: 7 } as const

export function exposition(families: readonly ShownFamily[]): Uint8Array {
  const out = new ProtoWriter(64 * 1024)
  const message = new ProtoWriter(64 * 1024)
  for (const { name, help, type, metrics } of families) {
    message.clear()
    message.string(1, name)
    message.string(2, help)
    message.int(3, TYPES[type])
    for (const { labels, value, exemplar } of metrics) {
      const metric = message.begin(4)
      appendLabels(message, labels)
      const body = message.begin(VALUE_FIELDS[type])
      if (typeof value === 'number') message.double(1, value)
      else appendHistogram(message, value)
      if (exemplar !== undefined) appendExemplar(message, 2, exemplar)
      message.end(body)
      message.end(metric)
    }
    out.delimited(message.bytes())
  }
  return out.bytes()
}

function appendLabels(out: ProtoWriter, labels: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(labels)) {
    const label = out.begin(1)
    out.string(1, name)
    out.string(2, value)
    out.end(label)
  }
}

function appendHistogram(out: ProtoWriter, histogram: ShownHistogram): void {
  out.int(1, histogram.count)
  out.double(2, histogram.sum)
  for (const { upperBound, count } of histogram.classic) {
    const bucket = out.begin(3)
    out.int(1, count)
    out.double(2, upperBound)
    out.end(bucket)
  }
  out.sint(5, histogram.schema)
  out.double(6, histogram.zeroThreshold)
  out.int(7, histogram.zeroCount)
  appendSpans(out, 12, histogram.positiveSpans)
  let before = 0
  for (const count of histogram.positiveCounts) {
    out.sint(13, count - before)
    before = count
  }
  if (histogram.exemplar !== undefined) appendExemplar(out, 16, histogram.exemplar)
}

function appendExemplar(out: ProtoWriter, field: number, exemplar: ShownExemplar): void {
  const start = out.begin(field)
  appendLabels(out, exemplar.labels)
  out.double(2, exemplar.value)
  const timestamp = out.begin(3)
  out.int(1, Math.floor(exemplar.timestampMs / 1000))
  out.int(2, (exemplar.timestampMs % 1000) * 1_000_000)
  out.end(timestamp)
  out.end(start)
}

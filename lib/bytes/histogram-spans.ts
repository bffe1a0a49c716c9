/** Spans of native histograms, which all of Prometheus's protobuf messages write alike. */
import type { Span } from '#lib/model/histogram.ts'
import type { ProtoWriter } from './protobuf.ts'

export function appendSpans(out: ProtoWriter, field: number, spans: readonly Span[]): void {
  for (const { offset, length } of spans) {
    const span = out.begin(field)
    out.sint(1, offset)
    out.int(2, length)
    out.end(span)
  }
}

/** Spans of native histograms, which all of Prometheus's protobuf messages write alike. */
import type { Span } from '#lib/model/histogram.ts'
import type { ProtoReader, ProtoWriter } from './protobuf.ts'

export function appendSpans(out: ProtoWriter, field: number, spans: readonly Span[]): void {
  for (const { offset, length } of spans) {
    const span = out.begin(field)
    out.sint(1, offset)
    out.int(2, length)
    out.end(span)
  }
}

export function readSpan(reader: ProtoReader): Span {
  let offset = 0
  let length = 0
  while (reader.next()) {
    if (reader.field === 1) offset = reader.sint()
    else if (reader.field === 2) length = reader.int()
    else reader.skip()
  }
  return { offset, length }
}

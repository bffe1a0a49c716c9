/** A remote-write 2.0 request, by hand: protobuf in a snappy frame of literals. */
import type { MadeHistogram, MadeSample, MadeSeries } from './made-series.ts'

const STALE = new Uint8Array([2, 0, 0, 0, 0, 0, 0xf0, 0x7f])

export function remoteWriteRequest(series: readonly MadeSeries[]): Uint8Array<ArrayBuffer> {
  const symbols = ['']
  const bodies = series.map(({ labels, samples }) => {
    const symbol = (text: string): number => {
      const known = symbols.indexOf(text)
      return known >= 0 ? known : symbols.push(text) - 1
    }
    const refs = labels.flat().map(symbol)
    const out: number[] = []
    field(out, 1, refs.flatMap((ref) => varint(BigInt(ref))))
    for (const one of samples) {
      if (one.histogram) field(out, 3, histogram(one, one.histogram))
      else field(out, 2, sample(one))
    }
    const metadata: number[] = []
    integer(metadata, 1, 2) // a gauge
    integer(metadata, 3, symbol(`Made up as ${labels[0]![1]}.`))
    integer(metadata, 4, symbol('seconds'))
    field(out, 5, metadata)
    return out
  })
  const message: number[] = []
  for (const symbol of symbols) field(message, 4, [...new TextEncoder().encode(symbol)])
  for (const body of bodies) field(message, 5, body)
  return snappy(message)
}

/** The same in remote-write 1.0, where series carry their labels. */
export function firstRemoteWriteRequest(series: readonly MadeSeries[]): Uint8Array<ArrayBuffer> {
  const message: number[] = []
  for (const { labels, samples, exemplars = [] } of series) {
    const out: number[] = []
    labelFields(out, labels)
    for (const one of samples) {
      if (one.histogram) field(out, 4, histogram(one, one.histogram))
      else field(out, 2, sample(one))
    }
    for (const exemplar of exemplars) {
      const body: number[] = []
      labelFields(body, exemplar.labels)
      double(body, 2, exemplar.v)
      integer(body, 3, exemplar.t)
      field(out, 3, body)
    }
    field(message, 1, out)
  }
  return snappy(message)
}

function labelFields(out: number[], labels: MadeSeries['labels']): void {
  const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)]
  for (const [name, value] of labels) {
    const label: number[] = []
    field(label, 1, utf8(name))
    field(label, 2, utf8(value))
    field(out, 1, label)
  }
}

function sample({ t, v, stale }: MadeSample): number[] {
  const out: number[] = []
  if (stale) out.push(9, ...STALE)
  else double(out, 1, v!)
  integer(out, 2, t)
  return out
}

function histogram({ t }: MadeSample, h: MadeHistogram): number[] {
  const out: number[] = []
  const int = h.kind === 'int'
  if (int) integer(out, 1, h.count)
  else double(out, 2, h.count)
  if (h.stale) out.push(25, ...STALE)
  else double(out, 3, h.sum)
  integer(out, 4, zigzag(h.schema))
  double(out, 5, h.zeroThreshold)
  if (int) integer(out, 6, h.zeroCount)
  else double(out, 7, h.zeroCount)
  for (const span of h.negativeSpans) field(out, 8, spanOf(span))
  if (int) field(out, 9, deltas(h.negative))
  else field(out, 10, doubles(h.negative))
  for (const span of h.positiveSpans) field(out, 11, spanOf(span))
  if (int) field(out, 12, deltas(h.positive))
  else field(out, 13, doubles(h.positive))
  if (h.gauge) integer(out, 14, 3)
  integer(out, 15, t)
  if (h.customValues) field(out, 16, doubles(h.customValues))
  return out
}

function spanOf([offset, length]: readonly [number, number]): number[] {
  const out: number[] = []
  integer(out, 1, zigzag(offset))
  integer(out, 2, length)
  return out
}

function deltas(counts: readonly number[]): number[] {
  return counts.flatMap((count, i) => varint(BigInt(zigzag(count - (counts[i - 1] ?? 0)))))
}

function doubles(values: readonly number[]): number[] {
  return [...new Uint8Array(Float64Array.from(values).buffer)]
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2
}

function integer(out: number[], number: number, value: number): void {
  out.push(...varint(BigInt(number * 8)), ...varint(BigInt(value)))
}

function double(out: number[], number: number, value: number): void {
  out.push(number * 8 + 1, ...doubles([value]))
}

function field(out: number[], number: number, body: readonly number[]): void {
  if (body.length === 0 && number > 5) return
  out.push(...varint(BigInt(number * 8 + 2)), ...varint(BigInt(body.length)))
  for (const byte of body) out.push(byte)
}

function varint(value: bigint): number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  out.push(Number(rest))
  return out
}

/** The size, then literals of at most 256 bytes. */
function snappy(message: readonly number[]): Uint8Array<ArrayBuffer> {
  const out = varint(BigInt(message.length))
  for (let at = 0; at < message.length; at += 256) {
    const piece = message.slice(at, at + 256)
    out.push(60 << 2, piece.length - 1, ...piece)
  }
  return Uint8Array.from(out)
}

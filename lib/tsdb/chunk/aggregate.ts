/** Thanos's downsampled chunk (encoding 255): up to five chunks, one per aggregate, in one. */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'

export const AGGREGATES = ['count', 'sum', 'min', 'max', 'counter'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export interface InnerChunk {
  readonly encoding: number
  readonly data: Uint8Array
}

export type AggregateChunk = Readonly<Partial<Record<Aggregate, InnerChunk>>>

/** For each aggregate: uvarint size (0: absent), encoding byte, data. */
export function parseAggregateChunk(data: Uint8Array): AggregateChunk {
  const reader = new ByteReader(data)
  const chunks: Partial<Record<Aggregate, InnerChunk>> = {}
  for (const aggregate of AGGREGATES) {
    const size = reader.uvarint32()
    if (size > 0) chunks[aggregate] = { encoding: reader.uint8(), data: reader.take(size) }
  }
  return chunks
}

/**
 * Thanos can't read a chunk whose last entry is absent (it asks for a byte more than there is), so a
 * downsampled chunk should always have a counter.
 */
export function writeAggregateChunk(chunks: AggregateChunk): Uint8Array {
  const out = new ByteWriter(1024)
  for (const aggregate of AGGREGATES) {
    const chunk = chunks[aggregate]
    out.uvarint(chunk?.data.length ?? 0)
    if (!chunk) continue
    out.uint8(chunk.encoding)
    out.append(chunk.data)
  }
  return out.bytes().slice()
}

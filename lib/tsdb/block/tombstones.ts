/** The tombstones file: intervals of samples that were deleted. Thanos's blocks have none. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import type { Interval } from '../chunk/columns.ts'

const TOMBSTONES_MAGIC = 0x0130ba30

/** Intervals by series id. */
export type Tombstones = ReadonlyMap<number, readonly Interval[]>

export const NO_TOMBSTONES: Tombstones = new Map()

/** magic 4B, version 1, then id uvarint, mint varint, maxt varint…, crc 4B of the entries. */
export function parseTombstones(bytes: Uint8Array): Tombstones {
  const reader = new ByteReader(bytes)
  const magic = reader.uint32()
  if (magic !== TOMBSTONES_MAGIC)
    throw new CorruptError(`tombstones magic ${magic.toString(16)}`, 0)
  const version = reader.uint8()
  if (version !== 1) throw new CorruptError(`tombstones version ${version}`, 4)
  const from = reader.offset
  if (reader.remaining < 4) throw new CorruptError('tombstones end before their crc', from)
  const end = bytes.length - 4
  reader.skip(end - from)
  reader.expectCrc(from)
  const entries = new ByteReader(bytes, from, end)
  const tombstones = new Map<number, Interval[]>()
  while (entries.remaining > 0) {
    const id = entries.uvarint()
    const interval = { minTimeMs: entries.varint(), maxTimeMs: entries.varint() }
    const intervals = tombstones.get(id)
    if (intervals) intervals.push(interval)
    else tombstones.set(id, [interval])
  }
  return tombstones
}

export function writeTombstones(tombstones: Tombstones): Uint8Array {
  const out = new ByteWriter()
  out.uint32(TOMBSTONES_MAGIC)
  out.uint8(1)
  const from = out.length
  for (const [id, intervals] of tombstones) {
    for (const { minTimeMs, maxTimeMs } of intervals) {
      out.uvarint(id)
      out.varint(minTimeMs)
      out.varint(maxTimeMs)
    }
  }
  out.crc(from)
  return out.bytes()
}

/** What a record of the write-ahead log says: columns, a row for each entry. */
import { CorruptError } from '#lib/model/errors.ts'
import type { HistogramColumn } from '#lib/model/histogram-column.ts'
import { compareUtf8, type Labels, labelsFromPairs } from '#lib/model/labels.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { readHistograms } from './histogram-record.ts'
import { readFloats } from './float-record.ts'

/** Labels of series that were created: `refs` stands for them in all other records. */
export interface SeriesRecord {
  readonly type: 'series'
  readonly refs: readonly number[]
  readonly labels: readonly Labels[]
}

/**
 * Samples of many series, in the order they were appended: a scrape, a request. As in columns of samples, `values` has the
 * sum of a histogram, and start timestamps are 0 where unknown.
 */
export interface SamplesRecord {
  readonly type: 'samples'
  readonly refs: Float64Array
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** Absent when none is known. */
  readonly startTimestamps: Float64Array | undefined
  /** Absent when all are floats; otherwise none is. */
  readonly histograms: HistogramColumn | undefined
}

/**
 * Samples that were deleted: closed intervals, in ms. From -Infinity to Infinity a series left the head for a block, all of it,
 * and may begin anew.
 */
export interface TombstonesRecord {
  readonly type: 'tombstones'
  readonly refs: readonly number[]
  readonly minTimes: readonly number[]
  readonly maxTimes: readonly number[]
}

export interface ExemplarsRecord {
  readonly type: 'exemplars'
  readonly refs: Float64Array
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly labels: readonly Labels[]
}

/** In the log of what came late: samples of the series up to here are in the chunk of the head at `chunks`. */
export interface MmapMarkersRecord {
  readonly type: 'mmap-markers'
  readonly refs: readonly number[]
  readonly chunks: readonly number[]
}

export interface MetadataRecord {
  readonly type: 'metadata'
  readonly refs: readonly number[]
  readonly metricTypes: readonly string[]
  readonly units: readonly string[]
  readonly helps: readonly string[]
}

export type WalRecord =
  | SeriesRecord
  | SamplesRecord
  | TombstonesRecord
  | ExemplarsRecord
  | MmapMarkersRecord
  | MetadataRecord

/** By their byte. */
const METRIC_TYPES = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]

/** Undefined where the type is not known: newer Prometheuses may write more. Throws CorruptError; offsets count from the record's start. */
export function decodeRecord(record: Uint8Array): WalRecord | undefined {
  if (record.length === 0) return undefined
  const reader = new ByteReader(record)
  switch (reader.uint8()) {
    case 1:
      return readSeries(reader)
    case 2:
      return readFloats(reader, 1)
    case 3:
      return readTombstones(reader)
    case 4:
      return readExemplars(reader)
    case 5:
      return readMmapMarkers(reader)
    case 6:
      return readMetadata(reader)
    case 7: // integer
    case 9: // integer, custom buckets
      return readHistograms(reader, 1, 'integer')
    case 8: // float
    case 10: // float, custom buckets
      return readHistograms(reader, 1, 'float')
    case 11:
      return readFloats(reader, 2)
    case 12:
      return readHistograms(reader, 2, 'integer')
    case 13:
      return readHistograms(reader, 2, 'float')
    default:
      return undefined
  }
}

function readSeries(reader: ByteReader): SeriesRecord {
  const refs: number[] = []
  const labels: Labels[] = []
  while (reader.remaining > 0) {
    refs.push(reader.uint64())
    labels.push(readLabels(reader))
  }
  return { type: 'series', refs, labels }
}

function readTombstones(reader: ByteReader): TombstonesRecord {
  const refs: number[] = []
  const minTimes: number[] = []
  const maxTimes: number[] = []
  while (reader.remaining > 0) {
    refs.push(reader.uint64())
    minTimes.push(readBound(reader))
    maxTimes.push(readBound(reader))
  }
  return { type: 'tombstones', refs, minTimes, maxTimes }
}

/** The least and the greatest int64 stand for no bound: zig-zag, they are 2^64 - 1 and 2^64 - 2. */
function readBound(reader: ByteReader): number {
  const { bytes, offset } = reader
  const first = bytes[offset]!
  const isBound =
    reader.remaining >= 10 &&
    first >= 0xfe &&
    bytes.subarray(offset + 1, offset + 9).every((byte) => byte === 0xff) &&
    bytes[offset + 9] === 1
  if (!isBound) return reader.varint()
  reader.skip(10)
  return first === 0xff ? -Infinity : Infinity
}

function readExemplars(reader: ByteReader): ExemplarsRecord {
  const labels: Labels[] = []
  const { refs, timestamps, values } = readFloats(reader, 1, () => labels.push(readLabels(reader)))
  return { type: 'exemplars', refs, timestamps, values, labels }
}

function readMmapMarkers(reader: ByteReader): MmapMarkersRecord {
  const refs: number[] = []
  const chunks: number[] = []
  while (reader.remaining > 0) {
    refs.push(reader.uint64())
    chunks.push(reader.uint64())
  }
  return { type: 'mmap-markers', refs, chunks }
}

function readMetadata(reader: ByteReader): MetadataRecord {
  const refs: number[] = []
  const metricTypes: string[] = []
  const units: string[] = []
  const helps: string[] = []
  while (reader.remaining > 0) {
    refs.push(reader.uvarint())
    metricTypes.push(METRIC_TYPES[reader.uint8()] ?? 'unknown')
    const fields = new Map<string, string>()
    for (let left = reader.uvarint(); left > 0; left--) fields.set(reader.string(), reader.string())
    units.push(fields.get('UNIT') ?? '')
    helps.push(fields.get('HELP') ?? '')
  }
  return { type: 'metadata', refs, metricTypes, units, helps }
}

function readLabels(reader: ByteReader): Labels {
  const at = reader.offset
  const count = reader.uvarint()
  if (count * 2 > reader.remaining) throw new CorruptError(`${count} labels in too few bytes`, at)
  const labels: string[] = []
  let ordered = true
  for (let i = 0; i < count; i++) {
    const name = reader.string()
    const value = reader.string()
    if (value === '' || (i > 0 && compareUtf8(labels[i * 2 - 2]!, name) >= 0)) ordered = false
    labels.push(name, value)
  }
  if (ordered) return labels
  return labelsFromPairs(
    Array.from({ length: count }, (_, i) => [labels[i * 2]!, labels[i * 2 + 1]!]),
  )
}

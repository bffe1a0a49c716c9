/**
 * `thaw/compact/<ulid>/part-0001`: what the index will have of a part's series, byte for byte.
 *
 * ┌──────────────────────────────────────┬──────┬───────────────────────────────────────────┐
 * │ series entries, each at 16 × n       │ JSON │ its length <4b>, its CRC-32C <4b>, "THWP" │
 * └──────────────────────────────────────┴──────┴───────────────────────────────────────────┘
 * It is put when the part's chunks are in the bucket: a part whose file is there is done.
 */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { CorruptError, NewerFormatError, refuseNewer } from '#lib/model/errors.ts'
import type { BlockFile } from '#lib/tsdb/block/segment-writer.ts'
import { cutFolder, partFile } from './cut.ts'

/** The JSON. */
export interface PartSummary {
  readonly version: 1
  /** Of the cut that the part belongs to. */
  readonly cut: number
  readonly numSeries: number
  readonly numChunks: number
  readonly numFloatSamples: number
  readonly numHistogramSamples: number
  /** Of the samples that are neither: windows of downsampled chunks. */
  readonly numWindows: number
  readonly seriesMaxSize: number
  readonly chunkMaxSize: number
  readonly entriesSize: number
  readonly entriesChecksum: number
  /** Segment files, inside the block. */
  readonly files: readonly BlockFile[]
}

const MAGIC = 0x54485750
const TRAILER_SIZE = 12
/** Of the end of a part file: the summary of a part of a few hundred segment files fits. */
const TAIL_SIZE = 64 * 1024

export function encodeSummary(summary: PartSummary): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(summary))
  const out = new ByteWriter(json.length + TRAILER_SIZE)
  out.append(json)
  out.uint32(json.length)
  out.crc(0)
  out.uint32(MAGIC)
  return out.bytes()
}

/** Of part `part`. Rejects with NotFoundError, with CorruptError where the file is not whole, and with NewerFormatError. */
export async function readSummary(
  bucket: Bucket,
  ulid: string,
  part: number,
  signal?: AbortSignal,
): Promise<PartSummary> {
  const key = `${cutFolder(ulid)}/${partFile(part)}`
  let tail = await bucket.getTail(key, TAIL_SIZE, { signal })
  try {
    const size = jsonSize(tail.body) + TRAILER_SIZE
    if (size > tail.body.length) tail = await bucket.getTail(key, size, { signal })
    return parseSummary(tail.body, tail.size)
  } catch (error) {
    throw error instanceof CorruptError || error instanceof NewerFormatError ? error.in(key) : error
  }
}

function jsonSize(tail: Uint8Array): number {
  return new ByteReader(tail, Math.max(0, tail.length - TRAILER_SIZE)).uint32()
}

function parseSummary(tail: Uint8Array, fileSize: number): PartSummary {
  const at = tail.length - TRAILER_SIZE
  const size = jsonSize(tail)
  if (size > at) throw new CorruptError('no summary of a part', 0)
  const reader = new ByteReader(tail, at + 4)
  reader.expectCrc(at - size)
  if (reader.uint32() !== MAGIC) throw new CorruptError('no part', at)
  const json: unknown = JSON.parse(new TextDecoder().decode(tail.subarray(at - size, at)))
  const summary = json as PartSummary
  refuseNewer('a part of a block', summary.version, 1)
  if (summary.version !== 1 || summary.entriesSize + size + TRAILER_SIZE !== fileSize) {
    throw new CorruptError(`part of ${fileSize} bytes`, 0)
  }
  return summary
}

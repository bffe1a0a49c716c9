/** `thaw/compact/<ulid>/cut.json`: of which blocks the block `ulid` is made, and which part makes which of its series. */
import {
  type BlockRecord,
  type BlockRecordJson,
  recordFromJson,
  recordToJson,
} from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { CorruptError, refuseNewer } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Dedup } from '../jobs/job.ts'

const VERSION = 1
export const CUTS_PREFIX = 'thaw/compact/'
const CUT_FILE = 'cut.json'
const PART_FILE = /^part-(\d{4,})$/

export interface Cut {
  readonly version: 1
  /** Of the block that is made. */
  readonly ulid: string
  /** As they were when it was cut, without their marks. In the order in which they are merged. */
  readonly inputs: readonly BlockRecord[]
  readonly dedup?: Dedup | undefined
  /** Segment files of the block are no longer than this, where their number is enough. */
  readonly segmentSize: number
  readonly parts: readonly CutPart[]
}

/** Series from this part's first to the next part's. */
export interface CutPart {
  /** Not in the first part, which has whatever comes before the second. */
  readonly from?: Labels | undefined
  /** For each input the bytes [start, end) of its index where these series are. */
  readonly index: readonly (readonly [number, number])[]
  /** Of chunks, in all inputs. */
  readonly inputBytes: number
  /** Of the segment files that are this part's alone, counted from 0; it may need less. */
  readonly firstSegment: number
  readonly segments: number
}

/** A cut as it lies in the bucket. */
export interface StoredCut extends Cut {
  /** Differs where the cut does: parts of one cut fit no other. */
  readonly checksum: number
  readonly etag: string
}

/** Where all of it lies, without the slash behind. */
export function cutFolder(ulid: string): string {
  return CUTS_PREFIX + ulid
}

export function cutKey(ulid: string): string {
  return `${cutFolder(ulid)}/${CUT_FILE}`
}

/** What will be in front of the series in the index: magic, version and symbols. */
export function headKey(ulid: string): string {
  return `${cutFolder(ulid)}/head`
}

/** The file of part `part`, counted from 0, in `cutFolder`. */
export function partFile(part: number): string {
  return `part-${String(part + 1).padStart(4, '0')}`
}

/** Undefined where `file` is no part. */
export function partOf(file: string): number | undefined {
  const digits = PART_FILE.exec(file)?.[1]
  return digits === undefined ? undefined : Number(digits) - 1
}

/** The same bytes for the same cut. */
export function formatCut(cut: Cut): Uint8Array {
  const inputs = cut.inputs.map((block) => recordToJson(block))
  return new TextEncoder().encode(JSON.stringify({ ...cut, inputs }, undefined, 1))
}

/** Rejects with NotFoundError, with CorruptError where it is not whole, and with NewerFormatError. */
export async function readCut(
  bucket: Bucket,
  ulid: string,
  signal?: AbortSignal,
): Promise<StoredCut> {
  const key = cutKey(ulid)
  const { body, etag } = await bucket.get(key, { signal })
  const json = parseJson(body)
  refuseNewer(key, json?.version, VERSION)
  if (
    json?.version !== VERSION ||
    json.ulid !== ulid ||
    !json.inputs?.length ||
    !json.parts?.length
  ) {
    throw new CorruptError('no cut of a block', 0).in(key)
  }
  if (json.parts.some(({ index }) => index.length !== json.inputs.length)) {
    throw new CorruptError('a part without all inputs', 0).in(key)
  }
  const inputs = json.inputs.map((input) => recordFromJson(input))
  return { ...json, inputs, checksum: crc32c(body), etag }
}

/** Undefined where it is none, of any version. */
function parseJson(
  body: Uint8Array,
): (Omit<Cut, 'inputs'> & { inputs: BlockRecordJson[] }) | undefined {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(body))
    const isCut = typeof json === 'object' && json !== null && 'version' in json
    return isCut
      ? (json as Omit<Cut, 'inputs'> & { version: 1; inputs: BlockRecordJson[] })
      : undefined
  } catch {
    return undefined
  }
}

/**
 * The bytes of a fresh block, called a pack: pages, compressed one by one with zstd and each with its CRC-32C, then the directory.
 *
 *     ┌──────────────────────────────┐
 *     │ magic 4b │ version 1b        │
 *     ├──────────────────────────────┤
 *     │ series pages                 │  series ascending by labels, about 64 KB each before compression
 *     │ label pages                  │  label names ascending, with their values
 *     │ exemplars, metadata,         │  one page each, where there are any
 *     │ deletions                    │
 *     ├──────────────────────────────┤
 *     │ directory (JSON)             │  a page like the others
 *     │ its length 4b │ magic 4b     │
 *     └──────────────────────────────┘
 */
import { zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib'
import { crc32c } from '#lib/bytes/crc32c.ts'
import { CorruptError } from '#lib/model/errors.ts'

export const PACK_MAGIC = 0x7468_6177 // "thaw"
export const PACK_VERSION = 1
export const HEADER_BYTES = 5
/** Length and magic behind the directory. */
export const FOOTER_BYTES = 8
/** Before compression; a series larger than this has a page of its own. */
export const PAGE_BYTES = 64 * 1024
/** What a page mostly fits in, in one piece. */
const USUAL_PAGE_BYTES = PAGE_BYTES + 4096
/** More than any page needs that thaw writes. */
const MAX_PAGE_BYTES = 256 * 1024 * 1024

/** Bytes [start, end) of the pack, and the least and greatest name in them. */
export interface PageEntry {
  readonly start: number
  readonly end: number
  /** Of series: metric names ('' where a series has none). Of label pages: label names. */
  readonly first: string
  readonly last: string
}

export interface PackDirectory {
  readonly version: number
  readonly seriesCount: number
  readonly sampleCount: number
  /** Both inclusive; of a pack without samples 0. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly pages: readonly PageEntry[]
  readonly labelPages: readonly PageEntry[]
  /** Ascending by UTF-8 bytes. */
  readonly labelNames: readonly string[]
  readonly exemplars?: PageEntry | undefined
  readonly metadata?: PageEntry | undefined
  readonly deletions?: PageEntry | undefined
  /** Where the writer goes on: its own business. */
  readonly position?: unknown
}

export function compressPage(raw: Uint8Array): Uint8Array {
  const packed = zstdCompressSync(raw, {
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  })
  const page = new Uint8Array(packed.length + 4)
  page.set(packed)
  new DataView(page.buffer).setUint32(packed.length, crc32c(packed, 0, packed.length))
  return page
}

/** Throws CorruptError. */
export function decompressPage(page: Uint8Array): Uint8Array {
  const end = page.length - 4
  if (end < 0) throw new CorruptError('page too short', 0)
  const expected = new DataView(page.buffer, page.byteOffset + end, 4).getUint32(0)
  if (crc32c(page, 0, end) !== expected) throw new CorruptError('checksum of the page differs', end)
  try {
    return zstdDecompressSync(page.subarray(0, end), {
      maxOutputLength: MAX_PAGE_BYTES,
      chunkSize: USUAL_PAGE_BYTES,
    })
  } catch (cause) {
    throw new CorruptError(`page is not zstd: ${(cause as Error).message}`, 0, { cause })
  }
}

/** Lays records out in pages, as they are said to be. */
import { crc32c } from '#lib/bytes/crc32c.ts'

export const PAGE_BYTES = 32_768
export const SNAPPY = 8
export const ZSTD = 16

export interface WrittenRecord {
  readonly bytes: Uint8Array
  /** Flags of its compression. */
  readonly flags?: number
}

/** Also gives where each record begins and ends. */
export function writeSegment(records: readonly WrittenRecord[]): {
  bytes: Uint8Array
  ends: number[]
} {
  const out: number[] = []
  const ends: number[] = []
  for (const { bytes, flags = 0 } of records) {
    let at = 0
    let begins = true
    do {
      let left = PAGE_BYTES - (out.length % PAGE_BYTES)
      if (left < 7) {
        for (; left > 0; left--) out.push(0)
        left = PAGE_BYTES
      }
      const part = bytes.subarray(at, at + left - 7)
      at += part.length
      out.push(fragmentType(begins, at === bytes.length) | flags)
      begins = false
      out.push(part.length >>> 8, part.length & 0xff)
      const crc = crc32c(part)
      out.push(crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff, ...part)
    } while (at < bytes.length)
    ends.push(out.length)
  }
  return { bytes: Uint8Array.from(out), ends }
}

function fragmentType(begins: boolean, ends: boolean): number {
  if (begins) return ends ? 1 : 2
  return ends ? 4 : 3
}

/** Zeros up to the end of the page. */
export function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / PAGE_BYTES) * PAGE_BYTES)
  whole.set(bytes)
  return whole
}

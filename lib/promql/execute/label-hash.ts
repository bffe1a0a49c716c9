/** Prometheus's label hash: limit_ratio() picks the same series, and rule groups have the same phase. */
import xxhash, { type XXHashAPI } from 'xxhash-wasm'
import type { Labels } from '#lib/model/labels.ts'

let hash: XXHashAPI | undefined

export async function loadHash(): Promise<void> {
  hash ??= await xxhash()
}

export function hashRatio(labels: Labels): number {
  return Number(labelHash(labels)) / 2 ** 64
}

/** 64 bits. */
export function labelHash(labels: Labels): bigint {
  if (!hash) throw new Error('bug: hash not loaded')
  return hash.h64Raw(packed(labels))
}

/** Each string after its length: one byte, or 0xff and three bytes little endian. */
function packed(labels: Labels): Uint8Array {
  const encoder = new TextEncoder()
  const parts = labels.map((text) => encoder.encode(text))
  const size = parts.reduce((sum, part) => sum + part.length + (part.length < 255 ? 1 : 4), 0)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    const { length } = part
    if (length < 255) bytes[at++] = length
    else {
      bytes.set([255, length & 255, (length >> 8) & 255, (length >> 16) & 255], at)
      at += 4
    }
    bytes.set(part, at)
    at += length
  }
  return bytes
}

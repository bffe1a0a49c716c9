/** Which series belong to a shard of a request, by the hash that all of Thanos's stores have in common. */
import xxhash from 'xxhash-wasm'
import type { Labels } from '#lib/model/labels.ts'
import type { ShardInfo } from './store-messages.ts'

/** Of labels as they are in the answer. */
export type ShardMatcher = (labels: Labels) => boolean

/** Behind each name and each value; no UTF-8 text has it. */
const SEPARATOR = 0xff

export async function shardMatcher(info: ShardInfo | undefined): Promise<ShardMatcher> {
  if (info === undefined || info.totalShards < 1) return () => true
  const { by } = info
  const names = new Set(info.labels)
  const hash = await xxhash()
  const encoder = new TextEncoder()
  const shards = BigInt(info.totalShards)
  const index = BigInt(info.shardIndex)
  let bytes = new Uint8Array(1024)
  return (labels) => {
    let size = 0
    for (let i = 0; i < labels.length; i++) {
      if (i % 2 === 0 && names.has(labels[i]!) !== by) {
        i++
        continue
      }
      const text = labels[i]!
      // No unit of UTF-16 takes more than three bytes.
      const most = size + text.length * 3 + 1
      if (most > bytes.length) {
        const bigger = new Uint8Array(most * 2)
        bigger.set(bytes)
        bytes = bigger
      }
      size += encoder.encodeInto(text, bytes.subarray(size)).written
      bytes[size++] = SEPARATOR
    }
    return hash.h64Raw(bytes.subarray(0, size)) % shards === index
  }
}

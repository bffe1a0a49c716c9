/** Thanos's shards of a query: XXH64 of labels modulo the number of shards. */
import xxhash from 'xxhash-wasm'
import type { ShardInfo } from '#lib/grpc/store-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'

const SEPARATOR = 0xff

/** Undefined where all series are wanted. Throws `invalid` for a shard that there is not. */
export async function shardMatcher(
  info: ShardInfo | undefined,
): Promise<((labels: Labels) => boolean) | undefined> {
  if (info === undefined || info.totalShards < 1) return undefined
  const { shardIndex, totalShards, by } = info
  if (shardIndex < 0 || shardIndex >= totalShards || !Number.isSafeInteger(totalShards)) {
    throw new DomainError('invalid', `shard ${shardIndex} of ${totalShards}`)
  }
  const hash = await xxhash()
  const names = new Set(info.labels)
  const total = BigInt(totalShards)
  const index = BigInt(shardIndex)
  let bytes = new Uint8Array(1024)

  /** Name and value of each label that counts, a byte behind each that no UTF-8 has. */
  function pack(labels: Labels): Uint8Array {
    let at = 0
    for (let i = 0; i < labels.length; i += 2) {
      if (names.has(labels[i]!) !== by) continue
      for (const text of [labels[i]!, labels[i + 1]!]) {
        const needed = at + text.length * 3 + 1
        if (needed > bytes.length) {
          const bigger = new Uint8Array(needed * 2)
          bigger.set(bytes)
          bytes = bigger
        }
        at += encoder.encodeInto(text, bytes.subarray(at)).written
        bytes[at++] = SEPARATOR
      }
    }
    return bytes.subarray(0, at)
  }

  return (labels) => BigInt.asUintN(64, hash.h64Raw(pack(labels))) % total === index
}

const encoder = new TextEncoder()

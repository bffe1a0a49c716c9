/** Which series belong to a shard: a hash of some of their labels, so that series that meet in an expression stay together. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Shard } from './storage.ts'

/** The metric name never counts: an expression joins metrics of different names. */
export function inShard(labels: Labels, { index, count, by, labels: names }: Shard): boolean {
  if (count <= 1) return true
  let hash = 0x811c9dc5
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i]!
    if (name === METRIC_NAME || names.includes(name) !== by) continue
    hash = fnv1a(labels[i + 1]!, fnv1a(name, hash))
  }
  return (hash >>> 0) % count === index
}

/** FNV-1a over UTF-16 units, with a separator behind each text. */
function fnv1a(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ 0xffff, 0x01000193)
}

/** What lies in the bucket that is not thaw's nor Thanos's, and who else works on it. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { type ThanosCompactor, thanosCompactorText } from '#lib/compact/plan/thanos-compactor.ts'
import { type Finding, some, verdicts } from './finding.ts'

const BLOCK = /^[0-7][0-9A-HJKMNP-TV-Z]{25}\/$/
/** `debug/` is Thanos's. */
const KNOWN_FOLDERS = new Set(['thaw/', 'debug/'])

/** Names at the top of the bucket: folders end with a slash. */
export function judgeForeign(names: readonly string[]): Finding {
  const { ok, warning } = verdicts('bucket', 'content')
  const foreign = names.filter((name) => !BLOCK.test(name) && !KNOWN_FOLDERS.has(name))
  if (foreign.length === 0) return ok('nothing but blocks and what belongs to them')
  return warning(
    `the bucket has ${foreign.length === 1 ? 'something' : 'things'} in it that neither thaw nor Thanos put there`,
    {
      seen: some(foreign),
      next: 'nothing touches it; but take a bucket, or a prefix of it, for the blocks alone: lifecycle rules and policies that others made for their objects are for blocks too',
    },
  )
}

export interface Compactors {
  readonly thanos: ThanosCompactor | undefined
  /** Whether the functions, or `thaw bucket compact --wait`, plan for this bucket. */
  readonly isPlanned: boolean
}

export function judgeCompactors({ thanos, isPlanned }: Compactors, nowMs: number): Finding {
  const { ok, warning } = verdicts('bucket', 'compactors')
  if (thanos === undefined) return ok("no compactor of Thanos's works on the bucket")
  const text = thanosCompactorText(thanos, nowMs)
  if (!isPlanned) return ok(text)
  return warning(text, {
    next: 'stop one of the two: together they are safe, but do work twice, and blocks are deleted by the shorter retention of both',
  })
}

/** A block without external labels is nobody's: no replica can be told from another, and Thanos refuses it. */
export function judgeLabels(blocks: readonly BlockRecord[]): Finding {
  const { ok, wrong } = verdicts('agents', 'external labels')
  const without = blocks.filter(({ labels, hidden }) => labels.length === 0 && !hidden)
  if (without.length === 0) return ok('all blocks have external labels')
  return wrong(
    `${without.length === 1 ? 'a block has' : `${without.length} blocks have`} no external labels`,
    {
      seen: some(without.map(({ id, source }) => `${id} (${source || 'unknown source'})`)),
      next: 'give each Prometheus its own in prometheus.yml (global: {external_labels: {cluster: eu, replica: a}}); thaw bucket rewrite with --rewrite.to-relabel-config gives some to these blocks',
    },
  )
}

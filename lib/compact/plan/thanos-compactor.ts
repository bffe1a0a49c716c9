/** Whether a compactor of Thanos's works on a bucket: what it leaves behind tells. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { countText, spanText } from './plan-text.ts'

export interface ThanosCompactor {
  /** Blocks that it marked for deletion lately. */
  readonly marked: number
  readonly lastMs: number
}

/** Thanos's words on marks, which are none of ours. */
const DETAILS = new Set(['source of compacted block', 'outdated block', 'source of repaired block'])
/** Marked blocks are there for two days; one that runs finds something each two hours. */
const LATELY_MS = 24 * 3_600_000

export function findThanosCompactor(
  blocks: readonly Pick<BlockRecord, 'marks'>[],
  nowMs: number,
): ThanosCompactor | undefined {
  const times = blocks.flatMap(({ marks: { deletion } }) =>
    deletion && DETAILS.has(deletion.details ?? '') && nowMs - deletion.timeMs < LATELY_MS
      ? [deletion.timeMs]
      : [],
  )
  if (times.length === 0) return undefined
  return { marked: times.length, lastMs: times.reduce((a, b) => Math.max(a, b)) }
}

export function thanosCompactorText({ marked, lastMs }: ThanosCompactor, nowMs: number): string {
  return `a compactor of Thanos's works on this bucket: it marked ${countText(marked, 'block')} for deletion, the last ${spanText(nowMs - lastMs)} ago`
}

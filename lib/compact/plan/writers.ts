/**
 * Who writes to the bucket, by external labels, and who has stopped: told from the listing and the index that a plan is made of, so it
 * costs no request.
 */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { labelsPath } from '#lib/fresh/fresh-key.ts'
import { type FreshPack, writerOf } from '#lib/fresh/fresh-list.ts'
import type { Labels } from '#lib/model/labels.ts'

export interface Writer {
  /** External labels. */
  readonly labels: Labels
  /** When its last pack came; of a writer without packs, the end of its newest block. */
  readonly lastMs: number
  readonly isSilent: boolean
}

export interface Written {
  readonly packs: readonly FreshPack[]
  readonly blocks: readonly BlockRecord[]
  readonly nowMs: number
}

const MINUTE_MS = 60_000
/** Packs come every half minute. */
const PACKS_SILENT_MS = 10 * MINUTE_MS
/** Prometheus cuts the block of two hours an hour after they are over, and the next one two hours later. */
const BLOCKS_SILENT_MS = 4 * 60 * MINUTE_MS
/** Who wrote nothing for so long is gone, and is not missed any more. */
const FORGOTTEN_MS = 24 * 60 * MINUTE_MS
/** Blocks of these are written as time goes by, by something that runs. */
const WRITERS = new Set(['sidecar', 'receive', 'ruler'])

/**
 * All of the last day, the longest silent first. `rulerLabels` is asked only where somebody is silent: the ruler of the bucket writes when a
 * rule has a result, and is none of them.
 */
export async function knownWriters(
  written: Written,
  rulerLabels: () => Promise<Labels | undefined>,
): Promise<readonly Writer[]> {
  const writers = writersOf(written, FORGOTTEN_MS)
  if (!writers.some(({ isSilent }) => isSilent)) return writers
  const ruler = await rulerLabels()
  if (!ruler) return writers
  const path = labelsPath(ruler)
  return writers.filter(({ labels }) => labelsPath(labels) !== path)
}

interface Seen {
  readonly labels: Labels
  readonly lastMs: number
  readonly silentAfterMs: number
}

/** Of the last `withinMs`, the longest silent first; the ruler of the bucket is one of them. */
export function writersOf({ packs, blocks, nowMs }: Written, withinMs: number): readonly Writer[] {
  const last = new Map<string, Seen>()
  const see = (path: string, seen: Seen): void => {
    const before = last.get(path)
    if (before === undefined || before.lastMs < seen.lastMs) last.set(path, seen)
  }
  for (const pack of packs) {
    const { labels, lastModifiedMs: lastMs } = pack
    see(writerOf(pack), { labels, lastMs, silentAfterMs: PACKS_SILENT_MS })
  }
  for (const { labels, maxTimeMs: lastMs, resolutionMs, source, fresh } of blocks) {
    if (resolutionMs !== 0 || !(fresh || WRITERS.has(source))) continue
    const silentAfterMs = fresh ? PACKS_SILENT_MS : BLOCKS_SILENT_MS
    see(labelsPath(labels), { labels, lastMs, silentAfterMs })
  }
  return [...last.values()]
    .filter(({ lastMs }) => nowMs - lastMs <= withinMs)
    .sort((a, b) => a.lastMs - b.lastMs)
    .map(({ labels, lastMs, silentAfterMs }) => ({
      labels,
      lastMs,
      isSilent: nowMs - lastMs > silentAfterMs,
    }))
}

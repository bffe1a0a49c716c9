/** Who puts samples into the bucket, how young the last ones are, where some are missing, and whether two do it under one name. */
import { decodeTime } from 'ulid'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { spanText, timeText } from '#lib/compact/plan/plan-text.ts'
import type { Writer } from '#lib/compact/plan/writers.ts'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import { formatLabels, type Labels, labelsKey } from '#lib/model/labels.ts'
import { type Finding, some, verdicts } from './finding.ts'

/** Whoever writes under these external labels. */
export interface Source {
  readonly labels: Labels
  /** End of the newest block and newest sample of the newest pack, ms. */
  readonly newestBlockMs?: number | undefined
  readonly newestPackMs?: number | undefined
  readonly packs: readonly FreshPack[]
  readonly blocks: readonly BlockRecord[]
}

/** What people put there by hand is no source that could go silent. */
const BY_HAND = new Set(['bucket.backfill', 'bucket.upload', 'bucket.rewrite', 'bucket.repair'])

/** `ruler`: external labels of thaw's own ruler, which is silent where no rule has a result. */
export function sourcesOf(
  blocks: readonly BlockRecord[],
  packs: readonly FreshPack[],
  ruler: Labels | undefined,
): readonly Source[] {
  const isRuler = (labels: Labels): boolean =>
    ruler !== undefined && labelsKey(labels) === labelsKey(ruler)
  const raw = blocks.filter(({ resolutionMs, labels }) => resolutionMs === 0 && !isRuler(labels))
  const blocksBy = Map.groupBy(raw, ({ labels }) => labelsKey(labels))
  const packsBy = Map.groupBy(
    packs.filter(({ labels }) => !isRuler(labels)),
    ({ labels }) => labelsKey(labels),
  )
  return [...new Set([...blocksBy.keys(), ...packsBy.keys()])].sort().flatMap((key) => {
    const own = { blocks: blocksBy.get(key) ?? [], packs: packsBy.get(key) ?? [] }
    if (own.packs.length === 0 && own.blocks.every(({ source }) => BY_HAND.has(source))) return []
    return {
      labels: (own.packs[0] ?? own.blocks[0])!.labels,
      ...own,
      newestBlockMs: newest(own.blocks),
      newestPackMs: newest(own.packs),
    }
  })
}

function newest(items: readonly { readonly maxTimeMs: number }[]): number | undefined {
  return items.length === 0
    ? undefined
    : items.reduce((most, { maxTimeMs }) => Math.max(most, maxTimeMs), -Infinity)
}

/** Who was away for so long is not expected back. */
export const ENDED_MS = 7 * 24 * 3_600_000

/** `writers`: all of that time. */
export function judgeSilence(writers: readonly Writer[], nowMs: number): Finding {
  const { ok, warning, wrong } = verdicts('agents', 'newest samples')
  if (writers.length === 0) {
    return warning('nobody puts samples into the bucket', {
      next: 'run an agent beside each Prometheus: thaw agent --tsdb.path=… --objstore.config-file=…',
    })
  }
  const line = ({ labels, lastMs }: Writer): string =>
    `${formatLabels(labels)}: ${spanText(nowMs - lastMs)} ago`
  const silent = writers.filter(({ isSilent }) => isSilent)
  if (silent.length === 0) {
    const count = writers.length === 1 ? 'one source puts' : `${writers.length} sources put`
    return ok(`${count} samples into the bucket`, some(writers.map(line)))
  }
  return wrong(
    `${silent.length} of ${writers.length} sources ${silent.length === 1 ? 'is' : 'are'} silent`,
    {
      seen: some(silent.map(line)),
      next: 'look at its agent: does it run, does /-/ready answer 200, what does its log say of uploads (thaw doctor --agent.url=http://host:10902 asks it); and does its Prometheus scrape',
    },
  )
}

/** Between two blocks; a restart of a Prometheus is shorter. */
const GAP_MS = 1_800_000
const LOOKED_AT_MS = 14 * 24 * 3_600_000

/** Times of the last two weeks that neither a block nor a pack of a source has. */
export function judgeGaps(sources: readonly Source[], nowMs: number): Finding {
  const { ok, warning } = verdicts('agents', 'gaps')
  const gaps = sources.flatMap(({ labels, blocks, packs }) => {
    const spans = [...blocks, ...packs]
      .filter(({ maxTimeMs }) => nowMs - maxTimeMs < LOOKED_AT_MS)
      .sort((a, b) => a.minTimeMs - b.minTimeMs)
    const found: string[] = []
    let reachedMs = spans[0]?.minTimeMs ?? 0
    for (const { minTimeMs, maxTimeMs } of spans) {
      if (minTimeMs - reachedMs > GAP_MS) {
        found.push(`${formatLabels(labels)}: from ${timeText(reachedMs)} to ${timeText(minTimeMs)}`)
      }
      reachedMs = Math.max(reachedMs, maxTimeMs)
    }
    return found
  })
  if (gaps.length === 0) return ok('no source has a gap in the last two weeks')
  return warning(`there are ${gaps.length === 1 ? 'no samples of a time' : 'gaps'} in between`, {
    seen: some(gaps),
    next: 'where Prometheus ran then, its blocks may still be on its disk: thaw agent --once --shipper.upload-compacted, or thaw bucket upload-blocks',
  })
}

/** A sequence that goes on although a later one of the same labels began is another agent's. */
const TAKEN_OVER_MS = 120_000

export function judgeRivals(sources: readonly Source[]): Finding {
  const { ok, wrong } = verdicts('agents', 'one agent each')
  const twice = sources.flatMap(({ labels, packs }) => {
    const epochs = [...Map.groupBy(packs, ({ epoch }) => epoch)].sort(([a], [b]) =>
      a < b ? -1 : 1,
    )
    return epochs.some(([, own], i) => {
      const next = epochs[i + 1]
      const begunMs = next && epochTimeMs(next[0])
      return begunMs !== undefined && (newest(own) ?? 0) > begunMs + TAKEN_OVER_MS
    })
      ? [formatLabels(labels)]
      : []
  })
  if (twice.length === 0) return ok('each source has one agent')
  return wrong('two agents write fresh samples under the same external labels', {
    seen: some(twice),
    next: 'stop one of them if both are beside one Prometheus; else give each Prometheus its own label, such as replica: a and replica: b',
  })
}

/** Undefined for what is no ULID. */
function epochTimeMs(epoch: string): number | undefined {
  try {
    return decodeTime(epoch.slice(0, 26))
  } catch {
    return undefined
  }
}

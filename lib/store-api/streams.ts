/** What a store says that it has. */
import { compareLabels, labelsKey } from '#lib/model/labels.ts'
import type { StreamInfo } from './series-store.ts'

/** Shorter gaps are not told: between fresh packs there is one each time. */
const LEAST_GAP_MS = 600_000

/** One for each set of labels and time without a gap, in the order of labels. */
export function joinStreams(streams: readonly StreamInfo[]): StreamInfo[] {
  const joined: StreamInfo[] = []
  for (const group of Map.groupBy(streams, ({ labels }) => labelsKey(labels)).values()) {
    let last: StreamInfo | undefined
    for (const stream of group.sort((a, b) => a.minTimeMs - b.minTimeMs)) {
      if (last && stream.minTimeMs <= last.maxTimeMs + LEAST_GAP_MS) {
        last = { ...last, maxTimeMs: Math.max(last.maxTimeMs, stream.maxTimeMs) }
      } else {
        if (last) joined.push(last)
        last = stream
      }
    }
    joined.push(last!)
  }
  return joined.sort((a, b) => compareLabels(a.labels, b.labels) || a.minTimeMs - b.minTimeMs)
}

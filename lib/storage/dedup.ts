/**
 * Merges replicas of one series: the first replica where it has samples, the others where it has none.
 *
 * Thanos's penalty algorithm remembers which replica it is on, so its answer depends on where a query begins, and it
 * drops two samples at each switch. This one has no memory: a sample of another replica is taken exactly when no sample
 * taken so far is nearer to it than its own replica's nearest sample. A healthy first replica therefore passes
 * through unchanged, replicas with equal timestamps give the gap-free series, and any cut of the time range gives the
 * same samples as the whole, if it reads `DEDUP_REACH_MS` further on both sides for each further replica.
 */
import type { SampleColumns } from '#lib/model/samples.ts'
import { ColumnSink } from './column-sink.ts'

/** Neighbours further away than this do not count: the lookback of an instant selector. */
export const DEDUP_REACH_MS = 300_000

/** `replicas` in their order of preference. The result may share memory with a single replica. */
export function dedupReplicas(replicas: readonly SampleColumns[]): SampleColumns {
  let merged = replicas[0]!
  for (let i = 1; i < replicas.length; i++) merged = fill(merged, replicas[i]!)
  return merged
}

function fill(first: SampleColumns, second: SampleColumns): SampleColumns {
  if (second.length === 0) return first
  if (first.length === 0) return second
  const taken = samplesInGaps(first, second)
  return taken.length === 0 ? first : interleave(first, second, taken)
}

/** Indices of `second` whose nearest neighbour in `second` is at least as near as any sample of `first`. */
function samplesInGaps(first: SampleColumns, second: SampleColumns): Uint32Array {
  const a = first.timestamps
  const b = second.timestamps
  const taken = new Uint32Array(second.length)
  let count = 0
  let next = 0 // first index of `a` inside or behind the window
  for (let j = 0; j < second.length; j++) {
    const t = b[j]!
    const before = j > 0 ? t - b[j - 1]! : Infinity
    const after = j + 1 < second.length ? b[j + 1]! - t : Infinity
    const apart = Math.min(before, after, DEDUP_REACH_MS)
    // Nearer samples of `first` may follow farther ones' windows, so `next` may have to go back.
    while (next > 0 && a[next - 1]! > t - apart) next--
    while (next < first.length && a[next]! <= t - apart) next++
    if (next === first.length || a[next]! >= t + apart) taken[count++] = j
  }
  return taken.subarray(0, count)
}

/** Merges by time. Timestamps never meet: one that equals a sample of `first` was not taken. */
function interleave(
  first: SampleColumns,
  second: SampleColumns,
  taken: Uint32Array,
): SampleColumns {
  const sink = new ColumnSink([first, second])
  let i = 0
  for (const index of taken) {
    while (i < first.length && first.timestamps[i]! <= second.timestamps[index]!) {
      sink.append(first, i++)
    }
    sink.append(second, index)
  }
  while (i < first.length) sink.append(first, i++)
  return sink.columns()
}

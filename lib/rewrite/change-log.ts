/** What a rewriting changed, a line for each series, in the words of Thanos's change.log. */
import { type Labels, quoteGo, quoteName } from '#lib/model/labels.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'

export type SeriesChange =
  /** `intervals`: the times that are gone, ascending. */
  | { readonly type: 'deleted'; readonly labels: Labels; readonly intervals: readonly Interval[] }
  | { readonly type: 'relabelled'; readonly labels: Labels; readonly to: Labels }

export const CHANGE_LOG_FILE = 'change.log'

export function changeLine(change: SeriesChange): string {
  if (change.type === 'relabelled') {
    return `Relabelled ${goLabels(change.labels)} ${goLabels(change.to)}\n`
  }
  const times = change.intervals.map(({ minTimeMs, maxTimeMs }) => `{${minTimeMs} ${maxTimeMs}}`)
  return `Deleted ${goLabels(change.labels)} [${times.join(' ')}]\n`
}

/** `{__name__="up", job="node"}`: the name is a label like others. */
function goLabels(labels: Labels): string {
  const pairs: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    pairs.push(`${quoteName(labels[i]!)}=${quoteGo(labels[i + 1]!)}`)
  }
  return `{${pairs.join(', ')}}`
}

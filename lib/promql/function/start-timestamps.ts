/** What start timestamps say about counters: resets, and starts that can't be. */
import type { AnnotationDetail } from '../execute/annotation-set.ts'

/** Whether the counter began anew between two samples. 0 is an unknown start. */
export function isStartReset(
  previousStart: number,
  previousTime: number,
  start: number,
  time: number,
): boolean {
  if (start === 0 || start >= time || start < previousTime) return false
  if (start > previousTime) return true
  // A start at the previous sample: a delta series if that one's start is known and sensible,
  // otherwise a cumulative one whose start nobody knows.
  return previousStart <= previousTime && previousStart !== 0 && previousStart !== previousTime
}

export function startsOverlap(previousStart: number, previousTime: number, start: number): boolean {
  return start !== 0 && start < previousTime && start !== previousStart
}

interface OverlapDetail extends AnnotationDetail {
  readonly count: number
}

export function startOverlapDetail(count: number): AnnotationDetail {
  const detail: OverlapDetail = {
    count,
    merge: (earlier) => startOverlapDetail(count + (earlier as OverlapDetail).count),
    show: () => (count > 1 ? ` (${count} occurrences)` : ''),
  }
  return detail
}

/** An instant vector selector: at each step the newest sample of the lookback window, unless it is a stale marker. */
import { isStale } from '#lib/model/samples.ts'
import type { VectorSelector } from '../parse/ast.ts'
import { FLOAT } from '../result.ts'
import { histogramWeight } from '../histogram/weight.ts'
import {
  clearColumn,
  newColumn,
  setFloat,
  setRow,
  type Column,
  type VectorOperator,
} from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'

/** What of the sample becomes the value. */
export type SampleAspect = 'value' | 'timestamp' | 'start-timestamp'

export function instantSelector(
  evaluation: Evaluation,
  selector: VectorSelector,
  grid: EvalGrid,
  aspect: SampleAspect = 'value',
): VectorOperator {
  const set = evaluation.seriesOf(selector)
  const out = newColumn(grid.stepCount)
  const { lookbackMs } = evaluation.options
  const window =
    aspect === 'value' || !selector.at
      ? { ...referenceTime(selector, grid), lookbackMs }
      : timesWindow(selector, lookbackMs)
  return {
    heads: set.labels.map((labels) => ({ labels, dropName: false })),
    column(index) {
      clearColumn(out)
      const read = pickNewest(
        set.samples(index),
        grid.stepCount,
        window,
        window.lookbackMs,
        aspect,
        out,
      )
      evaluation.countRead(read)
      return out
    },
  }
}

/** Time that a step looks at: the step's own or that of @, minus the offset. */
export function referenceTime(
  selector: Pick<VectorSelector, 'at' | 'offset'>,
  grid: EvalGrid,
): { startMs: number; stepMs: number } {
  const at = selector.at
  if (!at) return { startMs: grid.startMs - selector.offset.ms, stepMs: grid.stepMs }
  if (at.type !== 'timestamp') throw new Error('bug: unresolved @ modifier')
  return { startMs: at.ms - selector.offset.ms, stepMs: 0 }
}

/**
 * Where timestamp() and start_timestamp() of a selector with @ look: Prometheus then forgets the offset when it looks for
 * the newest sample, though not when it reads, and finds only what lies in both windows.
 */
function timesWindow(
  { at, offset, smoothed }: VectorSelector,
  lookbackMs: number,
): { startMs: number; stepMs: number; lookbackMs: number } {
  if (at?.type !== 'timestamp') throw new Error('bug: unresolved @ modifier')
  const readUntil = at.ms - offset.ms + (smoothed ? lookbackMs : 0)
  const startMs = Math.min(at.ms, readUntil)
  const after = Math.max(at.ms, at.ms - offset.ms) - lookbackMs
  return { startMs, stepMs: 0, lookbackMs: startMs - after }
}

/** Gives the number of samples picked, histograms by weight. */
export function pickNewest(
  samples: ReturnType<ReturnType<Evaluation['seriesOf']>['samples']>,
  stepCount: number,
  reference: { startMs: number; stepMs: number },
  lookbackMs: number,
  aspect: SampleAspect,
  out: Column,
): number {
  const { timestamps, values, histograms, startTimestamps, length } = samples
  let next = 0
  let read = 0
  for (let step = 0; step < stepCount; step++) {
    const time = reference.startMs + step * reference.stepMs
    while (next < length && timestamps[next]! <= time) next++
    const last = next - 1
    if (last < 0 || timestamps[last]! <= time - lookbackMs) continue
    const value = values[last]!
    if (value !== value && isStale(values, last)) continue
    const layout = histograms?.layouts[last]
    if (aspect === 'timestamp') setFloat(out, step, timestamps[last]! / 1000)
    else if (aspect === 'start-timestamp') {
      setFloat(out, step, (startTimestamps?.[last] ?? 0) / 1000)
    } else if (layout) setRow(out, step, histograms, last)
    else {
      out.values[step] = value
      out.presence[step] = FLOAT
    }
    read += layout ? histogramWeight(layout) : 1
  }
  return read
}

/** sum() and avg(): floats and histograms of a group beside each other; a step with both is dropped with a warning. */
import { ABSENT, HISTOGRAM } from '../result.ts'
import { HistogramMean, HistogramSum, type HistogramNotes } from '../histogram/running.ts'
import type { Accumulator } from './accumulators.ts'
import { newColumn, setFloat, setHistogram, type Column } from './column.ts'
import { FloatMeans, FloatSums } from './float-sums.ts'

/** What a group reports about its histograms. */
export interface SumNotes extends HistogramNotes {
  mixed(): void
  resetCollision(): void
}

export function sumAccumulator(stepCount: number, notes: () => SumNotes): Accumulator {
  const floats = new FloatSums(stepCount)
  const histograms = new HistogramSteps(stepCount, () => new HistogramSum())
  return {
    add(column) {
      if (!column.histograms && !histograms.any) {
        floats.addColumn(column)
        return
      }
      const { values, presence } = column
      for (let i = 0; i < stepCount; i++) {
        const kind = presence[i]
        if (kind === ABSENT || histograms.gaveUp(i)) continue
        if (kind === HISTOGRAM) histograms.add(i, column, floats.seen[i] === 1, notes)
        else floats.add(i, values[i]!)
      }
    },
    finish: () => histograms.finish(floats.seen, (step) => floats.total(step), notes),
  }
}

export function averageAccumulator(stepCount: number, notes: () => SumNotes): Accumulator {
  const floats = new FloatMeans(stepCount)
  const counts = new Float64Array(stepCount)
  const histograms = new HistogramSteps(stepCount, () => new HistogramMean())
  return {
    add(column) {
      for (let i = 0; i < stepCount; i++) {
        const kind = column.presence[i]
        if (kind === ABSENT || histograms.gaveUp(i)) continue
        counts[i]!++
        if (kind === HISTOGRAM) histograms.add(i, column, floats.sums.seen[i] === 1, notes)
        else floats.add(i, column.values[i]!, counts[i]!)
      }
    },
    finish: () => histograms.finish(floats.sums.seen, (step) => floats.mean(step), notes),
  }
}

/** The histograms of one group, a running state per step that has any. */
class HistogramSteps {
  readonly #stepCount: number
  readonly #make: () => HistogramSum | HistogramMean
  #running: (HistogramSum | HistogramMean | undefined)[] | undefined

  constructor(stepCount: number, make: () => HistogramSum | HistogramMean) {
    this.#stepCount = stepCount
    this.#make = make
  }

  /** Whether any step has had one. */
  get any(): boolean {
    return this.#running !== undefined
  }

  /** Nothing counts after histograms that don't go together, not even floats. */
  gaveUp(step: number): boolean {
    return this.#running?.[step]?.incompatible === true
  }

  add(step: number, column: Column, afterFloats: boolean, notes: () => SumNotes): void {
    this.#running ??= Array.from({ length: this.#stepCount })
    const running = this.#running[step]
    if (running) {
      if (!running.empty) running.add(column.histograms![step]!, notes())
      return
    }
    const first = (this.#running[step] = this.#make())
    // Where a float came first, the step is lost and histograms are not looked at.
    if (!afterFloats) first.add(column.histograms![step]!, notes())
  }

  finish(
    floatsSeen: Uint8Array,
    floatValue: (step: number) => number,
    notes: () => SumNotes,
  ): Column {
    const result = newColumn(this.#stepCount)
    for (let i = 0; i < this.#stepCount; i++) {
      const running = this.#running?.[i]
      if (!running) {
        if (floatsSeen[i] === 1) setFloat(result, i, floatValue(i))
        continue
      }
      if (floatsSeen[i] === 1) {
        notes().mixed()
        continue
      }
      const total = running.finish()
      if (!total) continue
      if (running.resetCollision) notes().resetCollision()
      setHistogram(result, i, total)
    }
    return result
  }
}

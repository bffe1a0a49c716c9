/** sum() and avg(): floats and histograms of a group beside each other; a step with both is dropped with a warning. */
import { HINT_NOT_RESET, HINT_RESET } from '#lib/model/histogram-column.ts'
import { ABSENT, HISTOGRAM } from '../result.ts'
import { HistogramMean, HistogramSum, type HistogramNotes } from '../histogram/running.ts'
import { RowSums } from '../histogram/row-sums.ts'
import type { Accumulator } from './accumulators.ts'
import {
  clearColumn,
  histogramRows,
  newColumn,
  setFloat,
  setHistogram,
  type Column,
} from './column.ts'
import { FloatMeans, FloatSums } from './float-sums.ts'

/** What a group reports about its histograms. */
export interface SumNotes extends HistogramNotes {
  mixed(): void
  resetCollision(): void
}

export function sumAccumulator(stepCount: number, notes: () => SumNotes): Accumulator {
  const floats = new FloatSums(stepCount)
  const histograms = new HistogramSteps(stepCount, false)
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
    clear() {
      floats.clear()
      histograms.clear()
    },
  }
}

export function averageAccumulator(stepCount: number, notes: () => SumNotes): Accumulator {
  const floats = new FloatMeans(stepCount)
  const counts = new Float64Array(stepCount)
  const histograms = new HistogramSteps(stepCount, true)
  return {
    add(column) {
      const { values, presence } = column
      if (!column.histograms && !histograms.any) {
        for (let i = 0; i < stepCount; i++) {
          if (presence[i] !== ABSENT) floats.add(i, values[i]!, ++counts[i]!)
        }
        return
      }
      for (let i = 0; i < stepCount; i++) {
        const kind = presence[i]
        if (kind === ABSENT || histograms.gaveUp(i)) continue
        counts[i]!++
        if (kind === HISTOGRAM) histograms.add(i, column, floats.sums.seen[i] === 1, notes)
        else floats.add(i, values[i]!, counts[i]!)
      }
    },
    finish: () => histograms.finish(floats.sums.seen, (step) => floats.mean(step), notes),
    clear() {
      floats.clear()
      counts.fill(0)
      histograms.clear()
    },
  }
}

const RESET_SEEN = 1
const NOT_RESET_SEEN = 2

/** The histograms of one group: rows of one layout, and beside them the steps where these don't do. */
class HistogramSteps {
  /** Whether any step has had one. */
  any = false
  readonly #stepCount: number
  readonly #mean: boolean
  readonly #result: Column
  #rows: RowSums | undefined
  /** In the rows. */
  readonly #counts: Float64Array
  readonly #hintsSeen: Uint8Array
  /** 1 where a float came first: the step is lost and histograms are not looked at. */
  readonly #lost: Uint8Array
  #apart: (HistogramSum | HistogramMean | undefined)[] | undefined

  constructor(stepCount: number, mean: boolean) {
    this.#stepCount = stepCount
    this.#mean = mean
    this.#result = newColumn(stepCount)
    this.#counts = new Float64Array(stepCount)
    this.#hintsSeen = new Uint8Array(stepCount)
    this.#lost = new Uint8Array(stepCount)
  }

  clear(): void {
    clearColumn(this.#result)
    if (!this.any) return
    this.any = false
    this.#rows = undefined
    this.#apart = undefined
    this.#counts.fill(0)
    this.#hintsSeen.fill(0)
    this.#lost.fill(0)
  }

  /** Nothing counts after histograms that don't go together, not even floats. */
  gaveUp(step: number): boolean {
    return this.#apart?.[step]?.incompatible === true
  }

  add(step: number, column: Column, afterFloats: boolean, notes: () => SumNotes): void {
    this.any = true
    const source = column.histograms!
    const apart = this.#apart?.[step]
    if (apart) {
      apart.add(source.at(step)!, notes())
      return
    }
    if (this.#counts[step] === 0 && afterFloats) {
      this.#lost[step] = 1
      return
    }
    const rows = (this.#rows ??= new RowSums(this.#stepCount))
    if ((this.#mean && rows.wouldOverflow(step, source, step)) || !rows.add(step, source, step)) {
      this.#goApart(step).add(source.at(step)!, notes())
      return
    }
    this.#counts[step]!++
    const hint = source.hints[step]
    if (hint === HINT_RESET) this.#hintsSeen[step]! |= RESET_SEEN
    else if (hint === HINT_NOT_RESET) this.#hintsSeen[step]! |= NOT_RESET_SEEN
  }

  #goApart(step: number): HistogramSum | HistogramMean {
    const count = this.#counts[step]!
    const seen = this.#hintsSeen[step]!
    const begun =
      count > 0
        ? {
            working: this.#rows!.working(step),
            count,
            resetSeen: (seen & RESET_SEEN) !== 0,
            notResetSeen: (seen & NOT_RESET_SEEN) !== 0,
          }
        : undefined
    const apart = this.#mean ? new HistogramMean(begun) : new HistogramSum(begun)
    this.#apart ??= Array.from({ length: this.#stepCount })
    this.#apart[step] = apart
    return apart
  }

  finish(
    floatsSeen: Uint8Array,
    floatValue: (step: number) => number,
    notes: () => SumNotes,
  ): Column {
    const result = this.#result
    if (!this.any) {
      for (let i = 0; i < this.#stepCount; i++) {
        if (floatsSeen[i] === 1) setFloat(result, i, floatValue(i))
      }
      return result
    }
    for (let i = 0; i < this.#stepCount; i++) {
      const apart = this.#apart?.[i]
      const count = this.#counts[i]!
      if (!apart && count === 0 && this.#lost[i] === 0) {
        if (floatsSeen[i] === 1) setFloat(result, i, floatValue(i))
        continue
      }
      if (floatsSeen[i] === 1) {
        notes().mixed()
        continue
      }
      if (apart) {
        const total = apart.finish()
        if (!total) continue
        if (apart.resetCollision) notes().resetCollision()
        setHistogram(result, i, total)
        continue
      }
      if (this.#hintsSeen[i] === (RESET_SEEN | NOT_RESET_SEEN)) notes().resetCollision()
      this.#rows!.finish(i, histogramRows(result), this.#mean ? count : 1)
      result.presence[i] = HISTOGRAM
    }
    return result
  }
}

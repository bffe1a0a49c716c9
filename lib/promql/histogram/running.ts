/** Sums and means of histograms that come one by one. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { WorkingHistogram } from './working-histogram.ts'

/** What has been added before, elsewhere. */
export interface Begun {
  readonly working: WorkingHistogram
  readonly count: number
  readonly resetSeen: boolean
  readonly notResetSeen: boolean
}

export interface HistogramNotes {
  /** Exponential and custom buckets met: there is no result. */
  incompatible(): void
  /** Custom bounds were reduced to the common ones. */
  reconciled(): void
}

abstract class Running {
  incompatible = false
  #resetSeen: boolean
  #notResetSeen: boolean

  get resetCollision(): boolean {
    return this.#resetSeen && this.#notResetSeen
  }

  constructor(begun?: Begun) {
    this.#resetSeen = begun?.resetSeen === true
    this.#notResetSeen = begun?.notResetSeen === true
  }

  protected track(histogram: FloatHistogram): void {
    if (histogram.counterResetHint === 'reset') this.#resetSeen = true
    else if (histogram.counterResetHint === 'not-reset') this.#notResetSeen = true
  }

  /** False when they don't go together. */
  protected join(into: WorkingHistogram, other: FloatHistogram, notes: HistogramNotes): boolean {
    const outcome = into.add(other, 1, true)
    if (!outcome) {
      this.incompatible = true
      notes.incompatible()
      return false
    }
    if (outcome.boundsReconciled) notes.reconciled()
    return true
  }
}

export class HistogramSum extends Running {
  #sum: WorkingHistogram | undefined

  constructor(begun?: Begun) {
    super(begun)
    this.#sum = begun?.working
  }

  add(histogram: FloatHistogram, notes: HistogramNotes): void {
    if (this.incompatible) return
    this.track(histogram)
    if (this.#sum) this.join(this.#sum, histogram, notes)
    else this.#sum = new WorkingHistogram(histogram)
  }

  finish(): FloatHistogram | undefined {
    return this.incompatible ? undefined : this.#sum?.freeze()
  }
}

/** The direct mean until the sum overflows, then the incremental one. */
export class HistogramMean extends Running {
  #sum: WorkingHistogram | undefined
  #count: number
  #incremental = false

  constructor(begun?: Begun) {
    super(begun)
    this.#sum = begun?.working
    this.#count = begun?.count ?? 0
  }

  add(histogram: FloatHistogram, notes: HistogramNotes): void {
    if (this.incompatible) return
    this.track(histogram)
    this.#count++
    const count = this.#count
    if (!this.#sum) {
      this.#sum = new WorkingHistogram(histogram)
      return
    }
    if (!this.#incremental) {
      const next = this.#sum.clone()
      if (!this.join(next, histogram, notes)) return
      if (!next.overflows()) {
        this.#sum = next
        return
      }
      this.#incremental = true
      this.#sum.divide(count - 1)
    }
    this.#sum.multiply((count - 1) / count)
    this.join(this.#sum, new WorkingHistogram(histogram).divide(count).freeze(), notes)
  }

  finish(): FloatHistogram | undefined {
    if (this.incompatible || !this.#sum) return undefined
    if (!this.#incremental) this.#sum.divide(this.#count)
    return this.#sum.freeze()
  }
}

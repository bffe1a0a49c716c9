/** Where the samples of one evaluation of a group go: all have one timestamp, so that the second sample of a series is one too many. */
import { formatGeneral } from '#lib/model/go-float.ts'
import { labelsKey, type Labels } from '#lib/model/labels.ts'
import { equalHistograms } from '#lib/promql/histogram/equal.ts'
import type { ResultSample } from './contract.ts'
import { staleSample } from './new-group-state.ts'

export interface RuleOutput {
  /** What was stored, without stale markers. */
  readonly series: readonly Labels[]
  /** Why something was not: Prometheus's text, '' when all was. */
  readonly error: string
}

export class SampleOutlet {
  readonly written: ResultSample[] = []
  /** Results of this time or a later one are there already, as the query offset has grown since: nothing is written. */
  readonly late: boolean
  readonly #timeMs: number
  readonly #write: (samples: readonly ResultSample[]) => void
  readonly #byKey = new Map<string, ResultSample>()

  constructor(
    timeMs: number,
    lastMs: number | undefined,
    write: (samples: readonly ResultSample[]) => void,
  ) {
    this.late = lastMs !== undefined && timeMs <= lastMs
    this.#timeMs = timeMs
    this.#write = write
  }

  /** The output of a rule, and stale markers for those of `before` that are not in it. */
  put(samples: readonly ResultSample[], before: readonly Labels[]): RuleOutput {
    if (this.late) return { series: before, error: 'out of order sample' }
    const batch: ResultSample[] = []
    const keys = new Set<string>()
    const series: Labels[] = []
    let error = ''
    for (const sample of samples) {
      const key = labelsKey(sample.labels)
      // Alerts whose labels come to the same series: Prometheus keeps one of them and says nothing.
      if (keys.has(key)) continue
      const existing = this.#byKey.get(key)
      if (existing && !sameSample(existing, sample)) {
        error = duplicateText(existing, sample)
        continue
      }
      if (!existing) this.#add(batch, key, sample)
      keys.add(key)
      series.push(sample.labels)
    }
    this.#markStale(batch, before, keys)
    this.#flush(batch)
    return { series, error }
  }

  /** Ends series, as far as nobody wrote them at this time. */
  end(series: readonly Labels[]): void {
    if (this.late) return
    const batch: ResultSample[] = []
    this.#markStale(batch, series, new Set())
    this.#flush(batch)
  }

  #markStale(batch: ResultSample[], series: readonly Labels[], without: Set<string>): void {
    for (const labels of series) {
      const key = labelsKey(labels)
      if (without.has(key) || this.#byKey.has(key)) continue
      this.#add(batch, key, staleSample(labels, this.#timeMs))
    }
  }

  #add(batch: ResultSample[], key: string, sample: ResultSample): void {
    this.#byKey.set(key, sample)
    batch.push(sample)
  }

  #flush(batch: readonly ResultSample[]): void {
    if (batch.length === 0) return
    this.#write(batch)
    this.written.push(...batch)
  }
}

function sameSample(a: ResultSample, b: ResultSample): boolean {
  if (a.histogram && b.histogram) return equalHistograms(a.histogram, b.histogram)
  if (a.histogram || b.histogram || a.stale) return false
  return Object.is(a.value, b.value)
}

function duplicateText(existing: ResultSample, sample: ResultSample): string {
  if (sample.histogram) return 'duplicate sample for timestamp'
  const was = existing.histogram ? 'is a histogram' : number(existing.value)
  return `duplicate sample for timestamp ${sample.timeMs}; overrides not allowed: existing ${was}, new value ${number(sample.value)}`
}

function number(value: number): string {
  return Object.is(value, -0) ? '-0' : formatGeneral(value)
}

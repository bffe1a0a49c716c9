/**
 * Packs of one stream have nearly the same series in nearly the same order: beside the labels of the one that was read before, labels that
 * are the same become one array. So the series of many packs take little memory, and are merged without a look into their labels.
 */
import { labelsOfSeries, type SeriesPage } from '#lib/fresh/series-page.ts'
import { compareLabels, type Labels, mergeLabels } from '#lib/model/labels.ts'

export class SharedLabels {
  /** Of arrays that were not there before. */
  newBytes = 0
  readonly #external: Labels
  readonly #externalNames: ReadonlySet<string>
  readonly #before: readonly Labels[]
  #next = 0

  /** `before`: with the external labels, in the order of the pack they are of. */
  constructor(external: Labels, before: readonly Labels[]) {
    this.#external = external
    this.#externalNames = new Set(external.filter((_, i) => i % 2 === 0))
    this.#before = before
  }

  /** With the external labels. To be called in the order of the pack. */
  labelsOf(page: SeriesPage, series: number): Labels {
    const before = this.#before
    const guess = before[this.#next]
    if (guess && this.#isSame(page, series, guess)) {
      this.#next++
      return guess
    }
    const labels = mergeLabels(labelsOfSeries(page, series), this.#external)
    while (this.#next < before.length) {
      const order = compareLabels(before[this.#next]!, labels)
      if (order > 0) break
      this.#next++
      if (order === 0) return before[this.#next - 1]!
    }
    this.newBytes += 24 + labels.length * 8
    return labels
  }

  #isSame({ symbols, refs, refStarts }: SeriesPage, series: number, labels: Labels): boolean {
    let at = refStarts[series]!
    const end = refStarts[series + 1]!
    for (let i = 0; i < labels.length; i += 2) {
      if (at < end && symbols[refs[at]!] === labels[i]) {
        if (symbols[refs[at + 1]!] !== labels[i + 1]) return false
        at += 2
      } else if (!this.#externalNames.has(labels[i]!)) return false
    }
    return at === end
  }
}

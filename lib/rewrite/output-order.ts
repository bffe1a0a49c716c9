/**
 * In which order series are written whose labels change. It holds the new labels of every series as numbers of symbols (four bytes
 * each), the symbols once, and sixteen bytes a series: about what writing an index takes, however many samples there are.
 */
import { compareUtf8, type Labels } from '#lib/model/labels.ts'

/** Where a series is in the index that is read. */
export interface EntryPlace {
  /** In the file. */
  readonly offset: number
  readonly size: number
}

export class OutputOrder {
  readonly #symbols = new Map<string, number>()
  #strings: readonly string[] = []
  /** Labels of all series, one after the other; provisional numbers until `sort`, then places in the order of symbols. */
  #refs = new Uint32Array(1024)
  #used = 0
  /** For each series where its labels end in `#refs`. */
  readonly #ends: number[] = []
  readonly #offsets: number[] = []
  readonly #sizes: number[] = []
  #order: Uint32Array = new Uint32Array(0)

  get length(): number {
    return this.#offsets.length
  }

  add(labels: Labels, { offset, size }: EntryPlace): void {
    if (this.#used + labels.length > this.#refs.length) {
      const bigger = new Uint32Array(Math.max(this.#refs.length * 2, this.#used + labels.length))
      bigger.set(this.#refs)
      this.#refs = bigger
    }
    for (const text of labels) this.#refs[this.#used++] = this.#symbol(text)
    this.#ends.push(this.#used)
    this.#offsets.push(offset)
    this.#sizes.push(size)
  }

  /** To be called once, when all are added. Series of equal labels stay in the order in which they came. */
  sort(): void {
    const strings = [...this.#symbols.keys()]
    const byText = Uint32Array.from(strings, (_, i) => i)
    byText.sort((a, b) => compareUtf8(strings[a]!, strings[b]!))
    const places = new Uint32Array(strings.length)
    for (let place = 0; place < byText.length; place++) places[byText[place]!] = place
    for (let i = 0; i < this.#used; i++) this.#refs[i] = places[this.#refs[i]!]!
    this.#strings = Array.from(byText, (i) => strings[i]!)
    this.#symbols.clear()
    this.#order = Uint32Array.from({ length: this.length }, (_, i) => i)
    this.#order.sort((a, b) => this.#compare(a, b) || a - b)
  }

  /** The series at this place of the order. */
  place(at: number): EntryPlace {
    const series = this.#order[at]!
    return { offset: this.#offsets[series]!, size: this.#sizes[series]! }
  }

  labels(at: number): Labels {
    const series = this.#order[at]!
    const labels: string[] = []
    for (let i = this.#start(series); i < this.#ends[series]!; i++) {
      labels.push(this.#strings[this.#refs[i]!]!)
    }
    return labels
  }

  /** Whether it becomes one with the series before it. */
  isSameAsBefore(at: number): boolean {
    return at > 0 && this.#compare(this.#order[at - 1]!, this.#order[at]!) === 0
  }

  #symbol(text: string): number {
    let number = this.#symbols.get(text)
    if (number === undefined) this.#symbols.set(text, (number = this.#symbols.size))
    return number
  }

  #start(series: number): number {
    return series === 0 ? 0 : this.#ends[series - 1]!
  }

  /** As `compareLabels` does. */
  #compare(a: number, b: number): number {
    const refs = this.#refs
    let i = this.#start(a)
    let j = this.#start(b)
    const aEnd = this.#ends[a]!
    const bEnd = this.#ends[b]!
    for (; i < aEnd && j < bEnd; i++, j++) {
      if (refs[i] !== refs[j]) return refs[i]! - refs[j]!
    }
    return aEnd - i - (bEnd - j)
  }
}

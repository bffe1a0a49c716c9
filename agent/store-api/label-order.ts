/**
 * Series in the order that they have with external labels, out of those in the order that they have without.
 *
 * The two differ only where a series has all labels of another, and more: `{a="1"}` comes before `{a="1", b="2"}`, but `{a="1", m="x"}`
 * after `{a="1", b="2", m="x"}`. So a series waits as long as longer ones may come that belong in front of it, and few do.
 */
import { DomainError } from '#lib/model/errors.ts'
import { compareLabels, compareUtf8, type Labels, mergeLabels } from '#lib/model/labels.ts'

export interface OrderedSeries<T> {
  /** With the external labels. */
  readonly labels: Labels
  readonly series: T
}

interface Held<T> extends OrderedSeries<T> {
  readonly bare: Labels
}

export class LabelOrder<T> {
  readonly #external: Labels
  /** Behind it no external label comes. */
  readonly #lastName: string
  /** Each begins with the labels of the one before it, and belongs in front of it. */
  readonly #held: Held<T>[] = []
  #last: Labels | undefined

  constructor(external: Labels) {
    this.#external = external
    this.#lastName = external.at(-2) ?? ''
  }

  /** How many wait. */
  get heldCount(): number {
    return this.#held.length
  }

  /**
   * `bare` ascend, and have no name of an external label; otherwise this throws `unavailable`, since it has begun to answer
   * already. Gives those whose turn has come.
   */
  *push(bare: Labels, series: T): IterableIterator<OrderedSeries<T>> {
    if (this.#last !== undefined && compareLabels(this.#last, bare) >= 0) {
      throw new DomainError('unavailable', 'the labels of series changed meanwhile, ask again')
    }
    this.#last = bare
    const held = this.#held
    while (held.length > 0 && !beginsWith(bare, held.at(-1)!.bare)) yield held.pop()!
    const labels = mergeLabels(bare, this.#external)
    while (held.length > 0 && compareLabels(held.at(-1)!.labels, labels) < 0) yield held.pop()!
    // What can follow with these labels and more has its next name behind the last of these.
    const next = { bare, labels, series }
    if (compareUtf8(bare.at(-2) ?? '', this.#lastName) >= 0) yield next
    else held.push(next)
  }

  *finish(): IterableIterator<OrderedSeries<T>> {
    while (this.#held.length > 0) yield this.#held.pop()!
  }
}

function beginsWith(labels: Labels, start: Labels): boolean {
  if (start.length > labels.length) return false
  // From the end, where neighbours differ.
  for (let i = start.length - 1; i >= 0; i--) if (labels[i] !== start[i]) return false
  return true
}

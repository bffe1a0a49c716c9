/** Numbers pairs of label name and value, each given as the number of its symbol, in the order in which they come. */
import { Uint32List } from './uint32-list.ts'

/** A hash table in typed arrays: twenty bytes for each pair. */
export class LabelPairs {
  readonly #names = new Uint32List()
  readonly #values = new Uint32List()
  readonly #counts = new Uint32List()
  /** Pair number + 1, 0 where free; at most half of them are taken. */
  #slots = new Uint32Array(1024)

  get length(): number {
    return this.#names.length
  }

  name(pair: number): number {
    return this.#names.at(pair)
  }

  value(pair: number): number {
    return this.#values.at(pair)
  }

  /** How often it was counted. */
  occurrences(pair: number): number {
    return this.#counts.at(pair)
  }

  /** The number of the pair, which occurs once more. */
  count(name: number, value: number): number {
    const slot = this.#slotOf(name, value)
    const known = this.#slots[slot]!
    if (known > 0) {
      this.#counts.increment(known - 1)
      return known - 1
    }
    const pair = this.#names.length
    this.#names.push(name)
    this.#values.push(value)
    this.#counts.push(1)
    this.#slots[slot] = pair + 1
    if (this.#names.length * 2 > this.#slots.length) this.#grow()
    return pair
  }

  /** Pair numbers by name, then value: symbols are numbered in their order. */
  sorted(): Uint32Array {
    const names = this.#names.view()
    const values = this.#values.view()
    return Uint32Array.from(names, (_, pair) => pair).sort(
      (a, b) => names[a]! - names[b]! || values[a]! - values[b]!,
    )
  }

  /** Where the pair is, or would be. */
  #slotOf(name: number, value: number): number {
    const mask = this.#slots.length - 1
    const mixed = Math.imul(name ^ Math.imul(value, 0x9e3779b1), 0x85ebca6b)
    for (let slot = (mixed ^ (mixed >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const pair = this.#slots[slot]! - 1
      if (pair < 0 || (this.#names.at(pair) === name && this.#values.at(pair) === value)) {
        return slot
      }
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let pair = 0; pair < this.#names.length; pair++) {
      this.#slots[this.#slotOf(this.#names.at(pair), this.#values.at(pair))] = pair + 1
    }
  }
}

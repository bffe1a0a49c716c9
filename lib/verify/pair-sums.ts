/** What postings should be, without holding them: for each label pair how many series have it, and a sum over their ids. */

/** Where the pair's numbers are in the columns. */
type Pair = number

export class PairSums {
  /** Name reference → value reference → pair. */
  readonly #pairs = new Map<number, Map<number, Pair>>()
  #counts = new Uint32Array(256)
  #sums = new Uint32Array(256)
  #seen = new Uint8Array(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** A series with this id has the label. Ids ascend. */
  add(name: number, value: number, id: number): void {
    let values = this.#pairs.get(name)
    if (!values) this.#pairs.set(name, (values = new Map()))
    let pair = values.get(value)
    if (pair === undefined) values.set(value, (pair = this.#newPair()))
    this.#counts[pair]!++
    this.#sums[pair] = next(this.#sums[pair]!, id)
  }

  find(name: number, value: number): Pair | undefined {
    return this.#pairs.get(name)?.get(value)
  }

  /** Whether the list is that of the series which have the pair. */
  isList(pair: Pair, ids: Uint32Array): boolean {
    this.#seen[pair] = 1
    let sum = 0
    for (const id of ids) sum = next(sum, id)
    return ids.length === this.#counts[pair] && sum === this.#sums[pair]
  }

  /** Pairs of which no list was looked at. */
  unseen(): number {
    let seen = 0
    for (let pair = 0; pair < this.#length; pair++) seen += this.#seen[pair]!
    return this.#length - seen
  }

  #newPair(): Pair {
    if (this.#length === this.#counts.length) {
      this.#counts = grown(this.#counts, new Uint32Array(this.#length * 2))
      this.#sums = grown(this.#sums, new Uint32Array(this.#length * 2))
      this.#seen = grown(this.#seen, new Uint8Array(this.#length * 2))
    }
    return this.#length++
  }
}

/** Depends on the order. */
function next(sum: number, id: number): number {
  return (Math.imul(sum, 0x01000193) ^ id) >>> 0
}

function grown<T extends Uint32Array | Uint8Array>(old: T, bigger: T): T {
  bigger.set(old)
  return bigger
}

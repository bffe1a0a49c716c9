/** A Uint32Array that grows. */
export class Uint32List {
  #array = new Uint32Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.#array.length) {
      const bigger = new Uint32Array(this.length * 2)
      bigger.set(this.#array)
      this.#array = bigger
    }
    this.#array[this.length++] = value
  }

  increment(index: number): void {
    this.#array[index]!++
  }

  at(index: number): number {
    return this.#array[index]!
  }

  /** Valid until the next push. */
  view(): Uint32Array {
    return this.#array.subarray(0, this.length)
  }
}

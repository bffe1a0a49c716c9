/** Many numbers in pages: growing copies nothing. */
const PAGE = 1 << 16

export class Uint32Pages {
  length = 0
  readonly #pages: Uint32Array[] = []
  #last = new Uint32Array(0)

  push(value: number): void {
    const at = this.length++ & (PAGE - 1)
    if (at === 0) this.#pages.push((this.#last = new Uint32Array(PAGE)))
    this.#last[at] = value
  }

  /** Below 2^32 of them. */
  at(index: number): number {
    return this.#pages[index >>> 16]![index & (PAGE - 1)]!
  }

  toArray(): Uint32Array {
    const all = new Uint32Array(this.length)
    for (const [i, page] of this.#pages.entries()) {
      all.set(page.subarray(0, this.length - i * PAGE), i * PAGE)
    }
    return all
  }
}

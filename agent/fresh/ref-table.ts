/** Which series a reference of the log stands for: a hash table in typed arrays, 16 bytes an entry. */

/** Entries are never taken out one by one: `keep` makes the table anew. */
export class RefTable {
  #refs = new Float64Array(1024).fill(FREE)
  #ids = new Int32Array(1024)
  /** The newest segment in which a record said so. */
  #segments = new Int32Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** -1 where the reference is not known. */
  get(ref: number): number {
    const at = this.#find(ref)
    return this.#refs[at] === ref ? this.#ids[at]! : -1
  }

  set(ref: number, id: number, segment: number): void {
    let at = this.#find(ref)
    if (this.#refs[at] !== ref) {
      if ((this.#size + 1) * 3 > this.#refs.length * 2) {
        this.#grow()
        at = this.#find(ref)
      }
      this.#refs[at] = ref
      this.#size++
      this.#segments[at] = segment
    }
    this.#ids[at] = id
    if (segment > this.#segments[at]!) this.#segments[at] = segment
  }

  /** Leaves out what no record from `segment` on named; `onKept` gets the series of the others. */
  keep(segment: number, onKept: (id: number) => void): void {
    const [refs, ids, segments] = [this.#refs, this.#ids, this.#segments]
    let kept = 0
    for (let at = 0; at < refs.length; at++) {
      if (refs[at] !== FREE && segments[at]! >= segment) kept++
    }
    this.#allocate(kept)
    for (let at = 0; at < refs.length; at++) {
      if (refs[at] === FREE || segments[at]! < segment) continue
      this.set(refs[at]!, ids[at]!, segments[at]!)
      onKept(ids[at]!)
    }
  }

  #allocate(entries: number): void {
    let capacity = 1024
    while (capacity * 2 < entries * 3 + 3) capacity *= 2
    this.#refs = new Float64Array(capacity).fill(FREE)
    this.#ids = new Int32Array(capacity)
    this.#segments = new Int32Array(capacity)
    this.#size = 0
  }

  #grow(): void {
    const [refs, ids, segments] = [this.#refs, this.#ids, this.#segments]
    this.#allocate(refs.length)
    for (let at = 0; at < refs.length; at++) {
      if (refs[at] !== FREE) this.set(refs[at]!, ids[at]!, segments[at]!)
    }
  }

  /** Where the reference is, or where it would be. */
  #find(ref: number): number {
    const refs = this.#refs
    const mask = refs.length - 1
    let hash = Math.imul((ref % 0x1_0000_0000) ^ (ref / 0x1_0000_0000), 0x9e37_79b1)
    hash ^= hash >>> 15
    let at = hash & mask
    while (refs[at] !== FREE && refs[at] !== ref) at = (at + 1) & mask
    return at
  }
}

/** No reference is negative. */
const FREE = -1

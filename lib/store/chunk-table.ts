/** Where the chunks of a block's series are: a row each, in typed columns, since a selector may want a million of them. */

export class ChunkTable {
  length = 0
  minTimes = new Float64Array(256)
  maxTimes = new Float64Array(256)
  segments = new Uint32Array(256)
  offsets = new Uint32Array(256)
  /** Where the next known chunk of the segment begins, so that this one ends there or before; 0 for the last. Set by `finish`. */
  nextOffsets = new Uint32Array(0)
  /** Whether rows ascend by segment and offset, as they nearly always do. Set by `finish`. */
  inFileOrder = true

  add(minTimeMs: number, maxTimeMs: number, segment: number, offset: number): void {
    if (this.length === this.offsets.length) this.#resize(this.length * 2)
    this.minTimes[this.length] = minTimeMs
    this.maxTimes[this.length] = maxTimeMs
    this.segments[this.length] = segment
    this.offsets[this.length] = offset
    this.length++
  }

  /** No row comes after this. */
  finish(): void {
    this.#resize(this.length)
    for (let row = 1; row < this.length && this.inFileOrder; row++) {
      this.inFileOrder = this.compare(row - 1, row) <= 0
    }
    this.nextOffsets = new Uint32Array(this.length)
    const rows = this.inFileOrder ? undefined : this.#sortedRows()
    for (let i = 1; i < this.length; i++) {
      const row = rows ? rows[i - 1]! : i - 1
      const next = rows ? rows[i]! : i
      if (this.segments[row] === this.segments[next]) this.nextOffsets[row] = this.offsets[next]!
    }
  }

  compare(a: number, b: number): number {
    return this.segments[a]! - this.segments[b]! || this.offsets[a]! - this.offsets[b]!
  }

  /** Ascending rows by segment and offset. */
  sorted(rows: Uint32Array): Uint32Array {
    return this.inFileOrder ? rows : rows.toSorted((a, b) => this.compare(a, b))
  }

  #sortedRows(): Uint32Array {
    return this.sorted(Uint32Array.from({ length: this.length }, (_, row) => row))
  }

  isWithin(row: number, startMs: number, endMs: number): boolean {
    return this.minTimes[row]! <= endMs && this.maxTimes[row]! >= startMs
  }

  /** Whether any row of [from, to) is. */
  isAnyWithin(from: number, to: number, startMs: number, endMs: number): boolean {
    for (let row = from; row < to; row++) if (this.isWithin(row, startMs, endMs)) return true
    return false
  }

  #resize(capacity: number): void {
    const resize = <T extends Float64Array | Uint32Array>(old: T, bigger: T): T => {
      bigger.set(old.subarray(0, this.length))
      return bigger
    }
    this.minTimes = resize(this.minTimes, new Float64Array(capacity))
    this.maxTimes = resize(this.maxTimes, new Float64Array(capacity))
    this.segments = resize(this.segments, new Uint32Array(capacity))
    this.offsets = resize(this.offsets, new Uint32Array(capacity))
  }
}

/**
 * The series that the log names, in memory that is small for a million of them: labels as numbers of symbols in one array, and
 * columns by series id. Ids are given again once their series is gone.
 */
import { compareUtf8, type Labels } from '#lib/model/labels.ts'
import { grownTo } from './grown.ts'
import { RefTable } from './ref-table.ts'
import { Symbols } from './symbols.ts'

const NONE = -1

export class SeriesTable {
  /** By id: the newest time of a sample that came in order, in ms; -Infinity where none is known. */
  lastTimes = new Float64Array(256)
  #symbols = new Symbols()
  /** Name, value, name, value… of all series. */
  #numbers = new Uint32Array(4096)
  #used = 0
  /** By id: where in `#numbers` its labels begin, and how many numbers they are. */
  #starts = new Uint32Array(256)
  #lengths = new Uint16Array(256)
  #hashes = new Int32Array(256)
  /** Ids below this one are given or free. */
  #idEnd = 0
  #freeIds: number[] = []
  /** By hash of labels: id or -1. */
  #byLabels = new Int32Array(1024).fill(NONE)
  #size = 0
  readonly #refs = new RefTable()
  /** Ids by labels, without those in `#added`. */
  #sorted = new Int32Array(0)
  #added: number[] = []
  #scratch: number[] = []

  /** Series. */
  get size(): number {
    return this.#size
  }

  /** References; several may stand for one series. */
  get refCount(): number {
    return this.#refs.size
  }

  /** Ids are below this. */
  get idEnd(): number {
    return this.#idEnd
  }

  /** What is held, about. */
  get byteLength(): number {
    const columns = this.#starts.length * (4 + 2 + 4 + 8)
    return columns + this.#numbers.byteLength + this.#byLabels.byteLength + this.#refs.size * 32
  }

  /** -1 where the log did not name the reference. */
  idOf(ref: number): number {
    return this.#refs.get(ref)
  }

  /** The log says in `segment` that `ref` stands for the series with these labels. */
  add(ref: number, labels: Labels, segment: number): number {
    const id = this.#intern(labels)
    this.#refs.set(ref, id, segment)
    return id
  }

  /** As `add`, for series that nothing refers to. */
  see(labels: Labels, round: number): number {
    const id = this.#intern(labels)
    this.#refs.set(id, id, round)
    return id
  }

  labelsOf(id: number): Labels {
    const labels: string[] = []
    const start = this.#starts[id]!
    const end = start + this.#lengths[id]!
    for (let i = start; i < end; i++) labels.push(this.#symbols.text(this.#numbers[i]!))
    return labels
  }

  /** All ids in the order of `compareLabels`; valid until the next call of anything here. */
  order(): Int32Array {
    if (this.#added.length > 0) {
      const added = Int32Array.from(this.#added).sort((a, b) => this.#compare(a, b))
      this.#sorted = this.#merged(this.#sorted, added)
      this.#added = []
    }
    return this.#sorted
  }

  /** Forgets series that no record from `segment` on named. Ids of others stay. */
  evict(segment: number): number {
    const alive = new Uint8Array(this.#idEnd)
    this.#refs.keep(segment, (id) => {
      alive[id] = 1
    })
    const order = this.order()
    const kept = order.filter((id) => alive[id] === 1)
    const gone = order.length - kept.length
    if (gone === 0) return 0
    for (const id of order) if (alive[id] === 0) this.#freeIds.push(id)
    this.#sorted = kept
    this.#size = kept.length
    this.#compact()
    return gone
  }

  /** Labels of series that are gone leave the memory. */
  #compact(): void {
    const [symbols, numbers] = [this.#symbols, this.#numbers]
    this.#symbols = new Symbols()
    this.#used = 0
    let total = 0
    for (const id of this.#sorted) total += this.#lengths[id]!
    this.#numbers = new Uint32Array(Math.max(4096, total + (total >>> 2)))
    const translated = new Int32Array(symbols.size).fill(NONE)
    this.#allocateHashes(this.#size)
    for (const id of this.#sorted) {
      const start = this.#starts[id]!
      const length = this.#lengths[id]!
      const labels = this.#scratch
      labels.length = length
      for (let i = 0; i < length; i++) {
        const old = numbers[start + i]!
        if (translated[old] === NONE) translated[old] = this.#symbols.number(symbols.text(old))
        labels[i] = translated[old]!
      }
      this.#write(id, labels, hashOf(labels))
      this.#byLabels[this.#find(labels, this.#hashes[id]!)] = id
    }
  }

  #intern(labels: Labels): number {
    const numbers = this.#scratch
    numbers.length = labels.length
    for (let i = 0; i < labels.length; i++) numbers[i] = this.#symbols.number(labels[i]!)
    const hash = hashOf(numbers)
    let at = this.#find(numbers, hash)
    if (this.#byLabels[at] !== NONE) return this.#byLabels[at]!
    if ((this.#size + 1) * 3 > this.#byLabels.length * 2) {
      this.#growHashes()
      at = this.#find(numbers, hash)
    }
    const id = this.#freeIds.pop() ?? this.#idEnd++
    this.#reserve(id)
    this.#write(id, numbers, hash)
    this.lastTimes[id] = -Infinity
    this.#byLabels[at] = id
    this.#size++
    this.#added.push(id)
    return id
  }

  #write(id: number, numbers: readonly number[], hash: number): void {
    this.#numbers = grownTo(this.#numbers, this.#used + numbers.length)
    for (let i = 0; i < numbers.length; i++) this.#numbers[this.#used + i] = numbers[i]!
    this.#starts[id] = this.#used
    this.#lengths[id] = numbers.length
    this.#hashes[id] = hash
    this.#used += numbers.length
  }

  #reserve(id: number): void {
    this.#starts = grownTo(this.#starts, id + 1)
    this.#lengths = grownTo(this.#lengths, id + 1)
    this.#hashes = grownTo(this.#hashes, id + 1)
    this.lastTimes = grownTo(this.lastTimes, id + 1)
  }

  /** Where the series is in `#byLabels`, or where it would be. */
  #find(numbers: readonly number[], hash: number): number {
    const mask = this.#byLabels.length - 1
    let at = hash & mask
    for (;;) {
      const id = this.#byLabels[at]!
      if (id === NONE || (this.#hashes[id] === hash && this.#has(id, numbers))) return at
      at = (at + 1) & mask
    }
  }

  #has(id: number, numbers: readonly number[]): boolean {
    if (this.#lengths[id] !== numbers.length) return false
    const start = this.#starts[id]!
    for (let i = 0; i < numbers.length; i++) {
      if (this.#numbers[start + i] !== numbers[i]) return false
    }
    return true
  }

  #allocateHashes(entries: number): void {
    let capacity = 1024
    while (capacity * 2 < entries * 3 + 3) capacity *= 2
    this.#byLabels = new Int32Array(capacity).fill(NONE)
  }

  #growHashes(): void {
    const before = this.#byLabels
    this.#allocateHashes(before.length)
    const mask = this.#byLabels.length - 1
    for (const id of before) {
      if (id === NONE) continue
      let at = this.#hashes[id]! & mask
      while (this.#byLabels[at] !== NONE) at = (at + 1) & mask
      this.#byLabels[at] = id
    }
  }

  #compare(a: number, b: number): number {
    const numbers = this.#numbers
    const startA = this.#starts[a]!
    const startB = this.#starts[b]!
    const length = Math.min(this.#lengths[a]!, this.#lengths[b]!)
    for (let i = 0; i < length; i++) {
      const x = numbers[startA + i]!
      const y = numbers[startB + i]!
      if (x !== y) return compareUtf8(this.#symbols.text(x), this.#symbols.text(y))
    }
    return this.#lengths[a]! - this.#lengths[b]!
  }

  #merged(a: Int32Array, b: Int32Array): Int32Array<ArrayBuffer> {
    const merged = new Int32Array(a.length + b.length)
    let i = 0
    let j = 0
    for (let n = 0; n < merged.length; n++) {
      const first = j === b.length || (i < a.length && this.#compare(a[i]!, b[j]!) < 0)
      merged[n] = first ? a[i++]! : b[j++]!
    }
    return merged
  }
}

function hashOf(numbers: readonly number[]): number {
  let hash = 0x811c_9dc5 | 0
  for (let i = 0; i < numbers.length; i++) {
    hash = Math.imul(hash ^ numbers[i]!, 0x9e37_79b1)
    hash ^= hash >>> 15
  }
  return hash
}

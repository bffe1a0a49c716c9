/**
 * Thanos's penalty algorithm: stays on the replica it reads and goes to another when that is silent for longer than twice the last interval.
 *
 * Replicas are folded in pairs from the left. It has a memory (which side, how long the last interval was, how far counters were raised), so
 * the answer depends on where the columns begin: they must begin where Thanos's querier would begin to read.
 */
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { ColumnSink } from './column-sink.ts'

/** What the other side is held back by before an interval is known. */
const FIRST_PENALTY_MS = 5000

/** `counter`: at each change of sides a replica that lags behind is raised to the value before, for good. */
export function mergeByPenalty(
  replicas: readonly SampleColumns[],
  counter: boolean,
): SampleColumns {
  if (replicas.length < 2) return replicas[0] ?? NO_SAMPLES
  let merged: Side = new Replica(replicas[0]!)
  for (const replica of replicas.slice(1)) {
    merged = new Pair(merged, new Replica(replica), counter)
  }
  const sink = new ColumnSink(replicas)
  while (merged.next()) {
    const replica = merged.source()
    sink.append(replica.columns, replica.index)
    if (replica.raisedBy > 0) sink.raise(replica.raisedBy)
  }
  return sink.columns()
}

/** Samples one after the other. The getters speak of the current one. */
interface Side {
  /** False at the end. */
  next(): boolean
  /** Goes on to the first sample at or after `ms`; stays if the current one is. */
  seek(ms: number): boolean
  readonly timeMs: number
  readonly isFloat: boolean
  readonly value: number
  source(): Replica
  raise(toAtLeast: number): void
}

class Replica implements Side {
  readonly columns: SampleColumns
  index = -1
  raisedBy = 0

  constructor(columns: SampleColumns) {
    this.columns = columns
  }

  next(): boolean {
    return ++this.index < this.columns.length
  }

  seek(ms: number): boolean {
    const { timestamps, length } = this.columns
    while (this.index < length && timestamps[this.index]! < ms) this.index++
    return this.index < length
  }

  get timeMs(): number {
    return this.columns.timestamps[this.index]!
  }

  get isFloat(): boolean {
    return this.columns.histograms?.layouts[this.index] === undefined
  }

  get value(): number {
    return this.columns.values[this.index]! + this.raisedBy
  }

  source(): Replica {
    return this
  }

  raise(toAtLeast: number): void {
    // The present value already counts what was raised before.
    const lacking = toAtLeast - this.value
    if (lacking > 0) this.raisedBy += lacking
  }
}

class Pair implements Side {
  readonly #a: Side
  readonly #b: Side
  readonly #counter: boolean
  #aAlive: boolean
  #bAlive: boolean
  #onA = true
  #lastMs = -Infinity
  #aPenaltyMs = 0
  #bPenaltyMs = 0

  constructor(a: Side, b: Side, counter: boolean) {
    this.#a = a
    this.#b = b
    this.#counter = counter
    this.#aAlive = a.next()
    this.#bAlive = b.next()
  }

  next(): boolean {
    const wasOnA = this.#onA
    // Before the first sample "the last" is what A would begin with, chosen or not.
    const hadLast = (wasOnA ? this.#aAlive : this.#bAlive) && this.isFloat
    const last = hadLast ? this.value : 0
    if (this.#aAlive) this.#aAlive = this.#a.seek(this.#lastMs + 1 + this.#aPenaltyMs)
    if (this.#bAlive) this.#bAlive = this.#b.seek(this.#lastMs + 1 + this.#bPenaltyMs)
    this.#choose()
    if (this.#counter && hadLast && this.#onA !== wasOnA) this.raise(last)
    return this.#onA ? this.#aAlive : this.#bAlive
  }

  #choose(): void {
    const [a, b] = [this.#a, this.#b]
    if (!this.#aAlive || !this.#bAlive) {
      this.#onA = this.#aAlive
      if (this.#aAlive) this.#aPenaltyMs = 0
      else this.#bPenaltyMs = 0
      if (this.#aAlive || this.#bAlive) this.#lastMs = this.timeMs
      return
    }
    this.#onA = a.timeMs <= b.timeMs
    const timeMs = this.#onA ? a.timeMs : b.timeMs
    const penaltyMs = this.#lastMs === -Infinity ? FIRST_PENALTY_MS : 2 * (timeMs - this.#lastMs)
    this.#aPenaltyMs = this.#onA ? 0 : penaltyMs
    this.#bPenaltyMs = this.#onA ? penaltyMs : 0
    this.#lastMs = timeMs
  }

  /** By single steps: no interval may be missed. */
  seek(ms: number): boolean {
    while (this.timeMs < ms) if (!this.next()) return false
    return true
  }

  get #current(): Side {
    return this.#onA ? this.#a : this.#b
  }

  get timeMs(): number {
    return this.#current.timeMs
  }

  get isFloat(): boolean {
    return this.#current.isFloat
  }

  get value(): number {
    return this.#current.value
  }

  source(): Replica {
    return this.#current.source()
  }

  raise(toAtLeast: number): void {
    if (this.#aAlive && this.#a.isFloat) this.#a.raise(toAtLeast)
    if (this.#bAlive && this.#b.isFloat) this.#b.raise(toAtLeast)
  }
}

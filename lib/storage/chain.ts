/**
 * The chained merge, Thanos's `--deduplication.func=chain` and Prometheus's merge of series: every distinct timestamp of any replica.
 *
 * Where replicas have different values for a timestamp, the one whose turn comes first in a heap wins, as there. An engine that
 * skips what lies between the windows of two steps makes the heap anew, so the steps are part of the answer too.
 */
import { NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { ColumnSink } from './column-sink.ts'

/** Windows (t − windowMs, t] that will be looked at, for t from `firstMs` to `lastMs`. */
export interface Windows {
  readonly firstMs: number
  readonly lastMs: number
  /** 0 for one step. */
  readonly stepMs: number
  readonly windowMs: number
}

/** Samples that no window has may be left out. A replica ends at `untilMs`, but where the heap is made anew, a sample behind has its place in it. */
export function mergeByChain(
  replicas: readonly SampleColumns[],
  { firstMs, lastMs, stepMs, windowMs }: Windows,
  untilMs = Infinity,
): SampleColumns {
  if (replicas.length < 2) return replicas[0] ?? NO_SAMPLES
  const sink = new ColumnSink(replicas)
  const chain = new Chain(replicas, untilMs, sink)
  let more = chain.next()
  for (let t = firstMs; more && t <= lastMs; t += stepMs || Infinity) {
    if (t - windowMs > chain.timeMs) more = chain.seek(t - windowMs)
    while (more && chain.timeMs < t) more = chain.next()
  }
  return sink.columns()
}

interface Cursor {
  readonly columns: SampleColumns
  index: number
}

/** Each sample it comes to goes into the sink. */
class Chain {
  timeMs = -Infinity
  readonly #cursors: readonly Cursor[]
  readonly #untilMs: number
  readonly #sink: ColumnSink
  #heap = new CursorHeap()
  #current: Cursor | undefined

  constructor(replicas: readonly SampleColumns[], untilMs: number, sink: ColumnSink) {
    this.#cursors = replicas.map((columns): Cursor => ({ columns, index: -1 }))
    this.#untilMs = untilMs
    this.#sink = sink
    for (const cursor of this.#cursors.slice(1)) {
      if (this.#advance(cursor)) this.#heap.push(cursor)
    }
    this.#current = this.#cursors[0]
  }

  next(): boolean {
    const heap = this.#heap
    // The first sample is nobody's neighbour.
    let changed = this.timeMs === -Infinity
    while (this.#current) {
      if (this.#advance(this.#current)) {
        if (timeOf(this.#current) === this.timeMs) continue
        if (timeOf(this.#current) < heap.nextMs()) break
        heap.push(this.#current)
      }
      this.#current = heap.pop()
      changed = true
      if (this.#current && timeOf(this.#current) !== this.timeMs) break
    }
    return this.#take(changed)
  }

  /** To the first sample at or after `ms`, which is later than the current one. */
  seek(ms: number): boolean {
    this.#heap = new CursorHeap()
    for (const cursor of this.#cursors) {
      const { timestamps, length } = cursor.columns
      while (cursor.index < length && timestamps[cursor.index]! < ms) cursor.index++
      if (cursor.index < length) this.#heap.push(cursor)
    }
    this.#current = this.#heap.pop()
    return this.#take(true)
  }

  #advance(cursor: Cursor): boolean {
    return ++cursor.index < cursor.columns.length && timeOf(cursor) <= this.#untilMs
  }

  #take(changed: boolean): boolean {
    if (!this.#current) return false
    this.timeMs = timeOf(this.#current)
    this.#sink.append(this.#current.columns, this.#current.index)
    if (changed) this.#sink.forgetReset()
    return true
  }
}

function timeOf({ columns, index }: Cursor): number {
  return columns.timestamps[index]!
}

/** A binary heap by time. Which of equals comes first is part of the answer, so it is a heap as Go's is. */
class CursorHeap {
  readonly #cursors: Cursor[] = []

  nextMs(): number {
    return this.#cursors.length > 0 ? timeOf(this.#cursors[0]!) : Infinity
  }

  push(cursor: Cursor): void {
    let at = this.#cursors.push(cursor) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isEarlier(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  pop(): Cursor | undefined {
    const last = this.#cursors.length - 1
    if (last < 0) return undefined
    this.#swap(0, last)
    const first = this.#cursors.pop()
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= last) return first
      if (child + 1 < last && this.#isEarlier(child + 1, child)) child++
      if (!this.#isEarlier(child, at)) return first
      this.#swap(at, child)
      at = child
    }
  }

  #isEarlier(a: number, b: number): boolean {
    return timeOf(this.#cursors[a]!) < timeOf(this.#cursors[b]!)
  }

  #swap(a: number, b: number): void {
    const kept = this.#cursors[a]!
    this.#cursors[a] = this.#cursors[b]!
    this.#cursors[b] = kept
  }
}

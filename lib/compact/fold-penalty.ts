/**
 * Thanos's penalty algorithm over the chunks of a series, as its compactor applies it: each chunk is a replica, folded in their order, counters are
 * not corrected. `lib/storage/penalty.ts` says the same for whole replicas; here a chunk only touches the end of what is there, so that the work
 * grows with the samples, not with their product with the chunks.
 */
import type { SampleColumns } from '#lib/model/samples.ts'

/** What the other side is held back by before an interval is known. */
const FIRST_PENALTY_MS = 5000

/** Samples by where they are: row `rows[i]` of `columns[i]`. */
export interface Picks {
  readonly times: readonly number[]
  readonly columns: readonly number[]
  readonly rows: readonly number[]
}

/** `replicas` ascend by their first timestamps, as far as Thanos's do; each ascends. */
export function foldByPenalty(
  replicas: readonly Pick<SampleColumns, 'length' | 'timestamps'>[],
): Picks {
  const folded = new Folded()
  for (const [column, { timestamps, length }] of replicas.entries()) {
    folded.add(timestamps, length, column)
  }
  return folded
}

class Folded implements Picks {
  readonly times: number[] = []
  readonly columns: number[] = []
  readonly rows: number[] = []
  /** The greatest time before which any of the samples up to this one makes the other side pass over its samples. */
  readonly #reach: number[] = []

  add(others: Float64Array, length: number, column: number): void {
    if (length === 0) return
    const from = this.#firstTouched(others[0]!)
    const tail = {
      times: this.times.splice(from),
      columns: this.columns.splice(from),
      rows: this.rows.splice(from),
    }
    this.#reach.length = from
    let lastMs = from > 0 ? this.times[from - 1]! : -Infinity
    let minePenaltyMs = 0
    let otherPenaltyMs = from > 0 ? this.#penaltyAfter(from - 1) : 0
    let mine = 0
    let other = 0
    for (;;) {
      while (mine < tail.times.length && tail.times[mine]! < lastMs + 1 + minePenaltyMs) mine++
      while (other < length && others[other]! < lastMs + 1 + otherPenaltyMs) other++
      const isMine = mine < tail.times.length
      const isOther = other < length
      if (!isMine && !isOther) return
      const takesMine = isMine && (!isOther || tail.times[mine]! <= others[other]!)
      const timeMs = takesMine ? tail.times[mine]! : others[other]!
      const penaltyMs = lastMs === -Infinity ? FIRST_PENALTY_MS : 2 * (timeMs - lastMs)
      if (takesMine) {
        minePenaltyMs = 0
        if (isOther) otherPenaltyMs = penaltyMs
        this.#push(timeMs, tail.columns[mine]!, tail.rows[mine]!)
      } else {
        otherPenaltyMs = 0
        if (isMine) minePenaltyMs = penaltyMs
        this.#push(timeMs, column, other)
      }
      lastMs = timeMs
    }
  }

  /** What the other side is held back by when sample `i` was taken from this one. */
  #penaltyAfter(i: number): number {
    return i === 0 ? FIRST_PENALTY_MS : 2 * (this.times[i]! - this.times[i - 1]!)
  }

  #push(timeMs: number, column: number, row: number): void {
    const at = this.times.push(timeMs) - 1
    this.columns.push(column)
    this.rows.push(row)
    const reach = timeMs + 1 + this.#penaltyAfter(at)
    this.#reach.push(at > 0 ? Math.max(reach, this.#reach[at - 1]!) : reach)
  }

  /** Samples before this one are taken whatever the other side has from `firstMs` on, and leave it where it is. */
  #firstTouched(firstMs: number): number {
    let low = 0
    let high = this.times.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const isTouched =
        this.times[middle]! > firstMs || (middle > 0 && this.#reach[middle - 1]! > firstMs)
      if (isTouched) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** The quantile of a list of floats, as quantile() and quantile_over_time() see it. */

/** Of the first `count` values, which it reorders. NaN is smaller than everything. */
export function quantileOf(q: number, values: Float64Array, count = values.length): number {
  const known = withoutValues(q, count)
  if (known !== undefined) return known
  if (count <= SORTED) {
    insertionSort(values, count)
    return orderedQuantile(q, values, count)
  }
  const rank = q * (count - 1)
  const lower = Math.max(0, Math.floor(rank))
  const weight = rank - Math.floor(rank)
  const nans = nansFirst(values, count)
  if (lower < nans) return NaN
  select(values, lower, nans, count - 1)
  const value = values[lower]!
  // The next larger one, which selecting has left somewhere behind.
  let upper = lower + 1 < count ? values[lower + 1]! : value
  for (let i = lower + 2; i < count; i++) if (values[i]! < upper) upper = values[i]!
  return value * (1 - weight) + upper * weight
}

/** Of the first `count` values, in ascending order, NaN first. */
export function orderedQuantile(q: number, values: Float64Array, count: number): number {
  const known = withoutValues(q, count)
  if (known !== undefined) return known
  const rank = q * (count - 1)
  const lower = Math.max(0, Math.floor(rank))
  const weight = rank - Math.floor(rank)
  return values[lower]! * (1 - weight) + values[Math.min(lower + 1, count - 1)]! * weight
}

/** What does not depend on the values. */
function withoutValues(q: number, count: number): number | undefined {
  if (count === 0 || Number.isNaN(q)) return NaN
  if (q < 0) return -Infinity
  return q > 1 ? Infinity : undefined
}

/** So many Go sorts by insertion, which leaves 0 and -0 as they stand to each other; it promises nothing of more. */
const SORTED = 12

function insertionSort(values: Float64Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const value = values[i]!
    let at = i
    for (; at > 0 && isLess(value, values[at - 1]!); at--) values[at] = values[at - 1]!
    values[at] = value
  }
}

function isLess(a: number, b: number): boolean {
  return a < b || a !== a
}

/** Moves every NaN to the front and gives how many there are. */
function nansFirst(values: Float64Array, count: number): number {
  let nans = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value === value) continue
    values[i] = values[nans]!
    values[nans++] = value
  }
  return nans
}

/** Puts at `k` what sorting `first` to `last` would put there, nothing larger before and nothing smaller behind: Hoare's selection. */
function select(values: Float64Array, k: number, first: number, last: number): void {
  let low = first
  let high = last
  while (low < high) {
    const pivot = middleOf(values[low]!, values[(low + high) >>> 1]!, values[high]!)
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! < pivot) i++
      while (values[j]! > pivot) j--
      if (i > j) break
      const swapped = values[i]!
      values[i++] = values[j]!
      values[j--] = swapped
    }
    if (k <= j) high = j
    else if (k >= i) low = i
    else return
  }
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}

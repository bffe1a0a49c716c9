/** Postings: ascending series ids that share a label, and the set operations on them. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from '#lib/bytes/byte-reader.ts'

export const NO_POSTINGS = new Uint32Array(0)

/** The list at `at`: size 4B, count 4B, ids 4B each, crc of count and ids. */
export function parsePostings(bytes: Uint8Array, at = 0): Uint32Array {
  const reader = new ByteReader(bytes, at)
  const size = reader.uint32()
  const from = reader.offset
  reader.skip(size)
  reader.expectCrc(from)
  if (size < 4) throw new CorruptError(`postings of ${size} bytes`, at)
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, size)
  const count = view.getUint32(0)
  if (size !== 4 + count * 4) {
    throw new CorruptError(`${count} postings in ${size - 4} bytes`, from)
  }
  const ids = new Uint32Array(count)
  for (let i = 0, offset = 4; i < count; i++, offset += 4) ids[i] = view.getUint32(offset)
  return ids
}

/** In both. Without branches on what the ids are, or by galloping where one list is much shorter. */
export function intersectPostings(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length > b.length) return intersectPostings(b, a)
  if (a.length === 0) return NO_POSTINGS
  const out = new Uint32Array(a.length)
  let n = 0
  if (a.length * GALLOP < b.length) {
    let j = 0
    for (let i = 0; i < a.length; i++) {
      const id = a[i]!
      j = gallop(b, j, id)
      if (j === b.length) break
      if (b[j] === id) out[n++] = id
    }
    return out.subarray(0, n)
  }
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const x = a[i]!
    const y = b[j]!
    out[n] = x
    n += +(x === y)
    i += +(x <= y)
    j += +(y <= x)
  }
  return out.subarray(0, n)
}

/** In any of the lists. */
export function unionPostings(lists: readonly Uint32Array[]): Uint32Array {
  const filled = lists.filter((list) => list.length > 0)
  if (filled.length === 0) return NO_POSTINGS
  if (filled.length === 1) return filled[0]!
  if (filled.length === 2) return unionOfTwo(filled[0]!, filled[1]!)
  let first = Infinity
  let last = 0
  let total = 0
  for (const list of filled) {
    first = Math.min(first, list[0]!)
    last = Math.max(last, list[list.length - 1]!)
    total += list.length
  }
  const span = last - first + 1
  // A bitmap beats merging many lists tenfold unless the ids are very sparse.
  return span <= total * 512 ? unionByBitmap(filled, first, span) : unionBySort(filled, total)
}

function unionByBitmap(lists: readonly Uint32Array[], first: number, span: number): Uint32Array {
  const words = new Int32Array((span + 31) >>> 5)
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const bit = list[i]! - first
      words[bit >>> 5]! |= 1 << (bit & 31)
    }
  }
  let count = 0
  for (let i = 0; i < words.length; i++) count += popCount(words[i]!)
  const out = new Uint32Array(count)
  let n = 0
  for (let i = 0; i < words.length; i++) {
    let word = words[i]!
    const base = first + i * 32
    while (word !== 0) {
      const lowest = word & -word
      out[n++] = base + 31 - Math.clz32(lowest)
      word ^= lowest
    }
  }
  return out
}

function unionBySort(lists: readonly Uint32Array[], total: number): Uint32Array {
  const all = new Uint32Array(total)
  let at = 0
  for (const list of lists) {
    all.set(list, at)
    at += list.length
  }
  all.sort()
  let n = 0
  for (let i = 0; i < all.length; i++) {
    if (i === 0 || all[i] !== all[i - 1]) all[n++] = all[i]!
  }
  return all.subarray(0, n)
}

function unionOfTwo(a: Uint32Array, b: Uint32Array): Uint32Array {
  const out = new Uint32Array(a.length + b.length)
  let i = 0
  let j = 0
  let n = 0
  while (i < a.length && j < b.length) {
    const x = a[i]!
    const y = b[j]!
    out[n++] = x < y ? x : y
    i += +(x <= y)
    j += +(y <= x)
  }
  out.set(a.subarray(i), n)
  n += a.length - i
  out.set(b.subarray(j), n)
  n += b.length - j
  return out.subarray(0, n)
}

/** Above this ratio of lengths, galloping was faster than walking both lists. */
const GALLOP = 32

/** First index at or after `from` whose id is not below `id`. */
function gallop(list: Uint32Array, from: number, id: number): number {
  if (from >= list.length || list[from]! >= id) return from
  let step = 1
  while (from + step < list.length && list[from + step]! < id) step *= 2
  let low = from + (step >>> 1) + 1
  if (step === 1) low = from + 1
  let high = Math.min(from + step, list.length)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}

function popCount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555)
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return (((x + (x >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}

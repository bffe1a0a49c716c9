// Memory of chunks: shared while somebody reads them or a cache keeps them, and given back at once afterwards.
import { describe, expect, it } from 'vitest'
import { encodeXor } from '#lib/tsdb/chunk/xor.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { ChunkTable } from '#lib/store/chunk-table.ts'
import type { LoadedChunks } from '#lib/store/loaded-chunks.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

const KB = 1024

function table(): ChunkTable {
  const made = new ChunkTable()
  made.add(0, 10, 0, 8)
  made.finish()
  return made
}

/** As a query does it: one chunk of two samples in a buffer of `size`. */
function load(
  cache: StoreCache,
  key: string,
  of: ChunkTable,
  size: number,
): [LoadedChunks, Uint8Array] {
  const chunks = cache.chunks(key, of)
  chunks.acquire()
  const data = encodeXor(Float64Array.of(0, 10), Float64Array.of(1, 2), 0, 2)
  const bytes = new Uint8Array(size)
  bytes[9] = 1
  bytes.set(data, 10)
  chunks.set(0, chunks.addBuffer(bytes), 10, 10 + data.length)
  cache.keepChunks(key, chunks)
  return [chunks, bytes]
}

function values(chunks: LoadedChunks): number[] {
  const builder = new ColumnBuilder()
  chunks.decode(0, builder)
  return [...builder.values.subarray(0, builder.length)]
}

describe('LoadedChunks', () => {
  // A quarter of it is for chunks, a quarter of that for one selector.
  const cache = (): StoreCache => new StoreCache(16 * 100 * KB)

  it('stay as long as the cache keeps them, and are found again for the same table', () => {
    const one = cache()
    const series = table()
    const [chunks, bytes] = load(one, 'a', series, 80 * KB)
    chunks.release()
    expect(bytes).toHaveLength(80 * KB)
    expect(one.chunks('a', series)).toBe(chunks)
    expect(one.chunks('a', table())).not.toBe(chunks)
    expect(values(chunks)).toEqual([1, 2])
    expect(chunks.missing(Uint32Array.of(0))).toHaveLength(0)
  })

  it('that are too many to be kept go when the last query has read them', () => {
    const one = cache()
    const [chunks, bytes] = load(one, 'a', table(), 120 * KB)
    chunks.acquire()
    chunks.release()
    expect(values(chunks)).toEqual([1, 2])
    chunks.release()
    expect(bytes).toHaveLength(0)
    expect(chunks.missing(Uint32Array.of(0))).toHaveLength(1)
    expect(() => values(chunks)).toThrow('bug: chunk 0 is not loaded')
  })

  it('that others put out of the cache go at once, or when they have been read', () => {
    const one = cache()
    const [first, firstBytes] = load(one, 'first', table(), 90 * KB)
    const [second, secondBytes] = load(one, 'second', table(), 90 * KB)
    second.release()
    for (const key of ['c', 'd', 'e', 'f']) load(one, key, table(), 90 * KB)[0].release()
    expect(secondBytes).toHaveLength(0)
    expect(values(first)).toEqual([1, 2])
    first.release()
    expect(firstBytes).toHaveLength(0)
  })

  it('leave alone what may be a piece of a buffer that is shared', () => {
    const one = cache()
    const chunks = one.chunks('a', table())
    chunks.acquire()
    const shared = new Uint8Array(400 * KB)
    chunks.addBuffer(shared.subarray(0, 200 * KB))
    chunks.release()
    expect(shared).toHaveLength(400 * KB)
  })
})

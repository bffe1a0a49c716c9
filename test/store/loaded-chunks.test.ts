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
async function load(
  cache: StoreCache,
  key: string,
  of: ChunkTable,
  size: number,
): Promise<[LoadedChunks, Uint8Array]> {
  const chunks = cache.chunks(key, of)
  chunks.acquire()
  const data = encodeXor(Float64Array.of(0, 10), Float64Array.of(1, 2), 0, 2)
  const bytes = new Uint8Array(size)
  bytes[9] = 1
  bytes.set(data, 10)
  await cache.addChunks(key, chunks, size, async () => {
    chunks.set(0, chunks.addBuffer(bytes), 10, 10 + data.length)
  })
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

  it('stay as long as the cache keeps them, and are found again for the same table', async () => {
    const one = cache()
    const series = table()
    const [chunks, bytes] = await load(one, 'a', series, 80 * KB)
    chunks.release()
    expect(bytes).toHaveLength(80 * KB)
    expect(one.chunks('a', series)).toBe(chunks)
    expect(one.chunks('a', table())).not.toBe(chunks)
    expect(values(chunks)).toEqual([1, 2])
    expect(chunks.missing(Uint32Array.of(0))).toHaveLength(0)
  })

  it('that are too many to be kept go when the last query has read them', async () => {
    const one = cache()
    const [chunks, bytes] = await load(one, 'a', table(), 120 * KB)
    chunks.acquire()
    chunks.release()
    expect(values(chunks)).toEqual([1, 2])
    chunks.release()
    expect(bytes).toHaveLength(0)
    expect(chunks.missing(Uint32Array.of(0))).toHaveLength(1)
    expect(() => values(chunks)).toThrow('bug: chunk 0 is not loaded')
  })

  it('that others put out of the cache go at once, or when they have been read', async () => {
    const one = cache()
    const [first, firstBytes] = await load(one, 'first', table(), 90 * KB)
    const [second, secondBytes] = await load(one, 'second', table(), 90 * KB)
    second.release()
    for (const key of ['c', 'd', 'e', 'f']) {
      ;(await load(one, key, table(), 90 * KB))[0].release()
    }
    expect(secondBytes).toHaveLength(0)
    expect(values(first)).toEqual([1, 2])
    first.release()
    expect(firstBytes).toHaveLength(0)
  })

  it('that others left go before more is read, unless somebody reads them', async () => {
    const one = cache()
    const [used, usedBytes] = await load(one, 'used', table(), 90 * KB)
    const others: Uint8Array[] = []
    for (const key of ['b', 'c', 'd']) {
      const [chunks, bytes] = await load(one, key, table(), 90 * KB)
      chunks.release()
      others.push(bytes)
    }
    const next = table()
    await one.addChunks('next', one.chunks('next', next), 90 * KB, async () => {
      expect(others.map(({ length }) => length)).toEqual([90 * KB, 90 * KB, 90 * KB])
      await one.addChunks('too', one.chunks('too', next), 800 * KB, async () => {
        expect(others.map(({ length }) => length)).toEqual([0, 90 * KB, 90 * KB])
      })
    })
    expect(usedBytes).toHaveLength(90 * KB)
    expect(values(used)).toEqual([1, 2])
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

import { describe, expect, it } from 'vitest'
import { collectKeys, collectPages } from '#test/bucket/listing.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { pageKeepingBucket } from '#lib/bucket/page-keeping-bucket.ts'

const WORDS = ['a', 'a/', 'a/1', 'b', 'b/', 'b/2/', 'b-', 'c/é', 'z/', '\u{1f600}/']

async function filled(pageSize: number, keys: readonly string[]): Promise<Bucket> {
  const bucket = memoryBucket({ pageSize })
  for (const key of keys) await bucket.put(key, new Uint8Array([1]))
  return bucket
}

describe('a bucket that keeps pages', () => {
  it('lists a small bucket in one request, whatever is asked of it afterwards', async () => {
    const inner = countingBucket(await filled(1000, ['0/meta.json', 'a/x', 'a/y', 'b/z', 'd']))
    const bucket = pageKeepingBucket(inner.bucket)
    // Whoever has seen enough of it stops.
    for await (const { objects } of bucket.list('')) {
      if (objects.length > 0) break
    }
    expect(await collectKeys(bucket, 'a/')).toEqual(['a/x', 'a/y'])
    expect(await collectKeys(bucket, 'b/')).toEqual(['b/z'])
    expect(await collectPages(bucket, 'c/')).toEqual([{ objects: [], prefixes: [], isLast: true }])
    expect(await collectKeys(bucket, 'e/')).toEqual([])
    expect(inner.counts.lists).toBe(1)
  })

  it('asks the store for everything anew, and for what is behind what it has', async () => {
    const store = await filled(2, ['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'x/1', 'x/2', 'y/1'])
    const inner = countingBucket(store)
    const bucket = pageKeepingBucket(inner.bucket)
    const listed = async (prefix: string): Promise<[string[], number]> => {
      inner.reset()
      return [await collectKeys(bucket, prefix), inner.counts.lists]
    }
    expect(await listed('a/')).toEqual([['a/1', 'a/2', 'a/3'], 2])
    expect(await listed('b/')).toEqual([['b/1', 'b/2'], 1])
    expect(await listed('x/')).toEqual([['x/1', 'x/2'], 1])
    expect(await listed('y/')).toEqual([['y/1'], 0])
    await store.delete('y/1')
    expect(await listed('y/')).toEqual([['y/1'], 0])
    expect((await listed(''))[1]).toBe(4)
    expect(await listed('y/')).toEqual([[], 0])
  })

  it('lists what the bucket has, in any order of questions', async () => {
    const random = new RandomSource(8)
    for (let round = 0; round < 300; round++) {
      const keys = Array.from({ length: random.below(40) }, () => {
        const key = random.pick(WORDS) + random.pick(WORDS) + random.below(5)
        return key.replaceAll('//', '/')
      })
      const store = await filled(1 + random.below(9), keys)
      const bucket = pageKeepingBucket(store)
      for (let n = 0; n < 6; n++) {
        const prefix = random.pick(['', ...WORDS])
        const options = random.chance(0.2) ? { startAfter: random.pick(WORDS) } : undefined
        const pages = await collectPages(bucket, prefix, options)
        expect(pages.map(({ isLast }) => isLast)).toEqual(
          pages.map((_, i) => i === pages.length - 1),
        )
        expect(pages.flatMap(({ objects }) => objects)).toEqual(
          (await collectPages(store, prefix, options)).flatMap(({ objects }) => objects),
        )
      }
    }
  })

  it('needs fewer requests than a listing of each prefix, in the order of keys', async () => {
    const random = new RandomSource(8)
    const prefixes = ['b/', 'd/', 'e/', 'f/', 'h/']
    const lists = { kept: 0, plain: 0 }
    for (let round = 0; round < 200; round++) {
      const all = ['a/', 'b/', 'c/', 'd/', 'e/', 'f/', 'g/', 'h/', 'i/']
      const keys = all.flatMap((prefix) =>
        Array.from({ length: random.below(9) }, (_, i) => `${prefix}${i}`),
      )
      const store = await filled(2 + random.below(20), keys)
      const kept = countingBucket(store)
      const plain = countingBucket(store)
      const bucket = pageKeepingBucket(kept.bucket)
      for (const prefix of prefixes) {
        expect(await collectKeys(bucket, prefix)).toEqual(await collectKeys(plain.bucket, prefix))
      }
      // Where a page ends with a prefix, only the next one shows that it was the end.
      expect(kept.counts.lists).toBeLessThanOrEqual(plain.counts.lists + prefixes.length)
      lists.kept += kept.counts.lists
      lists.plain += plain.counts.lists
    }
    expect(lists.kept).toBeLessThan(0.7 * lists.plain)
  })
})

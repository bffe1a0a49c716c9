/** Shards: each series is in one, and which one is what Thanos's hash says. */
import { describe, expect, it } from 'vitest'
import xxhash from 'xxhash-wasm'
import { shardMatcher } from '#lib/store-api/shard-matcher.ts'

const SERIES = Array.from({ length: 100 }, (_, i) => [
  '__name__',
  'm',
  'a',
  `ü${i}`,
  'b',
  `${i % 7}`,
])

async function shardsOf(totalShards: number, by: boolean, labels: readonly string[]) {
  const matchers = await Promise.all(
    Array.from({ length: totalShards }, (_, shardIndex) =>
      shardMatcher({ shardIndex, totalShards, by, labels }),
    ),
  )
  return SERIES.map((series) => matchers.map((matches) => matches!(series)).indexOf(true))
}

describe('shardMatcher', () => {
  it('takes all where there are no shards', async () => {
    expect(await shardMatcher(undefined)).toBeUndefined()
    const none = { shardIndex: 0, totalShards: 0, by: true, labels: [] }
    expect(await shardMatcher(none)).toBeUndefined()
  })

  it.each([-1, 3])('refuses shard %i of three', async (shardIndex) => {
    const info = { shardIndex, totalShards: 3, by: true, labels: [] }
    await expect(shardMatcher(info)).rejects.toMatchObject({ kind: 'invalid' })
  })

  it('has every series in one shard, and not all in the same', async () => {
    const shards = await shardsOf(3, true, ['a'])
    expect(new Set(shards)).toEqual(new Set([0, 1, 2]))
  })

  it('hashes names and values, each with the byte 0xff behind it', async () => {
    const hash = await xxhash()
    const byA = SERIES.map((series) => {
      const bytes = Buffer.concat(
        ['a', series[3]!].flatMap((text) => [Buffer.from(text), Buffer.of(0xff)]),
      )
      return Number(hash.h64Raw(bytes) % 5n)
    })
    expect(await shardsOf(5, true, ['a'])).toEqual(byA)
    expect(await shardsOf(5, false, ['__name__', 'b'])).toEqual(byA)
  })

  it('keeps together what has the same labels of those that count', async () => {
    const shards = await shardsOf(4, true, ['b'])
    const byB = new Map(SERIES.map((series, i) => [series[5]!, shards[i]]))
    expect(SERIES.map((series) => byB.get(series[5]!))).toEqual(shards)
  })

  it('takes labels of any length', async () => {
    const long = ['a', 'é'.repeat(100_000)]
    const info = { totalShards: 2, by: true, labels: ['a'] }
    const halves = await Promise.all(
      [0, 1].map(async (shardIndex) => (await shardMatcher({ ...info, shardIndex }))!(long)),
    )
    expect(halves.filter(Boolean)).toHaveLength(1)
  })
})

import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { inShard } from '#lib/storage/shard.ts'

const series = Array.from({ length: 1000 }, (_, i) =>
  labelsFrom({ __name__: i % 2 ? 'a' : 'b', pod: `pod-${Math.floor(i / 4)}`, zone: `z${i % 4}` }),
)
const shardsOf = (labels: readonly string[], shard: { by: boolean; labels: string[] }): number[] =>
  [0, 1, 2, 3].filter((index) => inShard(labels, { index, count: 4, ...shard }))

describe('inShard', () => {
  it('puts every series into exactly one shard', () => {
    for (const shard of [
      { by: true, labels: ['pod'] },
      { by: false, labels: ['zone'] },
      { by: false, labels: [] },
    ]) {
      expect(series.filter((labels) => shardsOf(labels, shard).length !== 1)).toEqual([])
    }
  })

  it('keeps series together that agree in the labels that count, whatever their names', () => {
    const shards = new Map<string, Set<number>>()
    for (const labels of series) {
      const [index] = shardsOf(labels, { by: true, labels: ['pod'] })
      const pod = labels[3]!
      shards.set(pod, (shards.get(pod) ?? new Set()).add(index!))
    }
    expect(shards.size).toBe(250)
    expect([...shards.values()].filter((indices) => indices.size > 1)).toEqual([])
  })

  it('spreads them evenly', () => {
    const sizes = [0, 0, 0, 0]
    for (const labels of series) sizes[shardsOf(labels, { by: false, labels: [] })[0]!]!++
    expect(Math.min(...sizes)).toBeGreaterThan(200)
  })

  it('does not confuse where one text ends and the next begins', () => {
    const shard = { index: 0, count: 1 << 16, by: false, labels: [] }
    const hashes = [labelsFrom({ a: 'bc', d: 'e' }), labelsFrom({ ab: 'c', d: 'e' })].map(
      (labels) => [...Array(1 << 16).keys()].find((index) => inShard(labels, { ...shard, index })),
    )
    expect(hashes[0]).not.toBe(hashes[1])
  })
})

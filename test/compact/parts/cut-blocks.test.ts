import { describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { cutBlocks } from '#lib/compact/parts/cut-blocks.ts'
import type { StoredCut } from '#lib/compact/parts/cut.ts'
import { columns, labels, putBlock, type TestSeries, testId } from '#test/store/sample-block.ts'

const ULID = testId(900)

/** Values that take eight bytes each. */
function noise(seed: number, count: number): TestSeries['samples'] {
  return columns(Array.from({ length: count }, (_, i) => [i, Math.sin(seed * 1000 + i)]))
}

function instance(number: number, count: number): TestSeries {
  const name = `host-${String(number).padStart(5, '0')}`
  return { labels: labels({ __name__: 'large', instance: name }), samples: noise(number, count) }
}

async function cutOf(
  parts: number,
  ...blocks: readonly (readonly TestSeries[])[]
): Promise<{ cut: StoredCut; read: number; requests: number; bucket: Bucket }> {
  const bucket = memoryBucket()
  for (const [i, series] of blocks.entries()) {
    const times = { minTimeMs: i * 1000, maxTimeMs: (i + 1) * 1000 }
    await putBlock(bucket, { id: testId(i + 1), ...times, series })
  }
  const { blocks: records } = await scanBlocks(bucket, new Map())
  let read = 0
  let requests = 0
  const counting: Bucket = {
    ...bucket,
    getRange(key, start, end, options) {
      read += end - start
      requests++
      return bucket.getRange(key, start, end, options)
    },
  }
  const cut = await cutBlocks({ bucket: counting, blocks: records, ulid: ULID, parts })
  return { cut, read, requests, bucket }
}

/** Of the largest part, as a multiple of the mean. */
function skew({ parts }: StoredCut): number {
  const bytes = parts.map(({ inputBytes }) => inputBytes)
  const mean = bytes.reduce((sum, size) => sum + size, 0) / bytes.length
  return Math.max(...bytes) / mean
}

describe('cutBlocks', () => {
  it('makes parts of about equal bytes inside one metric, though the series are of different size', async () => {
    const series = Array.from({ length: 2000 }, (_, i) => instance(i, i < 200 ? 120 : 4))
    const { cut, bucket } = await cutOf(5, series)
    expect(cut.parts.length).toBe(5)
    expect(skew(cut)).toBeLessThan(1.15)
    const { size } = await bucket.head(`${testId(1)}/chunks/000001`)
    expect(cut.parts.reduce((sum, { inputBytes }) => sum + inputBytes, 0)).toBe(size)
  })

  it('weighs blocks together whose series are others', async () => {
    const one = Array.from({ length: 300 }, (_, i) => instance(i, 50))
    const other = Array.from({ length: 300 }, (_, i) => instance(10_000 + i, 50))
    const { cut } = await cutOf(4, one, other)
    expect(cut.parts.length).toBe(4)
    expect(skew(cut)).toBeLessThan(1.2)
    expect(cut.parts[2]!.from!.join()).toMatch(/host-10/)
  })

  it('covers each index from front to back, without a gap', async () => {
    const { cut } = await cutOf(
      7,
      Array.from({ length: 50 }, (_, i) => instance(i * 2, 10)),
      Array.from({ length: 80 }, (_, i) => instance(i * 3, 5)),
    )
    for (const input of [0, 1]) {
      const ranges = cut.parts.map(({ index }) => index[input]!)
      expect(ranges.slice(1).map(([start]) => start)).toEqual(
        ranges.slice(0, -1).map(([, end]) => end),
      )
    }
    const numbers = cut.parts.map(({ firstSegment, segments }) => [firstSegment, segments])
    expect(numbers).toEqual(Array.from({ length: 7 }, (_, i) => [i, 1]))
  })

  it('gives fewer parts where series are few, one where there are none', async () => {
    const { cut } = await cutOf(6, [instance(1, 100), instance(2, 1)])
    expect(cut.parts.map(({ from }) => from)).toEqual([undefined, instance(2, 1).labels])
    expect((await cutOf(6, [])).cut.parts.length).toBe(1)
  })

  it('does not read a large index to cut it', async () => {
    const series = Array.from({ length: 40_000 }, (_, i) => ({
      labels: labels({ __name__: 'large', instance: `host-${i}`, path: 'x'.repeat(20) }),
      samples: columns([[1, i]]),
    }))
    const { cut, read, requests, bucket } = await cutOf(4, series)
    expect(skew(cut)).toBeLessThan(1.15)
    // Symbols, their postings' offsets and the ids of all series are read whole; of the series themselves some hundred heads.
    const { size } = await bucket.head(`${testId(1)}/index`)
    expect(requests).toBeLessThan(250)
    expect(read).toBeLessThan(size * 0.75)
  }, 60_000)

  it('stays with the cut that is there, whatever is asked for now', async () => {
    const { cut, bucket } = await cutOf(
      3,
      Array.from({ length: 30 }, (_, i) => instance(i, 10)),
    )
    const { blocks } = await scanBlocks(bucket, new Map())
    expect(await cutBlocks({ bucket, blocks, ulid: ULID, parts: 9 })).toEqual(cut)
  })
})

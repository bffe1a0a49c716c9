import fc from 'fast-check'
import { expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { BlockStream, type SeriesRange } from '#lib/compact/block-stream.ts'
import { compareLabels, type Labels, labelsFrom, labelsKey } from '#lib/model/labels.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { Lookup } from '#lib/store/lookup.ts'
import { NO_TOMBSTONES } from '#lib/tsdb/block/tombstones.ts'
import { columns, putBlock, testId } from '#test/store/sample-block.ts'

const value = fc.constantFrom('a', 'b', 'c', 'cc', 'd')
/** Some names sort before `__name__`, some series have no metric. */
const anyLabels = fc
  .record({ A: value, __name__: value, _a: value, b: value, z: value }, { requiredKeys: [] })
  .map(labelsFrom)

it('gives the series of a range, whatever its borders and the pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyLabels, { selector: labelsKey, maxLength: 30 }),
      fc.option(anyLabels, { nil: undefined }),
      fc.option(anyLabels, { nil: undefined }),
      fc.constantFrom(16, 100, 4096),
      async (all, from, until, pieceBytes) => {
        const series = all.filter((one) => one.length > 0)
        const wanted = series
          .filter((one) => !from || compareLabels(one, from) >= 0)
          .filter((one) => !until || compareLabels(one, until) < 0)
        const found = await labelsInRange(series, { from, until }, pieceBytes)
        expect(found).toEqual(wanted.sort(compareLabels))
      },
    ),
    { numRuns: 300 },
  )
})

it('begins at the metric of its first series, and does not read to the end', async () => {
  const names = Array.from({ length: 400 }, (_, i) => `metric_${String(i).padStart(3, '0')}`)
  const read: number[] = []
  const range = { from: ['__name__', names[200]!], until: ['__name__', names[210]!] }
  const all = names.map((name) => labelsFrom({ __name__: name }))
  expect(await labelsInRange(all, range, 256, read)).toEqual(all.slice(200, 210))
  expect(read.reduce((sum, size) => sum + size, 0)).toBeLessThan(1024)
})

async function labelsInRange(
  all: readonly Labels[],
  range: SeriesRange,
  pieceBytes: number,
  read: number[] = [],
): Promise<Labels[]> {
  const bucket = memoryBucket()
  const id = testId(1)
  const series = all.map((labels) => ({ labels, samples: columns([[1, 2]]) }))
  await putBlock(bucket, { id, minTimeMs: 0, maxTimeMs: 2, series })
  const { blocks } = await scanBlocks(bucket, new Map())
  const stream = new BlockStream({
    bucket: {
      ...bucket,
      getRange(key, start, end, options) {
        if (key.endsWith('index')) read.push(end - start)
        return bucket.getRange(key, start, end, options)
      },
    },
    block: blocks[0]!,
    lookup: new Lookup(await readLookupParts(bucket, `${id}/index`)),
    tombstones: NO_TOMBSTONES,
    pieceBytes,
    range,
  })
  const found: Labels[] = []
  for (;;) {
    await stream.next()
    if (!stream.series) return found
    found.push(stream.series.labels)
  }
}

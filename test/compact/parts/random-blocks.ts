/** Random blocks of one group: floats and histograms, overlaps, a metric with most of the series, deletions. */
import fc from 'fast-check'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { columns, labels, putBlock, testId } from '#test/store/sample-block.ts'

/** A series by its number; numbers beyond the first have the same metric. */
export interface RandomSeries {
  readonly number: number
  readonly isHistogram: boolean
  readonly startMs: number
  readonly count: number
  readonly seed: number
}

export interface RandomBlock {
  readonly startMs: number
  readonly series: readonly RandomSeries[]
  /** Of some series, by their place: [from, to] of what was deleted. */
  readonly deleted: readonly (readonly [number, number, number])[]
}

const SPAN_MS = 4000
const STEP_MS = 10

const randomSeries: fc.Arbitrary<RandomSeries> = fc.record({
  number: fc.nat({ max: 40 }),
  isHistogram: fc.boolean(),
  startMs: fc.nat({ max: SPAN_MS / 2 }),
  count: fc.integer({ min: 1, max: 150 }),
  seed: fc.nat({ max: 1000 }),
})

export const randomBlocks: fc.Arbitrary<readonly RandomBlock[]> = fc.array(
  fc.record({
    startMs: fc.constantFrom(0, 0, SPAN_MS / 2, SPAN_MS, 2 * SPAN_MS),
    series: fc.uniqueArray(randomSeries, { selector: ({ number }) => number, maxLength: 25 }),
    deleted: fc.array(
      fc.tuple(fc.nat({ max: 10 }), fc.nat({ max: SPAN_MS }), fc.nat({ max: SPAN_MS })),
      { maxLength: 3 },
    ),
  }),
  { minLength: 1, maxLength: 4 },
)

/** In order of ids. With `areReplicas` they are of two in turn. */
export async function putBlocks(
  bucket: Bucket,
  blocks: readonly RandomBlock[],
  areReplicas = false,
): Promise<readonly BlockRecord[]> {
  for (const [i, { startMs, series, deleted }] of blocks.entries()) {
    const id = testId(i + 1)
    await putBlock(bucket, {
      id,
      minTimeMs: startMs,
      maxTimeMs: startMs + SPAN_MS,
      externalLabels: { cluster: 'a', ...(areReplicas && { replica: String(i % 2) }) },
      series: series.map((one) => ({
        labels: labelsOf(one.number),
        samples: samplesOf(one, startMs),
      })),
    })
    if (deleted.length === 0) continue
    const ids = [...(await readBlock(bucket, id)).index.allPostings()]
    const intervals = deleted.flatMap(([at, from, length]) => {
      const interval = { minTimeMs: startMs + from, maxTimeMs: startMs + from + length }
      return at < ids.length ? [[ids[at]!, [interval]] as const] : []
    })
    await bucket.put(`${id}/tombstones`, writeTombstones(new Map(intervals)))
  }
  return (await scanBlocks(bucket, new Map())).blocks
}

export async function readBlock(bucket: Bucket, id: string): Promise<BlockReader> {
  const files = new Map<string, Uint8Array>()
  for await (const { objects } of bucket.list(`${id}/`)) {
    for (const { key } of objects) {
      files.set(key.slice(id.length + 1), (await bucket.get(key)).body)
    }
  }
  return new BlockReader((name) => files.get(name))
}

function labelsOf(number: number): readonly string[] {
  if (number < 3) return labels({ __name__: 'abc'[number]! })
  if (number === 40) return labels({ job: 'without a metric', zone: 'ü' })
  return labels({ __name__: 'large', instance: `host-${number}`, job: 'node' })
}

function samplesOf(
  { isHistogram, startMs, count, seed }: RandomSeries,
  blockMs: number,
): SampleColumns {
  const length = Math.min(count, Math.floor((SPAN_MS - startMs) / STEP_MS))
  const times = Array.from({ length }, (_, i) => blockMs + startMs + i * STEP_MS)
  const samples = columns(times.map((t, i) => [t, ((seed * 31 + i * 7) % 100) / 4]))
  if (!isHistogram) return samples
  const histograms = times.map((_, i) => histogram(i + (seed % 5)))
  return { ...samples, histograms: HistogramColumn.of(histograms) }
}

function histogram(size: number): FloatHistogram {
  return {
    schema: 2,
    zeroThreshold: 0.001,
    zeroCount: size,
    count: size * 4,
    sum: size * 1.5,
    positiveSpans: [{ offset: 1, length: 2 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(size, size * 2),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}

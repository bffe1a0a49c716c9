/** A block in a bucket, read whole: for tests that compare blocks. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'

export async function readBlock(bucket: Bucket, id: string): Promise<BlockReader> {
  const files = new Map<string, Uint8Array>()
  for await (const page of bucket.list(`${id}/`)) {
    for (const { key } of page.objects) {
      try {
        files.set(key.slice(id.length + 1), (await bucket.get(key)).body)
      } catch (error) {
        if (!isKind(error, 'not-found')) throw error
      }
    }
  }
  return new BlockReader((name) => files.get(name))
}

/** By labels, joined with spaces: each sample as text. */
export function contentsOf(block: BlockReader): Record<string, readonly string[]> {
  const contents: Record<string, readonly string[]> = {}
  for (const series of block.index.allSeries()) {
    contents[series.labels.join(' ')] = samplesText(block.samples(series))
  }
  return contents
}

export function samplesText({ length, timestamps, values, histograms }: SampleColumns): string[] {
  const list = histograms?.list(length)
  return Array.from({ length }, (_, i) => {
    const { count, sum, positiveBuckets } = list?.[i] ?? {}
    const text = list?.[i] ? `${count} ${sum} ${positiveBuckets?.join(',')}` : `${values[i]}`
    return `${timestamps[i]} ${text}`
  })
}

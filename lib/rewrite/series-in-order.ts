/** Series in the order in which they are written, in batches: as they come, or sorted by the labels that they get. */
import type { Labels } from '#lib/model/labels.ts'
import { coalesce, FetchedRanges, readsOf } from '#lib/store/ranges.ts'
import { OutputOrder } from './output-order.ts'
import type { SourceBlock, SourceSeries } from './source-block.ts'

/** One series of the block that is written. */
export interface OutputSeries {
  readonly labels: Labels
  /** Several where labels became equal. */
  readonly from: readonly SourceSeries[]
}

/** What becomes of a series' labels: none is no series. Told of each series once. */
export type NewLabels = (series: SourceSeries) => Labels

/** Entries that are read at once. */
const BATCH = 4096

/** Without `newLabels` the order of the block is that of the output. */
export async function* seriesInOrder(
  source: SourceBlock,
  newLabels: NewLabels | undefined,
): AsyncGenerator<readonly OutputSeries[]> {
  if (newLabels === undefined) {
    let batch: OutputSeries[] = []
    for await (const series of source.series()) {
      batch.push({ labels: series.labels, from: [series] })
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
    yield batch
    return
  }
  const order = new OutputOrder()
  for await (const series of source.series()) {
    const labels = newLabels(series)
    if (labels.length > 0) order.add(labels, series)
  }
  order.sort()
  for (let from = 0; from < order.length;) {
    let to = Math.min(from + BATCH, order.length)
    while (to < order.length && order.isSameAsBefore(to)) to++
    yield await readBatch(source, order, from, to)
    from = to
  }
}

async function readBatch(
  source: SourceBlock,
  order: OutputOrder,
  from: number,
  to: number,
): Promise<readonly OutputSeries[]> {
  const { bucket, indexKey, signal } = source
  const places = Array.from({ length: to - from }, (_, i) => order.place(from + i))
  const wanted = places
    .map(({ offset, size }) => ({ start: offset, end: offset + size }))
    .sort((a, b) => a.start - b.start)
  const fetched = new FetchedRanges()
  await Promise.all(
    coalesce(wanted, readsOf(bucket)).map(async ({ start, end }) => {
      fetched.add(start, await bucket.getRange(indexKey, start, end, { signal }))
    }),
  )
  const batch: { labels: Labels; from: SourceSeries[] }[] = []
  for (const [i, { offset, size }] of places.entries()) {
    const series = source.parse(fetched.at(offset, offset + size)!, 0, offset)
    if (i > 0 && order.isSameAsBefore(from + i)) batch.at(-1)!.from.push(series)
    else batch.push({ labels: order.labels(from + i), from: [series] })
  }
  return batch
}

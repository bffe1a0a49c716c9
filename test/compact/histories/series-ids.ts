import type { Bucket } from '#lib/bucket/bucket.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { parseSeries, SERIES_ALIGN } from '#lib/tsdb/index/series.ts'

/** What tombstones call the series of a block, in their order. */
export async function seriesIds(bucket: Bucket, id: string): Promise<number[]> {
  const { series } = await readLookupParts(bucket, `${id}/index`)
  const { body } = await bucket.get(`${id}/index`)
  const ids: number[] = []
  let at = Math.ceil(series.start / SERIES_ALIGN) * SERIES_ALIGN
  while (at < series.end) {
    ids.push(at / SERIES_ALIGN)
    at = Math.ceil(parseSeries(body, at).end / SERIES_ALIGN) * SERIES_ALIGN
  }
  return ids
}

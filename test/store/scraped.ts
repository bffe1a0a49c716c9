/** What a scrape of one series finds, as the columns of a block. */
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { writeStale } from '#lib/model/samples.ts'

/** `undefined`: the scrape found nothing. */
export type ScrapedValue = number | FloatHistogram | 'stale' | undefined

/** Undefined where no scrape found anything. `value` is asked with the index of the scrape. */
export function scrapedSamples(
  timesMs: readonly number[],
  value: (index: number) => ScrapedValue,
): SampleColumns | undefined {
  const taken = timesMs
    .map((ms, index) => ({ ms, value: value(index) }))
    .filter((scrape) => scrape.value !== undefined)
  if (taken.length === 0) return undefined
  const values = new Float64Array(taken.length)
  const histograms = taken.map((scrape) =>
    typeof scrape.value === 'object' ? scrape.value : undefined,
  )
  for (const [i, scrape] of taken.entries()) {
    if (scrape.value === 'stale') writeStale(values, i)
    else values[i] = typeof scrape.value === 'object' ? scrape.value.sum : scrape.value!
  }
  return {
    length: taken.length,
    timestamps: Float64Array.from(taken, ({ ms }) => ms),
    values,
    ...(histograms.some(Boolean) && { histograms: HistogramColumn.of(histograms) }),
  }
}

/** The results of a tick as one fresh block: queries see it at once, and a job makes a block of it later. */
import { freshKey, type PackSpan } from '#lib/fresh/fresh-key.ts'
import { writePack } from '#lib/fresh/pack-writer.ts'
import type { Labels } from '#lib/model/labels.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import type { ResultSample } from '../evaluate/contract.ts'
import { resultSeries } from './result-series.ts'

export interface ResultPack {
  readonly key: string
  readonly bytes: Uint8Array
}

export interface ResultPlace {
  /** Under which the results are. */
  readonly externalLabels: Labels
  /** As `epochOf` makes it for who ships no blocks. */
  readonly epoch: string
  /** Its place in the epoch, which has no gaps. */
  readonly number: number
}

/**
 * Undefined without samples: then no number is used. The same samples give the same key and bytes. Throws a DomainError where the external
 * labels are too long for a key.
 */
export function resultPack(
  samples: Iterable<ResultSample>,
  { externalLabels: labels, epoch, number }: ResultPlace,
): ResultPack | undefined {
  const series = resultSeries(samples)
  if (series.length === 0) return undefined
  const { bytes, minTimeMs, maxTimeMs, directoryBytes } = writePack({
    series: series.map((one) => ({ labels: one.labels, chunks: encodeChunks(one.samples) })),
  })
  const span: PackSpan = { epoch, from: number, to: number + 1 }
  return { key: freshKey({ labels, ...span, minTimeMs, maxTimeMs, directoryBytes }), bytes }
}

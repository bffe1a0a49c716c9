/** Answers of remote read in a form that tests compare. */
import type { SampleColumns } from '#lib/model/samples.ts'
import { FrameSplitter, readFrame } from '#lib/remote/chunks-reader.ts'
import { decodeReadResponse } from '#lib/remote/samples-reader.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns } from '#lib/tsdb/chunk/columns.ts'

export interface ReadSeries {
  readonly labels: readonly string[]
  /** [ms, value], or [ms, 'count/sum'] of a histogram. */
  readonly samples: readonly (readonly [number, number | string])[]
}

/** A list of series for each query. */
export function decodeSamples(body: Uint8Array): ReadSeries[][] {
  return [...decodeReadResponse(body, Infinity)].map((result) =>
    [...result].map(({ labels, samples }) => ({ labels, samples: pairs(samples) })),
  )
}

function pairs({ length, timestamps, values, histograms }: SampleColumns) {
  return Array.from({ length }, (_, i) => {
    const histogram = histograms?.at(i)
    const value = histogram === undefined ? values[i]! : `${histogram.count}/${values[i]!}`
    return [timestamps[i]!, value] as const
  })
}

export interface ReadChunks {
  readonly queryIndex: number
  readonly labels: readonly string[]
  readonly encodings: readonly number[]
  readonly samples: SampleColumns
}

/** Frame by frame, times of chunks compared with their samples. */
export function decodeChunks(body: Uint8Array): ReadChunks[] {
  const frames = new FrameSplitter()
  const read = [...frames.push(body)].map(readFrame)
  frames.end()
  return read.flatMap(({ queryIndex, series }) =>
    series.map(({ labels, chunks }) => {
      const columns = new ColumnBuilder()
      for (const { encoding, data, minTimeMs, maxTimeMs } of chunks) {
        const from = columns.length
        decodeChunk(encoding, data, columns)
        const { timestamps } = columns
        if (timestamps[from] !== minTimeMs || timestamps[columns.length - 1] !== maxTimeMs) {
          throw new Error('a chunk is not of the time it says')
        }
      }
      const encodings = chunks.map(({ encoding }) => encoding)
      return { queryIndex, labels, encodings, samples: copyColumns(columns.columns()) }
    }),
  )
}

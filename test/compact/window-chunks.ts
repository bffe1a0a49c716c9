/** Downsampled chunks for tests. */
import { AGGREGATES, parseAggregateChunk, writeAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import type { Aggregate } from '#lib/tsdb/chunk/aggregate.ts'
import {
  AGGREGATE,
  decodeChunk,
  type EncodedChunk,
  type ReadyChunk,
  XOR,
} from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { encodeXor } from '#lib/tsdb/chunk/xor.ts'

export interface TestWindow {
  readonly t: number
  readonly count: number
  /** Of sum, min, max. */
  readonly value: number
  readonly counter: number
}

/** As Thanos writes them: the counter ends with what it really was, once more. */
export function windowChunk(windows: readonly TestWindow[], lastRaw: number): ReadyChunk {
  const times = windows.map(({ t }) => t)
  const encoded = (values: readonly number[]): EncodedChunk => {
    const all = values.length > times.length ? [...times, times.at(-1)!] : times
    const data = encodeXor(Float64Array.from(all), Float64Array.from(values), 0, all.length)
    return { encoding: XOR, data }
  }
  const data = writeAggregateChunk({
    count: encoded(windows.map(({ count }) => count)),
    sum: encoded(windows.map(({ value }) => value)),
    min: encoded(windows.map(({ value }) => value - 1)),
    max: encoded(windows.map(({ value }) => value + 1)),
    counter: encoded([...windows.map(({ counter }) => counter), lastRaw]),
  })
  return { minTimeMs: times[0]!, maxTimeMs: times.at(-1)!, encoding: AGGREGATE, data }
}

/** `[time, value]` of each sample, the last of each counter twice. */
export function aggregatesOf(
  chunks: readonly ReadyChunk[],
): Partial<Record<Aggregate, [number, number][]>> {
  const found: Partial<Record<Aggregate, [number, number][]>> = {}
  for (const { data } of chunks) {
    const parsed = parseAggregateChunk(data)
    for (const aggregate of AGGREGATES) {
      const chunk = parsed[aggregate]
      if (!chunk) continue
      const builder = new ColumnBuilder()
      decodeChunk(chunk.encoding, chunk.data, builder)
      const list = (found[aggregate] ??= [])
      for (let i = 0; i < builder.length; i++) {
        list.push([builder.timestamps[i]!, builder.values[i]!])
      }
    }
  }
  return found
}

/** Downsampled chunks of one series that overlap, or have deletions: taken apart into windows and put together anew. */
import { isStale, NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { ColumnSink } from '#lib/storage/column-sink.ts'
import {
  type Aggregate,
  type AggregateChunk,
  AGGREGATES,
  parseAggregateChunk,
  writeAggregateChunk,
} from '#lib/tsdb/chunk/aggregate.ts'
import {
  AGGREGATE,
  decodeChunk,
  type EncodedChunk,
  type ReadyChunk,
} from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder, copyColumns } from '#lib/tsdb/chunk/columns.ts'
import { encodeChunks, SAMPLES_PER_CHUNK } from '#lib/tsdb/chunk/encode.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { foldByPenalty, type Picks } from './fold-penalty.ts'
import type { MergedChunk } from './merge-chunks.ts'

/** The windows of one chunk, in all aggregates at the times of the counts. */
interface Windows {
  readonly source: number
  readonly columns: Readonly<Partial<Record<Aggregate, SampleColumns>>>
  readonly counts: SampleColumns
  /** What the counter was when the last window ended, before resets were taken out; at the chunk's last timestamp once more. */
  readonly lastCounter: SampleColumns | undefined
}

export interface WindowOptions {
  readonly func: '' | 'penalty'
  /** Of the blocks: how long a window is. */
  readonly resolutionMs: number
}

/**
 * Ascending by their starts in, ascending without overlap out. With 'penalty' as Thanos; else each window whole from the source that
 * has most samples in it.
 */
export function mergeWindows(run: readonly MergedChunk[], options: WindowOptions): ReadyChunk[] {
  const chunks = run.map((one, i) => windowsOf(one, i))
  const picks =
    options.func === 'penalty'
      ? foldByPenalty(chunks.map(({ counts }) => counts))
      : fullestWindows(chunks, options.resolutionMs)
  const kept = picked(picks, (i) => {
    const { deleted } = run[picks.columns[i]!]!
    const timeMs = picks.times[i]!
    return deleted.every(({ minTimeMs, maxTimeMs }) => timeMs < minTimeMs || timeMs > maxTimeMs)
  })
  // Thanos's leaves counters as they are.
  return encodeWindows(chunks, kept, chunks.length > 1 && options.func !== 'penalty')
}

const builder = new ColumnBuilder()

function windowsOf({ chunk, source: given }: MergedChunk, i: number): Windows {
  const source = given ?? i
  if (chunk.encoding !== AGGREGATE) return rawWindows(decoded(chunk), source)
  const parsed = parseAggregateChunk(chunk.data)
  const counts = parsed.count && decoded(parsed.count)
  if (!counts) throw new CorruptError('downsampled chunk without count', 0)
  const columns: Partial<Record<Aggregate, SampleColumns>> = {}
  for (const aggregate of AGGREGATES) {
    const encoded = parsed[aggregate]
    if (encoded) columns[aggregate] = decoded(encoded)
  }
  const { counter } = columns
  const lastCounter = counter && repeatedLast(counter)
  return { source, columns, counts, lastCounter }
}

/** Raw chunks, which old downsampled blocks have among theirs: each sample a window of its own. */
function rawWindows(samples: SampleColumns, source: number): Windows {
  const sink = new ColumnSink([samples])
  for (let i = 0; i < samples.length; i++) if (!isStale(samples.values, i)) sink.append(samples, i)
  const raw = sink.columns()
  const { length, timestamps } = raw
  const counts = { length, timestamps, values: new Float64Array(length).fill(1) }
  const columns = {
    count: counts,
    sum: raw,
    counter: raw,
    ...(!raw.histograms && { min: raw, max: raw }),
  }
  return { source, columns, counts, lastCounter: undefined }
}

function decoded({ encoding, data }: EncodedChunk): SampleColumns {
  builder.reset()
  decodeChunk(encoding, data, builder)
  return copyColumns(builder.columns())
}

/** The last sample alone, where it has the time of the one before it. */
function repeatedLast(counter: SampleColumns): SampleColumns | undefined {
  const { length, timestamps } = counter
  if (length < 2 || timestamps[length - 1] !== timestamps[length - 2]) return undefined
  const sink = new ColumnSink([counter])
  sink.append(counter, length - 1)
  return sink.columns()
}

/** Of each window what the source has that counted most; chunks of one source may share a window. */
function fullestWindows(chunks: readonly Windows[], resolutionMs: number): Picks {
  const size = Math.max(1, resolutionMs)
  const all: { timeMs: number; window: number; column: number; row: number }[] = []
  /** By window, then source. */
  const totals = new Map<number, Map<number, number>>()
  for (const [column, { counts, source }] of chunks.entries()) {
    for (let row = 0; row < counts.length; row++) {
      const timeMs = counts.timestamps[row]!
      const window = Math.floor(timeMs / size)
      all.push({ timeMs, window, column, row })
      let bySource = totals.get(window)
      if (!bySource) totals.set(window, (bySource = new Map<number, number>()))
      bySource.set(source, (bySource.get(source) ?? 0) + counts.values[row]!)
    }
  }
  const best = new Map<number, number>()
  for (const [window, bySource] of totals) {
    let chosen: readonly [number, number] | undefined
    for (const entry of bySource) if (!chosen || entry[1] > chosen[1]) chosen = entry
    best.set(window, chosen![0])
  }
  const chosen = all
    .filter(({ window, column }) => chunks[column]!.source === best.get(window))
    .sort((a, b) => a.timeMs - b.timeMs || a.column - b.column)
    .filter(({ timeMs }, i, sorted) => i === 0 || sorted[i - 1]!.timeMs !== timeMs)
  return {
    times: chosen.map(({ timeMs }) => timeMs),
    columns: chosen.map(({ column }) => column),
    rows: chosen.map(({ row }) => row),
  }
}

function picked({ times, columns, rows }: Picks, keep: (i: number) => boolean): Picks {
  const keeps = times.map((_, i) => keep(i))
  const of = (all: readonly number[]): number[] => all.filter((_, i) => keeps[i])
  return { times: of(times), columns: of(columns), rows: of(rows) }
}

/** `isRunning`: the counter goes on where the source changes. */
function encodeWindows(chunks: readonly Windows[], picks: Picks, isRunning: boolean): ReadyChunk[] {
  const { times } = picks
  if (times.length === 0) return []
  const columns: Partial<Record<Aggregate, SampleColumns>> = {}
  for (const aggregate of AGGREGATES) {
    const sources = chunks.map((chunk) => chunk.columns[aggregate] ?? NO_SAMPLES)
    if (sources.some(({ length }) => length > 0)) columns[aggregate] = gathered(sources, picks)
  }
  if (isRunning && columns.counter && !columns.counter.histograms) {
    addIncreases(columns.counter, chunks, picks)
  }
  const lastPick = times.length - 1
  const last = chunks[picks.columns[lastPick]!]!
  const isWhole = picks.rows[lastPick] === last.counts.length - 1
  const end = isWhole ? last.lastCounter : undefined
  const parts: ReadyChunk[] = []
  encodeRange(columns, times, 0, times.length, end, parts)
  return parts
}

/** The samples of one aggregate at the times that were picked. */
function gathered(
  sources: readonly SampleColumns[],
  { times, columns, rows }: Picks,
): SampleColumns {
  const sink = new ColumnSink(sources)
  for (let i = 0; i < times.length; i++) {
    const column = columns[i]!
    const source = sources[column]!
    let row = rows[i]!
    // All aggregates have the same times, but for what a chunk lacks.
    if (source.timestamps[row] !== times[i]) row = source.timestamps.indexOf(times[i]!)
    if (row < 0 || row >= source.length) continue
    sink.append(source, row)
    const isNext = i > 0 && columns[i - 1] === column && rows[i - 1] === row - 1
    if (!isNext && sources.length > 1) sink.forgetReset()
  }
  return sink.columns()
}

/** Makes the picked values the first plus all increases, each as the source saw it that was picked. */
function addIncreases(
  counter: SampleColumns,
  chunks: readonly Windows[],
  { times, columns, rows }: Picks,
): void {
  if (counter.length !== times.length) return
  const values = (i: number): Float64Array => chunks[columns[i]!]!.columns.counter!.values
  for (let i = 1; i < times.length; i++) {
    const value = values(i)[rows[i]!]!
    const isSame = columns[i] === columns[i - 1]
    let before = values(i - 1)[rows[i - 1]!]!
    if (!isSame && rows[i]! > 0) before = values(i)[rows[i]! - 1]!
    else if (!isSame) {
      const { lastCounter, counts } = chunks[columns[i - 1]!]!
      if (lastCounter && rows[i - 1] === counts.length - 1) before = lastCounter.values[0]!
    }
    counter.values[i] = counter.values[i - 1]! + (value >= before ? value - before : value)
  }
}

/** As few chunks as hold each aggregate in one: histograms may need several. */
function encodeRange(
  columns: Readonly<Partial<Record<Aggregate, SampleColumns>>>,
  times: readonly number[],
  from: number,
  to: number,
  end: SampleColumns | undefined,
  into: ReadyChunk[],
): void {
  const count = Math.ceil((to - from) / SAMPLES_PER_CHUNK)
  if (count > 1) {
    for (let i = 0; i < count; i++) {
      const start = from + Math.floor(((to - from) * i) / count)
      const next = from + Math.floor(((to - from) * (i + 1)) / count)
      encodeRange(columns, times, start, next, next === to ? end : undefined, into)
    }
    return
  }
  const minTimeMs = times[from]!
  const maxTimeMs = times[to - 1]!
  const encoded: Partial<Record<Aggregate, EncodedChunk>> = {}
  for (const aggregate of AGGREGATES) {
    const all = columns[aggregate]
    const slice = all && between(all, minTimeMs, maxTimeMs)
    if (!slice || slice.length === 0) continue
    const isCounter = aggregate === 'counter'
    const made = encodeChunks(isCounter ? withEnd(slice, end) : slice)
    if (made.length > 1 && to - from > 1) {
      const middle = Math.max(
        from + 1,
        times.findIndex((t) => t > made[0]!.maxTimeMs),
      )
      encodeRange(columns, times, from, Math.min(middle, to - 1), undefined, into)
      encodeRange(columns, times, Math.min(middle, to - 1), to, end, into)
      return
    }
    encoded[aggregate] = made[0]!
  }
  const data = writeAggregateChunk(encoded satisfies AggregateChunk)
  into.push({ minTimeMs, maxTimeMs, encoding: AGGREGATE, data })
}

function between(all: SampleColumns, minTimeMs: number, maxTimeMs: number): SampleColumns {
  const sink = new ColumnSink([all])
  for (let i = 0; i < all.length; i++) {
    const timeMs = all.timestamps[i]!
    if (timeMs >= minTimeMs && timeMs <= maxTimeMs) sink.append(all, i)
  }
  return sink.columns()
}

/** The last sample once more: what the counter really was, where that is known. */
function withEnd(counter: SampleColumns, end: SampleColumns | undefined): SampleColumns {
  const last = counter.length - 1
  const isSame = end !== undefined && end.timestamps[0] === counter.timestamps[last]
  const sink = new ColumnSink(isSame ? [counter, end] : [counter, counter])
  for (let i = 0; i <= last; i++) sink.append(counter, i)
  if (isSame) sink.append(end, 0)
  else sink.append(counter, last)
  return sink.columns()
}

/** Reads the chunks of series page after page, one page ahead, each of about as many bytes as are cheap to hold. */
import { planChunks, readRows } from '#lib/store/block-chunks.ts'
import { ChunkTable } from '#lib/store/chunk-table.ts'
import { LoadedChunks } from '#lib/store/loaded-chunks.ts'
import { readsOf } from '#lib/store/ranges.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import type { OutputSeries } from './series-in-order.ts'
import type { SourceBlock } from './source-block.ts'

/** What a page reads, as far as it can be told before; a single series may be more. */
const PAGE_BYTES = 16 * 1024 * 1024
const MAX_PAGE_CHUNKS = 65_536

/** Which chunks of a series are wanted, in any order; undefined: the series is not. */
export type ChooseChunks = (series: OutputSeries) => readonly ChunkMeta[] | undefined

export interface ChunkPage {
  readonly chunks: LoadedChunks
  /** Rows [start, end) of the table are a series' wanted chunks, as they were given. */
  readonly series: readonly {
    readonly series: OutputSeries
    readonly start: number
    readonly end: number
  }[]
}

export async function* chunkPages(
  source: SourceBlock,
  batches: AsyncIterable<readonly OutputSeries[]>,
  choose: ChooseChunks,
): AsyncGenerator<ChunkPage> {
  let ahead: Promise<ChunkPage> | undefined
  for await (const page of plannedPages(source, batches, choose)) {
    const before = ahead
    ahead = readPage(source, page)
    ahead.catch(() => undefined)
    if (before) yield* released(before)
  }
  if (ahead) yield* released(ahead)
}

async function* released(reading: Promise<ChunkPage>): AsyncGenerator<ChunkPage> {
  const page = await reading
  try {
    yield page
  } finally {
    page.chunks.release()
  }
}

interface PlannedPage {
  readonly table: ChunkTable
  readonly series: ChunkPage['series']
}

/** Pages grow and shrink with what their reads turn out to be. */
async function* plannedPages(
  source: SourceBlock,
  batches: AsyncIterable<readonly OutputSeries[]>,
  choose: ChooseChunks,
): AsyncGenerator<PlannedPage> {
  let wantedChunks = 1024
  for await (const batch of batches) {
    const chosen = batch.flatMap((series) => {
      const chunks = choose(series)
      return chunks === undefined ? [] : [{ series, chunks }]
    })
    for (let from = 0; from < chosen.length;) {
      let to = from
      for (let count = 0; to < chosen.length && (to === from || count < wantedChunks); to++) {
        count += chosen[to]!.chunks.length
      }
      let page = tableOf(chosen.slice(from, to))
      let bytes = readBytes(source, page.table)
      while (bytes > 2 * PAGE_BYTES && to - from > 1) {
        to = from + Math.ceil((to - from) / 2)
        page = tableOf(chosen.slice(from, to))
        bytes = readBytes(source, page.table)
      }
      const fitting = (page.table.length * PAGE_BYTES) / Math.max(bytes, 1)
      wantedChunks = Math.min(Math.max(Math.ceil(fitting), 16), MAX_PAGE_CHUNKS)
      yield page
      from = to
    }
  }
}

function tableOf(
  chosen: readonly { readonly series: OutputSeries; readonly chunks: readonly ChunkMeta[] }[],
): PlannedPage {
  const table = new ChunkTable()
  const series = chosen.map(({ series: one, chunks }) => {
    const start = table.length
    for (const { minTimeMs, maxTimeMs, segment, offset } of chunks) {
      table.add(minTimeMs, maxTimeMs, segment, offset)
    }
    return { series: one, start, end: table.length }
  })
  table.finish()
  return { table, series }
}

function readBytes({ bucket, block }: SourceBlock, table: ChunkTable): number {
  const reads = planChunks(block, table, sortedRows(table), readsOf(bucket))
  let bytes = 0
  for (const { ranges } of reads) for (const { start, end } of ranges) bytes += end - start
  return bytes
}

async function readPage(
  { bucket, block, signal }: SourceBlock,
  { table, series }: PlannedPage,
): Promise<ChunkPage> {
  const chunks = new LoadedChunks(table)
  chunks.acquire()
  await readRows({ bucket, block, chunks, signal }, sortedRows(table))
  return { chunks, series }
}

function sortedRows(table: ChunkTable): Uint32Array {
  return table.sorted(Uint32Array.from({ length: table.length }, (_, row) => row))
}

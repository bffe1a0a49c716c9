/** Verifies one block: its files, its meta.json, its index, its chunks. Streams: memory is that of symbols, label pairs and a few pieces. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { seriesPieces } from '#lib/rewrite/series-section.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { type BlockFiles, readBlockFiles } from './block-files.ts'
import { ChunkCheck } from './chunk-check.ts'
import { type ReadSections, readSections } from './index-sections.ts'
import { checkLookup } from './lookup-check.ts'
import { checkPostings } from './postings-check.ts'
import { type BlockReport, type Issue, ProblemList } from './problem.ts'
import { SeriesCheck } from './series-check.ts'

export interface VerifyBlockOptions {
  readonly bucket: Bucket
  readonly id: string
  readonly issues: ReadonlySet<Issue>
  /** Each thousand series. `total` is what meta.json says. */
  readonly onSeries?: ((count: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** With what a repair needs to know. */
export interface VerifiedBlock {
  readonly report: BlockReport
  readonly files: BlockFiles
  /** Undefined where the index was not looked at, or can't be read. */
  readonly found: FoundInBlock | undefined
}

export interface FoundInBlock {
  /** Whether every series could be read. */
  readonly allSeries: boolean
  readonly outOfOrder: boolean
  /** Places of chunks, as `chunkPlace` writes them. */
  readonly lost: ReadonlySet<string>
  readonly wrong: ReadonlySet<string>
}

/** Issues for which the index is read, and those for which chunks are. */
const NEED_INDEX: readonly Issue[] = ['index_known_issues', 'index', 'postings', 'meta', 'chunks']
const NEED_CHUNKS: readonly Issue[] = ['chunks', 'meta']

const PIECE_BYTES = 2 * 1024 * 1024

/** Rejects only where the bucket does: what is broken is in the report. */
export async function verifyBlock(options: VerifyBlockOptions): Promise<VerifiedBlock> {
  const { bucket, id, issues, signal } = options
  const problems = new ProblemList(issues)
  const files = await readBlockFiles(bucket, id, problems, signal)
  const { meta } = files
  const wantsIndex = NEED_INDEX.some((issue) => issues.has(issue))
  if (meta) checkMeta(id, meta, problems)
  const walk =
    meta && wantsIndex && files.sizes.has('index')
      ? await walkIndex(options, { meta, files, problems })
      : undefined
  if (issues.has('lookup') && files.sizes.has('index')) {
    await checkLookup(bucket, id, problems, signal)
  }
  const report = {
    id,
    problems: problems.problems(),
    series: walk?.series.series ?? 0,
    chunks: walk?.series.chunks ?? 0,
    samples: walk ? walk.chunks.floats + walk.chunks.histograms : 0,
  }
  const found = walk && {
    allSeries: walk.isWhole,
    outOfOrder: walk.series.outOfOrder,
    lost: walk.chunks.lost,
    wrong: walk.chunks.wrong,
  }
  return { report, files, found }
}

interface Walk {
  readonly series: SeriesCheck
  readonly chunks: ChunkCheck
  isWhole: boolean
}

async function walkIndex(
  options: VerifyBlockOptions,
  { meta, files, problems }: { meta: BlockMeta; files: BlockFiles; problems: ProblemList },
): Promise<Walk | undefined> {
  const { bucket, id, issues, signal } = options
  const key = `${id}/index`
  const sections = await readSections(bucket, key, problems, signal)
  if (!sections) return undefined
  const times = { minTimeMs: meta.minTime, maxTimeMs: meta.maxTime }
  const series = new SeriesCheck({ ...sections, ...times, key, problems })
  const { segmentSizes } = files
  const chunks = new ChunkCheck({ bucket, id, segmentSizes, problems, signal })
  const wantsChunks = NEED_CHUNKS.some((issue) => issues.has(issue))
  if (wantsChunks) await chunks.checkSegments()
  const walk: Walk = { series, chunks, isWhole: true }
  await walkSeries(options, meta, sections, wantsChunks, walk, problems)
  if (sections.table && walk.isWhole && issues.has('postings')) {
    const { table, ...rest } = sections
    const { pairs, all } = series
    await checkPostings({ ...rest, table, pairs, all, bucket, key, problems, signal })
  }
  if (walk.isWhole) checkStats(meta, walk, wantsChunks, problems)
  return walk
}

async function walkSeries(
  { bucket, id, onSeries, signal }: VerifyBlockOptions,
  meta: BlockMeta,
  { sections }: ReadSections,
  wantsChunks: boolean,
  walk: Walk,
  problems: ProblemList,
): Promise<void> {
  const key = `${id}/index`
  const { series, chunks } = walk
  try {
    const section = { bucket, key, range: sections.series, pieceBytes: PIECE_BYTES, signal }
    for await (const { bytes, start, entries } of seriesPieces(section)) {
      for (const at of entries) {
        const entry = series.add(bytes, at, start + at)
        if (!entry) walk.isWhole = false
        else if (wantsChunks)
          for (const chunk of entry.chunks) await chunks.add(entry.labels, chunk)
        if (series.series % 1000 === 0) onSeries?.(series.series, meta.stats.numSeries)
      }
      if (signal?.aborted) throw new DomainError('canceled', 'canceled')
    }
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    walk.isWhole = false
    problems.add('index', 'the series cannot be read to their end', error.message)
  }
}

function checkMeta(id: string, meta: BlockMeta, problems: ProblemList): void {
  const where = `${id}/meta.json`
  if (meta.minTime >= meta.maxTime) problems.add('meta', 'a block ends before it begins', where)
  if (meta.compaction.sources.length === 0) problems.add('meta', 'a block has no sources', where)
}

function checkStats(
  { ulid, stats }: BlockMeta,
  { series, chunks }: Walk,
  wantsChunks: boolean,
  problems: ProblemList,
): void {
  const expect = (name: string, said: number | undefined, found: number): void => {
    if (said === undefined || said === found) return
    problems.add('meta', `meta.json counts otherwise`, `${ulid}: ${name} is ${said}, not ${found}`)
  }
  expect('numSeries', stats.numSeries, series.series)
  expect('numChunks', stats.numChunks, series.chunks)
  // Programs do not agree on what a sample of a downsampled chunk is; and lost chunks can't be counted.
  if (!wantsChunks || chunks.aggregates > 0 || chunks.lost.size > 0) return
  const { floats, histograms } = chunks
  expect('numSamples', stats.numSamples, floats + histograms)
  expect('numFloatSamples', stats.numFloatSamples, floats)
  expect('numHistogramSamples', stats.numHistogramSamples, histograms)
}

/** The last step of a block that is made in parts: its index, then meta.json. */
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { WrittenBlock } from '#lib/tsdb/block/block-writer.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import type { BlockFile } from '#lib/tsdb/block/segment-writer.ts'
import { segmentFileName, segmentHeader, SEGMENT_HEADER_SIZE } from '#lib/tsdb/chunk/chunk-frame.ts'
import { IndexWriter, type WrittenIndex } from '#lib/tsdb/index/index-writer.ts'
import { BlockUpload } from '../block-upload.ts'
import { compactionOf, groupOf, readMeta, withThanos } from '../compact-blocks.ts'
import { leaveLookup } from '../leave-lookup.ts'
import { readHeadOf } from './cut-blocks.ts'
import { headKey, type StoredCut } from './cut.ts'
import { addEntries } from './join-entries.ts'
import type { PartSummary } from './part-file.ts'

export interface AssembleOptions {
  readonly bucket: Bucket
  readonly ulid: string
  readonly now: () => number
  readonly confirm?: (() => Promise<void>) | undefined
  readonly pieceBytes: number
  readonly signal?: AbortSignal | undefined
}

/** Undefined where no part has samples. `present`: sizes of the segment files that are in the bucket, by path inside the block. */
export async function assembleBlock(
  cut: StoredCut,
  summaries: readonly PartSummary[],
  present: ReadonlyMap<string, number>,
  options: AssembleOptions,
): Promise<BlockMeta | undefined> {
  const { bucket, ulid, now, confirm, signal } = options
  const segments = segmentsOf(summaries)
  for (const path of present.keys()) {
    // Of a part that was written otherwise before.
    if (!segments.has(path)) await bucket.delete(`${ulid}/${path}`, { signal })
  }
  if (segments.size === 0) return undefined
  for (const [path, size] of segments) {
    if (size !== SEGMENT_HEADER_SIZE || present.get(path) === size) continue
    await bucket.put(`${ulid}/${path}`, segmentHeader(), { signal })
  }
  const { index, maxSeriesSize } = await writeIndex(cut, summaries, options)
  const { inputs } = cut
  const metas = await Promise.all(inputs.map((input) => readMeta(bucket, input, signal)))
  const files = [...segments].map(([path, size]): BlockFile => ({ path, size }))
  const written: WrittenBlock = {
    meta: {
      ulid,
      minTime: Math.min(...inputs.map(({ minTimeMs }) => minTimeMs)),
      maxTime: Math.max(...inputs.map(({ maxTimeMs }) => maxTimeMs)),
      stats: statsOf(summaries),
      compaction: compactionOf(ulid, metas),
      version: 1,
    },
    files: [...files, { path: 'index', size: index.size }],
    indexStats: {
      series_max_size: maxSeriesSize,
      chunk_max_size: Math.max(...summaries.map(({ chunkMaxSize }) => chunkMaxSize)),
    },
    index,
  }
  await leaveLookup(bucket, ulid, index, signal)
  const meta = withThanos(written, groupOf(inputs, cut.dedup), metas, now())
  await confirm?.()
  return putBlockMeta(bucket, meta, signal)
}

/**
 * Sizes by path, ascending and without a gap: a reader knows a segment by its place among all. Numbers that a part had and did not need
 * stand for a file without chunks.
 */
function segmentsOf(summaries: readonly PartSummary[]): Map<string, number> {
  const sizes = new Map(
    summaries.flatMap(({ files }) => files.map(({ path, size }) => [path, size] as const)),
  )
  const all = new Map<string, number>()
  for (let segment = 0, seen = 0; seen < sizes.size; segment++) {
    const path = segmentFileName(segment)
    const size = sizes.get(path)
    if (size !== undefined) seen++
    all.set(path, size ?? SEGMENT_HEADER_SIZE)
  }
  return all
}

async function writeIndex(
  cut: StoredCut,
  summaries: readonly PartSummary[],
  { bucket, ulid, pieceBytes, signal }: AssembleOptions,
): Promise<{ index: WrittenIndex; maxSeriesSize: number }> {
  const head = await readHead(cut, { bucket, ulid, signal })
  const upload = new BlockUpload(bucket, ulid, signal)
  try {
    const writer = new IndexWriter((bytes) => upload.write('index', bytes))
    writer.addHead(head)
    for (const [part, summary] of summaries.entries()) {
      const room = (): void | Promise<void> => upload.room()
      await addEntries(writer, { bucket, ulid, part, summary, pieceBytes, room, signal })
    }
    const index = writer.finish()
    await upload.finish()
    return { index, maxSeriesSize: writer.maxSeriesSize }
  } catch (error) {
    await upload.abort(error)
    throw error
  }
}

/** Made anew where it is gone: who saw the cut before it was whole may have taken it for something left behind. */
async function readHead(
  { inputs }: StoredCut,
  { bucket, ulid, signal }: Pick<AssembleOptions, 'bucket' | 'ulid' | 'signal'>,
): Promise<Uint8Array> {
  try {
    return (await bucket.get(headKey(ulid), { signal })).body
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error
    return (await readHeadOf(bucket, inputs, signal)).head
  }
}

function statsOf(summaries: readonly PartSummary[]): BlockMeta['stats'] {
  const sum = (of: (summary: PartSummary) => number): number =>
    summaries.reduce((total, summary) => total + of(summary), 0)
  const floats = sum(({ numFloatSamples }) => numFloatSamples)
  const histograms = sum(({ numHistogramSamples }) => numHistogramSamples)
  return {
    numSamples: floats + histograms + sum(({ numWindows }) => numWindows),
    numFloatSamples: floats,
    numHistogramSamples: histograms,
    numSeries: sum(({ numSeries }) => numSeries),
    numChunks: sum(({ numChunks }) => numChunks),
  }
}

/** Series of another server into blocks, window by window: each is whole before the next is asked for. */
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { ChunkMerger } from '#lib/compact/merge-chunks.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, labelsFromPairs, labelValue, mergeLabels } from '#lib/model/labels.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { backfilledId } from './block-id.ts'
import { BlockParts } from './block-parts.ts'
import { finishBlock } from './finish-block.ts'
import { SeriesBuffer } from './series-buffer.ts'
import { type BackfilledBlock, type BackfillTarget, knownBlocks } from './target.ts'
import { windowStart } from './windows.ts'

export interface ReadSeries {
  /** In any order of names. */
  readonly labels: Labels
  /** Views, of the time that was asked for and perhaps a little around it. */
  readonly chunks: readonly ReadyChunk[]
}

export interface SeriesSource {
  /** Who is asked for what: runs of the same name go on with each other. */
  readonly name: string
  /** Series of a closed interval, in any order. */
  readonly read: (startMs: number, endMs: number) => AsyncIterable<ReadSeries>
  /** Added to every series, in the place of its own of the same name. */
  readonly labels: Labels
  readonly startMs: number
  /** Exclusive. */
  readonly endMs: number
  readonly durationMs: number
  readonly onSeries?: ((window: BackfillWindow, series: number) => void) | undefined
}

export interface BackfillWindow {
  readonly startMs: number
  /** Exclusive. */
  readonly endMs: number
}

/** A window without a sample has no block. Rejects with what `read` rejects with; windows before that one are done. */
export async function backfillSeries(
  source: SeriesSource,
  target: BackfillTarget,
): Promise<readonly BackfilledBlock[]> {
  const { externalLabels, dryRun, onBlock } = target
  const known = await knownBlocks(target.bucket, target.signal)
  const blocks: BackfilledBlock[] = []
  for (const window of windowsOf(source)) {
    const { startMs, endMs } = window
    const names = JSON.stringify([source.name, source.labels])
    const ulid = backfilledId({ source: names, externalLabels, startMs, endMs })
    const isThere = known.has(ulid)
    let block: BackfilledBlock | undefined = {
      ulid,
      status: isThere ? 'there' : 'planned',
      minTimeMs: startMs,
      maxTimeMs: endMs,
      series: 0,
      samples: 0,
    }
    if (!isThere && !dryRun) block = await makeBlock(source, window, ulid, target)
    if (!block) continue
    blocks.push(block)
    onBlock?.(block)
  }
  return blocks
}

function* windowsOf({ startMs, endMs, durationMs }: SeriesSource): Generator<BackfillWindow> {
  for (let at = windowStart(startMs, durationMs); at < endMs; at += durationMs) {
    yield { startMs: Math.max(at, startMs), endMs: Math.min(at + durationMs, endMs) }
  }
}

async function makeBlock(
  source: SeriesSource,
  window: BackfillWindow,
  ulid: string,
  target: BackfillTarget,
): Promise<BackfilledBlock | undefined> {
  const { bucket: to, externalLabels, maxMemoryBytes, now, signal } = target
  const { startMs, endMs } = window
  const buffer = new SeriesBuffer()
  const cut = cutter(window)
  let parts: BlockParts | undefined
  let count = 0
  for await (const { labels, chunks } of source.read(startMs, endMs - 1)) {
    const all = seriesLabels(labels, externalLabels, source.labels)
    for (const chunk of cut(chunks)) buffer.addChunk(startMs, all, chunk)
    if (++count % 1000 === 0) source.onSeries?.(window, count)
    if (signal?.aborted) throw new DomainError('canceled', 'canceled')
    if (buffer.byteLength < maxMemoryBytes) continue
    parts ??= new BlockParts(target.parts())
    await parts.add(buffer, signal)
  }
  parts ??= new BlockParts(memoryBucket())
  await parts.add(buffer, signal)
  const records = await parts.of(startMs, signal)
  if (records.length === 0) return undefined
  const from = parts.bucket
  const meta = await finishBlock({ from, parts: records, to, ulid, externalLabels, now, signal })
  await parts.discard(startMs, signal)
  const { minTime: minTimeMs, maxTime: maxTimeMs, stats } = meta
  const { numSeries: series, numSamples: samples } = stats
  return { ulid, status: 'made', minTimeMs, maxTimeMs, series, samples }
}

/** Servers add their external labels: those that the block has too are not kept twice. */
function seriesLabels(labels: Labels, externalLabels: Labels, more: Labels): Labels {
  const pairs: [string, string][] = []
  for (let i = 0; i < labels.length; i += 2) {
    const [name, value] = [labels[i]!, labels[i + 1]!]
    if (labelValue(externalLabels, name) !== value) pairs.push([name, value])
  }
  return mergeLabels(labelsFromPairs(pairs), more)
}

/** Copies of the chunks, without samples outside of the window. */
function cutter({
  startMs,
  endMs,
}: BackfillWindow): (chunks: readonly ReadyChunk[]) => ReadyChunk[] {
  const merger = new ChunkMerger()
  const outside = [
    { minTimeMs: -Infinity, maxTimeMs: startMs - 1 },
    { minTimeMs: endMs, maxTimeMs: Infinity },
  ]
  const isInside = ({ minTimeMs, maxTimeMs }: ReadyChunk): boolean =>
    minTimeMs >= startMs && maxTimeMs < endMs
  return (chunks) =>
    chunks.flatMap((chunk) => {
      const kept = isInside(chunk) ? [chunk] : merger.merge([{ chunk, deleted: outside }])
      return kept.map((one) => ({ ...one, data: new Uint8Array(one.data) }))
    })
}

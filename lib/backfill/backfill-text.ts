/** OpenMetrics text into blocks: in one pass over the text, however long it is and however its lines are sorted. */
import { createHash } from 'node:crypto'
import { OpenMetricsParser } from '#lib/exposition/open-metrics.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, mergeLabels } from '#lib/model/labels.ts'
import { backfilledId } from './block-id.ts'
import { BlockParts } from './block-parts.ts'
import { finishBlock } from './finish-block.ts'
import { SeriesBuffer } from './series-buffer.ts'
import { type BackfilledBlock, type BackfillTarget, knownBlocks } from './target.ts'
import { textLines } from './text-lines.ts'
import { windowStart } from './windows.ts'

export interface TextSource {
  /** Names it in errors. */
  readonly name: string
  readonly pieces: AsyncIterable<Uint8Array>
  /** Added to every series, in the place of its own of the same name. */
  readonly labels: Labels
  readonly durationMs: number
  /** After each piece: of the text, so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** Rejects with `invalid` and the line where the text is no OpenMetrics, or a sample has no timestamp; then nothing was made. */
export async function backfillText(
  source: TextSource,
  target: BackfillTarget,
): Promise<readonly BackfilledBlock[]> {
  const { bucket, externalLabels, dryRun, onBlock, now, signal } = target
  // First, so that a wrong bucket is told before a long text is read.
  const known = await knownBlocks(bucket, signal)
  const read = await readText(source, target)
  const blocks: BackfilledBlock[] = []
  for (const startMs of read.parts.windows()) {
    const endMs = startMs + source.durationMs
    const ulid = backfilledId({ source: read.digest, externalLabels, startMs, endMs })
    const parts = await read.parts.of(startMs, signal)
    const status = known.has(ulid) ? 'there' : dryRun ? 'planned' : 'made'
    let block: BackfilledBlock = {
      ulid,
      status,
      minTimeMs: Math.min(...parts.map(({ minTimeMs }) => minTimeMs)),
      maxTimeMs: Math.max(...parts.map(({ maxTimeMs }) => maxTimeMs)),
      series: Math.max(...parts.map(({ seriesCount }) => seriesCount)),
      samples: parts.reduce((sum, { sampleCount }) => sum + sampleCount, 0),
    }
    if (status === 'made') {
      const from = read.parts.bucket
      const meta = await finishBlock({ from, parts, to: bucket, ulid, externalLabels, now, signal })
      block = { ...block, series: meta.stats.numSeries, samples: meta.stats.numSamples }
    }
    await read.parts.discard(startMs, signal)
    blocks.push(block)
    onBlock?.(block)
  }
  return blocks
}

interface ReadText {
  readonly parts: BlockParts
  /** Of the text, and of what is made of it. */
  readonly digest: string
}

async function readText(source: TextSource, target: BackfillTarget): Promise<ReadText> {
  const { maxMemoryBytes, signal } = target
  const { durationMs, name } = source
  const hash = createHash('sha256').update(JSON.stringify([durationMs, source.labels]))
  const parser = new OpenMetricsParser()
  const buffer = new SeriesBuffer()
  const withLabels = labelAdder(source.labels)
  let parts: BlockParts | undefined
  try {
    for await (const lines of textLines(hashed(source, hash))) {
      for (const line of lines) {
        const sample = parser.line(line)
        if (!sample) continue
        const { labels, timestampMs, value } = sample
        if (timestampMs === undefined) {
          throw new DomainError('invalid', `line ${parser.lineNumber}: a sample has no timestamp`)
        }
        const startMs = windowStart(timestampMs, durationMs)
        buffer.addSample(startMs, withLabels(labels), timestampMs, value)
      }
      if (signal?.aborted) throw new DomainError('canceled', 'canceled')
      if (buffer.byteLength < maxMemoryBytes) continue
      parts ??= new BlockParts(target.parts())
      await parts.add(buffer, signal)
    }
    parser.end()
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'invalid') throw error
    throw new DomainError('invalid', `${name}: ${error.message}`, { cause: error })
  }
  // What fits into memory never needs a disk.
  parts ??= new BlockParts(memoryBucket())
  await parts.add(buffer, signal)
  return { parts, digest: hash.digest('hex') }
}

async function* hashed(
  { pieces, onBytes }: TextSource,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of pieces) {
    hash.update(piece)
    yield piece
    onBytes?.((bytes += piece.length))
  }
}

/** The parser gives the same array for the same series: so does this. */
function labelAdder(more: Labels): (labels: Labels) => Labels {
  if (more.length === 0) return (labels) => labels
  const added = new WeakMap<Labels, Labels>()
  return (labels) => {
    let all = added.get(labels)
    if (!all) added.set(labels, (all = mergeLabels(labels, more)))
    return all
  }
}

/** Makes a downsampled block of one block: reads it series by series, and writes into the bucket as it goes. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { putBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import { formatLabels } from '#lib/model/labels.ts'
import { BlockWriter, type WrittenBlock } from '#lib/tsdb/block/block-writer.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { FrameList } from '#lib/tsdb/chunk/frame-list.ts'
import { uniteSymbols } from '#lib/tsdb/index/unite-symbols.ts'
import { BlockUpload } from '../block-upload.ts'
import type { BlockStream, StreamedSeries } from '../block-stream.ts'
import { openBlock, readMeta, withThanos } from '../compact-blocks.ts'
import { leaveLookup } from '../leave-lookup.ts'
import { downsampleAggregateSeries, downsampleRawSeries } from './series-downsampler.ts'
import { NEXT_RESOLUTION } from './windows.ts'

export interface DownsampleOptions {
  readonly bucket: Bucket
  readonly block: BlockRecord
  /** Of the new block: five minutes of a raw block, an hour of one of five minutes. */
  readonly resolutionMs: number
  /** Of the new block. */
  readonly ulid: string
  readonly now: () => number
  /** Awaited when all but meta.json is in the bucket. Where it rejects, there will be no block. */
  readonly confirm?: (() => Promise<void>) | undefined
  /** Of each file that is read, at a time. */
  readonly pieceBytes?: number | undefined
  readonly onSeries?: ((count: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The meta.json of the new block, which is in the bucket; undefined where the block has no samples that count, and then nothing is.
 * It is of the level, sources and parents of the block it is made of, which stays. May be run again with the same ULID.
 * Rejects with 'corrupt' (and the file's name) where the block is broken, 'not-found', 'invalid' for another resolution.
 */
export async function downsampleBlock(options: DownsampleOptions): Promise<BlockMeta | undefined> {
  const { bucket, block, resolutionMs, ulid, now, signal } = options
  if (NEXT_RESOLUTION.get(block.resolutionMs) !== resolutionMs) {
    throw new DomainError(
      'invalid',
      `block ${block.id} of resolution ${block.resolutionMs} ms is not downsampled to ${resolutionMs} ms`,
    )
  }
  const before = await readMeta(bucket, block, signal)
  const { lookup, stream } = await openBlock(options, block)
  const series = new DownsampledStream(stream, block)
  const upload = new BlockUpload(bucket, ulid, signal)
  let written: WrittenBlock
  try {
    await series.next()
    if (!series.symbols) return undefined
    const { head, numbers } = uniteSymbols([lookup.symbols])
    const writer = new BlockWriter({ write: upload.write, head })
    await writeAll(series, numbers[0]!, writer, upload, options)
    const { minTimeMs, maxTimeMs } = block
    written = writer.finish({ ulid, minTimeMs, maxTimeMs, compaction: before.compaction })
    await upload.finish()
  } catch (error) {
    await upload.abort(error)
    throw error
  }
  await leaveLookup(bucket, ulid, written.index, signal)
  const { thanos, ...meta } = withThanos(written, { ...block, resolutionMs }, [before], now())
  const made: BlockMeta = { ...before, ...meta, thanos: { ...before.thanos, ...thanos! } }
  await options.confirm?.()
  return putBlockMeta(bucket, made, signal)
}

/** Asks about the signal, and the caller about its progress, this often. */
const TURN = 1000

/** From the series on at which it is. */
async function writeAll(
  series: DownsampledStream,
  numbers: Uint32Array,
  writer: BlockWriter,
  upload: BlockUpload,
  { onSeries, signal }: DownsampleOptions,
): Promise<void> {
  for (let count = 1; series.symbols; count++) {
    writer.addFrames(
      series.symbols.map((symbol) => numbers[symbol]!),
      series.frames,
    )
    const waiting = upload.room()
    if (waiting) await waiting
    if (count % TURN === 0) {
      if (signal?.aborted) throw new DomainError('canceled', 'canceled')
      onSeries?.(count)
    }
    const reading = series.next()
    if (reading) await reading
  }
  onSeries?.(writer.seriesCount)
}

/** The series of a block that have windows. */
class DownsampledStream {
  /** Its labels, by the block's symbol table. Undefined before the first `next` and at the end. */
  symbols: readonly number[] | undefined
  /** Valid until the next series. */
  readonly frames = new FrameList()
  readonly #stream: BlockStream
  readonly #block: BlockRecord

  constructor(stream: BlockStream, block: BlockRecord) {
    this.#stream = stream
    this.#block = block
  }

  /** At once, where nothing has to be read. */
  next(): void | Promise<void> {
    for (;;) {
      const reading = this.#stream.next()
      if (reading) return reading.then(() => this.#takeOrNext())
      if (this.#take()) return
    }
  }

  #takeOrNext(): void | Promise<void> {
    if (!this.#take()) return this.next()
  }

  /** False where the series has no windows. */
  #take(): boolean {
    const { series } = this.#stream
    this.symbols = series?.symbols
    if (!series) return true
    const chunks = downsampled(series, this.#block)
    this.frames.clear()
    for (const chunk of chunks) this.frames.addChunk(chunk)
    return chunks.length > 0
  }
}

/** What is wrong with a chunk is said of its block, whose fault it is. */
function downsampled(
  series: StreamedSeries,
  { id, resolutionMs }: BlockRecord,
): readonly ReadyChunk[] {
  try {
    return resolutionMs === 0 ? downsampleRawSeries(series) : downsampleAggregateSeries(series)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    const [reason, offset] =
      error instanceof CorruptError ? [error.reason, error.offset] : [error.message, 0]
    const text = `${formatLabels(series.labels)}: ${reason}`
    throw new CorruptError(text, offset, { where: `${id}/chunks`, cause: error })
  }
}

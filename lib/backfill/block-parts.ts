/** Parts of blocks, written whenever memory is full; each is a block itself, in a bucket of its own until it is merged. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { BlockUpload } from '#lib/compact/block-upload.ts'
import { assert } from '#lib/model/errors.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'
import type { BufferedSeries, SeriesBuffer } from './series-buffer.ts'

export class BlockParts {
  readonly bucket: Bucket
  /** By window start. */
  readonly #parts = new Map<number, string[]>()
  #count = 0

  constructor(bucket: Bucket) {
    this.bucket = bucket
  }

  /** Window starts, ascending. */
  windows(): readonly number[] {
    return [...this.#parts.keys()].sort((a, b) => a - b)
  }

  /** Empties the buffer. */
  async add(buffer: SeriesBuffer, signal?: AbortSignal): Promise<void> {
    for (const { startMs, series } of buffer.take()) {
      const id = partId(this.#count++)
      if (!(await writePart(this.bucket, id, series, signal))) continue
      const ids = this.#parts.get(startMs)
      if (ids) ids.push(id)
      else this.#parts.set(startMs, [id])
    }
  }

  async of(startMs: number, signal?: AbortSignal): Promise<BlockRecord[]> {
    const ids = this.#parts.get(startMs) ?? []
    return Promise.all(
      ids.map(async (id) => {
        const block = await scanBlock(this.bucket, id, signal)
        assert(block && !('reason' in block), `part ${id} is a block`)
        return block
      }),
    )
  }

  /** Gives their memory, or their disk, back. */
  async discard(startMs: number, signal?: AbortSignal): Promise<void> {
    for (const id of this.#parts.get(startMs) ?? []) {
      const keys: string[] = []
      for await (const { objects } of this.bucket.list(`${id}/`, { signal })) {
        keys.push(...objects.map(({ key }) => key))
      }
      for (const key of keys) await this.bucket.delete(key, { signal })
    }
    this.#parts.delete(startMs)
  }
}

function partId(n: number): string {
  return `0${n.toString().padStart(25, '0')}`
}

/** False where there is no sample: then there is no part. */
async function writePart(
  bucket: Bucket,
  id: string,
  all: Iterable<BufferedSeries>,
  signal?: AbortSignal,
): Promise<boolean> {
  const upload = new BlockUpload(bucket, id, signal)
  let minTimeMs = Infinity
  let maxTimeMs = -Infinity
  try {
    const writer = new BlockWriter({ write: upload.write })
    for (const { labels, chunks } of all) {
      writer.addChunks(labels, chunks)
      minTimeMs = Math.min(minTimeMs, chunks[0]?.minTimeMs ?? Infinity)
      maxTimeMs = Math.max(maxTimeMs, chunks.at(-1)?.maxTimeMs ?? -Infinity)
      await upload.room()
    }
    if (writer.seriesCount === 0) return false
    // Bounds are those of the samples, as a head that is flushed has them.
    const { meta } = writer.finish({ ulid: id, minTimeMs, maxTimeMs: maxTimeMs + 1 })
    await upload.finish()
    await bucket.put(`${id}/${META_FILE}`, new TextEncoder().encode(formatBlockMeta(meta)))
    return true
  } catch (error) {
    await upload.abort(error)
    throw error
  }
}

/** All chunks of a block, by the labels of their series. */
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { BlockStream } from '#lib/compact/block-stream.ts'
import { Lookup } from '#lib/store/lookup.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'

export async function chunksOf(bucket: Bucket, id: string): Promise<Map<string, ReadyChunk[]>> {
  const { blocks } = await scanBlocks(bucket, new Map())
  const block = blocks.find((one) => one.id === id)
  if (!block) throw new Error(`no block ${id}`)
  const lookup = new Lookup(await readLookupParts(bucket, `${id}/index`))
  const stream = new BlockStream({
    bucket,
    block,
    lookup,
    tombstones: new Map(),
    pieceBytes: 1 << 20,
  })
  const found = new Map<string, ReadyChunk[]>()
  for (;;) {
    await stream.next()
    if (!stream.series) return found
    const { labels, chunks } = stream.series
    found.set(
      labels.join(' '),
      chunks.map((chunk) => ({ ...chunk, data: Uint8Array.from(chunk.data) })),
    )
  }
}

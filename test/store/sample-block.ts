/** Puts small blocks into buckets, for tests that read them. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import { compareLabels, labelsFrom } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'

export interface TestSeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

export interface TestBlock {
  readonly id: string
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly externalLabels?: Readonly<Record<string, string>>
  readonly series: readonly TestSeries[]
  /** More series, behind those by their labels. */
  readonly chunks?:
    | readonly { readonly labels: Labels; readonly chunks: readonly ReadyChunk[] }[]
    | undefined
  readonly meta?: (meta: BlockMeta) => BlockMeta
}

export function columns(samples: readonly (readonly [number, number])[]): SampleColumns {
  return {
    length: samples.length,
    timestamps: Float64Array.from(samples, ([t]) => t),
    values: Float64Array.from(samples, ([, v]) => v),
  }
}

/** One sample each `stepMs` in [startMs, endMs). */
export function every(
  stepMs: number,
  startMs: number,
  endMs: number,
  value: (t: number) => number,
): SampleColumns {
  const samples: [number, number][] = []
  for (let t = Math.ceil(startMs / stepMs) * stepMs; t < endMs; t += stepMs)
    samples.push([t, value(t)])
  return columns(samples)
}

export async function putBlock(bucket: Bucket, block: TestBlock): Promise<BlockMeta> {
  const files = new Map<string, Uint8Array[]>()
  const writer = new BlockWriter({
    write(file, bytes) {
      const pieces = files.get(file)
      if (pieces) pieces.push(bytes)
      else files.set(file, [bytes])
    },
  })
  const sorted = [...block.series].sort((a, b) => compareLabels(a.labels, b.labels))
  for (const { labels, samples } of sorted) writer.addSeries(labels, samples)
  for (const { labels, chunks } of block.chunks ?? []) writer.addChunks(labels, chunks)
  const { id: ulid, minTimeMs, maxTimeMs } = block
  const written = writer.finish({ ulid, minTimeMs, maxTimeMs })
  const withThanos: BlockMeta = {
    ...written.meta,
    thanos: {
      labels: block.externalLabels ?? { cluster: 'a' },
      downsample: { resolution: 0 },
      source: 'sidecar',
      index_stats: written.indexStats,
    },
  }
  const meta = block.meta?.(withThanos) ?? withThanos
  for (const [file, pieces] of files) {
    await bucket.put(`${ulid}/${file}`, Buffer.concat(pieces))
  }
  await bucket.put(`${ulid}/meta.json`, new TextEncoder().encode(formatBlockMeta(meta)))
  return meta
}

/** A ULID that ends in `n`, valid and in order of `n`. */
export function testId(n: number): string {
  return `01${n.toString(10).padStart(24, '0')}`
}

export const labels = labelsFrom

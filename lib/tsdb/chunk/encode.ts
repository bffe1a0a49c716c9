/** Cuts the samples of one series into chunks of about the size Prometheus makes. */
import type { SampleColumns } from '#lib/model/samples.ts'
import { type ReadyChunk, XOR } from './chunk.ts'
import { encodeXor } from './xor.ts'

export const SAMPLES_PER_CHUNK = 120

/** All samples, as few chunks as hold at most 120 samples each, of nearly equal length. */
export function encodeChunks(samples: SampleColumns): ReadyChunk[] {
  const chunks: ReadyChunk[] = []
  encodeFloats(samples, 0, samples.length, chunks)
  return chunks
}

function encodeFloats(
  { timestamps, values }: SampleColumns,
  from: number,
  to: number,
  chunks: ReadyChunk[],
): void {
  const count = Math.ceil((to - from) / SAMPLES_PER_CHUNK)
  for (let i = 0; i < count; i++) {
    const start = from + Math.floor(((to - from) * i) / count)
    const end = from + Math.floor(((to - from) * (i + 1)) / count)
    chunks.push({
      minTimeMs: timestamps[start]!,
      maxTimeMs: timestamps[end - 1]!,
      encoding: XOR,
      data: encodeXor(timestamps, values, start, end),
    })
  }
}

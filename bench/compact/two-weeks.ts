/** Two weeks of one Prometheus as blocks of two days, made once and kept in `.cache/bench`. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compareLabels, type Labels, labelsFrom } from '#lib/model/labels.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks, SAMPLES_PER_CHUNK } from '#lib/tsdb/chunk/encode.ts'
import { noise } from '#test/e2e/support/noise.ts'
import { madeOnce } from '../promql/made-once.ts'

const HOUR_MS = 3_600_000
export const STEP_MS = 15_000
export const BLOCKS = 7
export const BLOCK_MS = 48 * HOUR_MS
export const START_MS = Math.ceil(Date.UTC(2026, 0, 1) / (14 * 24 * HOUR_MS)) * 14 * 24 * HOUR_MS
export const METRICS = 500
/** Series take turns with so many courses of values: compaction copies chunks and does not see what is in them. */
const COURSES = 64

/** The directory of a bucket. */
export function twoWeeks(seriesCount: number): Promise<string> {
  return madeOnce(`two-weeks-1-${seriesCount}`, async (root) => {
    const series = seriesLabels(seriesCount)
    for (let block = 0; block < BLOCKS; block++) {
      await makeBlock(root, blockId(block + 1), series, START_MS + block * BLOCK_MS)
    }
  })
}

export function blockId(n: number): string {
  return `01KE${String(n).padStart(22, '0')}`
}

/** Sorted. */
export function seriesLabels(count: number): Labels[] {
  return Array.from({ length: count }, (_, i) => {
    const target = Math.floor(i / METRICS)
    const pod = `app-${target % 40}-${target.toString(16).padStart(5, '0')}`
    return labelsFrom({
      __name__: `made_metric_${String(i % METRICS).padStart(3, '0')}_total`,
      cluster: 'eu-west-1',
      container: `app-${target % 40}`,
      instance: `10.${target >>> 14}.${(target >>> 7) & 127}.${target & 127}:8080`,
      job: `kubernetes-pods-${target % 7}`,
      namespace: `team-${target % 13}`,
      node: `node-${target % 100}`,
      pod,
    })
  }).sort(compareLabels)
}

async function makeBlock(
  root: string,
  ulid: string,
  series: readonly Labels[],
  startMs: number,
): Promise<void> {
  const folder = join(root, ulid)
  mkdirSync(join(folder, 'chunks'), { recursive: true })
  const writer = new BlockWriter({
    write: (file, bytes) => appendFileSync(join(folder, file), bytes),
  })
  const courses = Array.from({ length: COURSES }, (_, course) => chunksOf(course, startMs))
  for (const [i, labels] of series.entries()) writer.addChunks(labels, courses[i % COURSES]!)
  const { meta, files, indexStats } = writer.finish({
    ulid,
    minTimeMs: startMs,
    maxTimeMs: startMs + BLOCK_MS,
  })
  const thanos = {
    version: 1,
    labels: { cluster: 'bench' },
    downsample: { resolution: 0 },
    source: 'compactor',
    files: files.map(({ path, size }) => ({ rel_path: path, size_bytes: size })),
    index_stats: indexStats,
  }
  await writeFile(join(folder, META_FILE), formatBlockMeta({ ...meta, thanos }))
}

/** A quarter stands still, a quarter counts evenly, a quarter unevenly, a quarter goes up and down. */
function chunksOf(course: number, startMs: number): readonly ReadyChunk[] {
  const length = BLOCK_MS / STEP_MS
  const timestamps = new Float64Array(length)
  const values = new Float64Array(length)
  let sum = course
  for (let n = 0; n < length; n++) {
    timestamps[n] = startMs + n * STEP_MS
    const random = noise(course, startMs / STEP_MS + n)
    if (course % 4 === 1) sum += course
    if (course % 4 === 2) sum += random < 0.3 ? Math.floor(random * 100) : 0
    values[n] = course % 4 === 3 ? Math.floor(random * 50) : sum
  }
  const chunks = encodeChunks({ length, timestamps, values })
  if (chunks.length !== length / SAMPLES_PER_CHUNK) throw new Error(`${chunks.length} chunks`)
  return chunks
}

/** A bucket with a group of blocks that should become one, made once and kept in `.cache/bench`. */
import { appendFileSync, mkdirSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { compareLabels, type Labels, labelsFrom } from '#lib/model/labels.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { madeOnce } from '../promql/made-once.ts'

const HOUR_MS = 3_600_000
export const STEP_MS = 15_000
const START_MS = Math.ceil(Date.UTC(2026, 0, 1) / (8 * HOUR_MS)) * 8 * HOUR_MS

export interface GroupShape {
  readonly seriesCount: number
  /** 2: four blocks of two hours, which become one of eight. */
  readonly blockHours: number
  readonly blocks: number
  /** Each block once for each: the external label `replica`. A sample in fifty is missing in one of them. */
  readonly replicas: number
}

/** The directory of the bucket. Behind the group is a small block: the newest is left alone by Thanos. */
export function madeGroup(shape: GroupShape): Promise<string> {
  const { seriesCount, blockHours, blocks, replicas } = shape
  return madeOnce(`compact-3-${seriesCount}-${blocks}x${blockHours}h-${replicas}`, async (root) => {
    const series = madeSeries(seriesCount)
    let number = 0
    for (let replica = 0; replica < replicas; replica++) {
      for (let block = 0; block < blocks; block++) {
        const startMs = START_MS + block * blockHours * HOUR_MS
        const endMs = startMs + blockHours * HOUR_MS
        await makeBlock(join(root, blockId(++number)), series, replica, replicas, startMs, endMs)
      }
      const startMs = START_MS + Math.max(8, blocks * blockHours) * HOUR_MS
      const few = series.slice(0, 10)
      const folder = join(root, blockId(++number))
      await makeBlock(folder, few, replica, replicas, startMs, startMs + 2 * HOUR_MS)
    }
  })
}

/** Old enough for Thanos not to wait. */
function blockId(n: number): string {
  return `01KE${String(n).padStart(22, '0')}`
}

function madeSeries(count: number): Labels[] {
  const series: Labels[] = []
  for (let i = 0; i < count; i++) {
    const metric = i % 200
    const pod = Math.floor(i / 200)
    const hash = seedOf(`pod ${pod}`).toString(36)
    series.push(
      labelsFrom({
        __name__: `container_metric_${metric}_total`,
        cluster: 'eu-west-1',
        container: `app-${pod % 20}`,
        endpoint: 'https-metrics',
        id: `/kubepods/burstable/pod${hash}/${hash}${hash}`,
        instance: `10.2.${(pod >>> 7) & 255}.${pod & 127}:10250`,
        job: 'kubelet',
        namespace: `team-${pod % 13}`,
        node: `node-${pod % 100}`,
        pod: `app-${pod % 20}-${hash}-${pod}`,
        service: 'kubelet',
      }),
    )
  }
  return series.sort(compareLabels)
}

async function makeBlock(
  folder: string,
  series: readonly Labels[],
  replica: number,
  replicas: number,
  startMs: number,
  endMs: number,
): Promise<void> {
  mkdirSync(join(folder, 'chunks'), { recursive: true })
  const writer = new BlockWriter({
    write: (file, bytes) => appendFileSync(join(folder, file), bytes),
  })
  const size = (endMs - startMs) / STEP_MS
  const timestamps = new Float64Array(size)
  const values = new Float64Array(size)
  const first = startMs / STEP_MS
  for (const [i, labels] of series.entries()) {
    const isCounter = i % 3 !== 0
    const speed = 1 + (i % 50)
    let length = 0
    for (let n = 0; n < size; n++) {
      const seed = noise(i, first + n)
      if (replicas > 1 && (first + n + replica * 25) % 50 === 0) continue
      // Scrapes come a few milliseconds late, each replica's at its own time.
      timestamps[length] =
        startMs + n * STEP_MS + replica * 4000 + ((i % 200) + (seed < 0.05 ? 3 : 0))
      values[length++] = isCounter
        ? (first + n - 1.17e8) * speed + Math.floor(seed * speed)
        : Math.floor(seed * 1e4) / 100
    }
    writer.addSeries(labels, { length, timestamps, values })
  }
  const ulid = folder.slice(folder.lastIndexOf('/') + 1)
  const { meta, files, indexStats } = writer.finish({ ulid, minTimeMs: startMs, maxTimeMs: endMs })
  const thanos = {
    version: 1,
    labels: { cluster: 'bench', ...(replicas > 1 && { replica: String(replica) }) },
    downsample: { resolution: 0 },
    source: 'sidecar',
    segment_files: files.filter(({ path }) => path !== 'index').map(({ path }) => path.slice(7)),
    files: [
      ...files.map(({ path, size: size_bytes }) => ({ rel_path: path, size_bytes })),
      { rel_path: META_FILE },
    ],
    index_stats: indexStats,
  }
  for (const { path, size: expected } of files) {
    const { size: found } = statSync(join(folder, path))
    if (found !== expected) throw new Error(`${join(dirname(folder), path)} has ${found} bytes`)
  }
  await writeFile(join(folder, META_FILE), formatBlockMeta({ ...meta, thanos }))
}

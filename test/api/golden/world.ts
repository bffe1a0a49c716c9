/** The data behind the golden answers: two small series, and the golden block with native histograms. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { columns, putBlock, testId } from '#test/store/sample-block.ts'
import { goldenBlock } from '#test/tsdb/golden.ts'

/** Every way a float is written, at whole seconds and between. */
const X_SAMPLES: readonly (readonly [ms: number, value: number])[] = [
  [1_700_000_000_000, 1],
  [1_700_000_015_000, NaN],
  [1_700_000_030_000, Infinity],
  [1_700_000_045_500, 1e-7],
  [1_700_000_060_000, 1e21],
  [1_700_000_075_000, 123456789012345680000],
]

const SERIES = [
  { labels: { __name__: 'm', a: 'x' }, samples: X_SAMPLES },
  { labels: { __name__: 'm', a: 'y<z>' }, samples: [[1_700_000_000_000, 0.1]] as const },
]

export const HISTOGRAM_BLOCK = goldenBlock('prometheus-3.14-histograms')

/** Input of `promtool tsdb create-blocks-from openmetrics`. */
export function openMetrics(): string {
  const lines = SERIES.flatMap(({ labels, samples }) =>
    samples.map(([ms, value]) => {
      const number = Number.isFinite(value) ? value : String(value).replace('Infinity', '+Inf')
      return `m{a="${labels.a}"} ${number} ${ms / 1000}`
    }),
  )
  return `${['# TYPE m gauge', ...lines, '# EOF'].join('\n')}\n`
}

/** The same blocks for thaw. */
export async function goldenBucket(bucket = memoryBucket()): Promise<Bucket> {
  await putBlock(bucket, {
    id: testId(1),
    minTimeMs: 1_699_999_200_000,
    maxTimeMs: 1_700_006_400_000,
    externalLabels: {},
    series: SERIES.map(({ labels, samples }) => ({
      labels: labelsFrom(labels),
      samples: columns(samples),
    })),
  })
  const { folder, ulid } = HISTOGRAM_BLOCK
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    await bucket.put(`${ulid}${path.slice(folder.length)}`, await readFile(path))
  }
  return bucket
}

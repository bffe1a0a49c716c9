/** Blocks of two clusters with two replicas each, and what tests of queries over them share. */
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { QueryAnswer, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import type { SlicedBackendParts } from '#lib/query/sliced-backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

export const HOUR = 3600_000
export const scope: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: false,
  maxSourceResolutionMs: 0,
}

/** Two clusters, two replicas with gaps and phases of their own, twelve blocks of two hours each. */
export async function fillTwoClusters(bucket: Bucket): Promise<void> {
  let n = 0
  for (const cluster of ['a', 'b']) {
    for (const [r, replica] of ['r0', 'r1'].entries()) {
      for (let window = 0; window < 12; window++) {
        const start = window * 2 * HOUR
        const series = ['x', 'y', 'z'].flatMap((host, h) =>
          ['requests_total', 'load'].map((name) => {
            const all = every(30_000, start, start + 2 * HOUR, (t) => value(name, t, h))
            const kept = [...all.timestamps.keys()].filter((i) => !missed(all.timestamps[i]!, r, h))
            return {
              labels: labels({ __name__: name, host }),
              samples: {
                length: kept.length,
                timestamps: Float64Array.from(kept, (i) => all.timestamps[i]! + r * 7000 + h * 13),
                values: Float64Array.from(kept, (i) => all.values[i]!),
              },
            }
          }),
        )
        const externalLabels = { cluster, replica }
        await putBlock(bucket, {
          id: testId(n++),
          minTimeMs: start,
          maxTimeMs: start + 2 * HOUR,
          externalLabels,
          series,
        })
      }
    }
  }
  await updateBucketIndex(bucket, { now: () => 0 })
}

function value(name: string, t: number, host: number): number {
  if (name === 'load') return Math.sin(t / 1e6 + host) * 5
  return Math.floor((t % (5 * HOUR)) / 700) + host // a reset every five hours
}

function missed(t: number, replica: number, host: number): boolean {
  return Math.floor(t / HOUR) % 5 === replica * 2 + (host === 1 ? 1 : 0)
}

export function backendParts(
  bucket: Bucket,
  over: Partial<SlicedBackendParts> = {},
): SlicedBackendParts {
  return {
    bucket,
    cache: new StoreCache(1 << 24),
    index: new BucketIndexReader(bucket, { now: () => 0, maxAgeMs: 60_000 }),
    now: () => 0,
    cut: { sliceBytes: Number.MAX_SAFE_INTEGER, maxSlices: 64 },
    concurrency: 8,
    ...over,
  }
}

export const range = (
  text: string,
  startMs = 0,
  stepMs = 60_000,
  stepCount = 1440,
): QueryRequest => ({
  text,
  grid: { startMs, stepMs, stepCount, endMs: startMs + (stepCount - 1) * stepMs },
  scope,
  options: DEFAULT_ENGINE_OPTIONS,
})

/** Bits of every value, by series. */
export function bitsOf({ value: result }: QueryAnswer): unknown {
  if (result.type === 'scalar') return new BigUint64Array(result.values.slice().buffer)
  if (result.type !== 'vector') throw new Error(result.type)
  return result.series.map(({ labels: own, presence, values }) => [
    formatLabels(own),
    [...presence],
    [...values].map((v, i) =>
      presence[i] === 0 ? 'absent' : Buffer.from(Float64Array.of(v).buffer).toString('hex'),
    ),
  ])
}

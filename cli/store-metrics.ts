/** What the store counts, under the names that Thanos's store has. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Gate } from '#lib/grpc/gate.ts'
import type { StoreObserver } from '#lib/store-api/store-service.ts'

const BUCKETS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
const BYTE_BUCKETS = [1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

export function storeMetrics(registry: Registry, gate: Gate, most: number): StoreObserver {
  const registers = [registry]
  const histogram = (name: string, help: string, buckets = BUCKETS) =>
    new Histogram({ name: `thanos_bucket_store_${name}`, help, buckets, registers })
  const blocks = histogram('series_blocks_queried', 'Blocks that a Series call read')
  const series = histogram('series_result_series', 'Series that a Series call gave')
  const chunks = histogram('series_result_chunks', 'Chunks that a Series call gave')
  const bytes = histogram(
    'data_downloaded_bytes',
    'Bytes of the bucket that a Series call read',
    BYTE_BUCKETS,
  )
  const dropped = new Counter({
    name: 'thanos_bucket_store_queries_dropped_total',
    help: 'Series calls that ended at a limit',
    labelNames: ['reason'] as const,
    registers,
  })
  for (const reason of ['series', 'chunks', 'bytes']) dropped.inc({ reason }, 0)
  const gauge = (name: string, help: string, value: () => number): void => {
    const made = new Gauge({
      name: `thanos_bucket_store_series_gate_queries_${name}`,
      help,
      registers: [],
      collect() {
        this.set(value())
      },
    })
    registry.registerMetric(made)
  }
  gauge('in_flight', 'Series calls that run', () => gate.running)
  gauge('waiting', 'Series calls that wait for others to end', () => gate.waiting)
  gauge('max', 'Series calls that may run at one time', () => most)
  return {
    answered(stats) {
      blocks.observe(stats.blocks)
      series.observe(stats.series)
      chunks.observe(stats.chunks)
      bytes.observe(stats.bytes)
    },
    dropped: (what) => dropped.inc({ reason: what === 'samples' ? 'chunks' : what }),
  }
}

/** Passes over the data directory of one Prometheus until the agent is stopped. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import type { PrometheusOptions } from '../agent-options.ts'
import { killAfterGrace } from '../kill-after-grace.ts'
import type { Logger } from '../logger.ts'
import type { Meter } from '../metrics.ts'
import type { PrometheusState } from '../prometheus/heartbeat.ts'
import { sleep } from '../sleep.ts'
import { type ShipOutcome, type ShipperOptions, shipBlocks } from './shipper.ts'
import type { UploadProgress } from './upload.ts'

export interface ShippingParts {
  readonly bucket: Bucket
  readonly logger: Logger
  readonly now: () => number
  readonly meter: Meter
  /** Gives up the running upload at once. */
  readonly killSignal?: AbortSignal | undefined
  readonly onPass?: ((outcome: ShipOutcome) => void) | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
}

/** After `stopping` no further block is begun, and the running upload has `stopGraceMs`. */
export async function keepShipping(
  options: PrometheusOptions,
  parts: ShippingParts,
  state: PrometheusState,
  stopping: AbortSignal,
): Promise<void> {
  const { bucket, logger, now } = parts
  const metrics = shippingMetrics(parts.meter)
  const shipper: ShipperOptions = { ...options, bucket, logger, now, source: 'sidecar' }
  const kill = killAfterGrace(options.stopGraceMs, stopping, parts.killSignal)
  let failures = 0
  while (!stopping.aborted) {
    let failure: unknown
    try {
      const outcome = await shipBlocks(shipper, {
        externalLabels: state.externalLabels,
        onProgress: parts.onProgress,
        stopping,
        signal: kill.signal,
      })
      metrics.count(outcome, options)
      parts.onPass?.(outcome)
      failure = outcome.failed[0]?.error
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      metrics.dirSyncFailures.inc()
      if (error.kind === 'canceled' && stopping.aborted) break
      logger.error({ kind: error.kind, err: error }, 'pass over the data directory ended early')
      failure = error
    }
    failures = failure === undefined ? 0 : failures + 1
    await sleep(pauseMs(failure, failures, options.shipIntervalMs), stopping)
  }
  kill.dispose()
}

/** What passes by itself is tried again sooner, after 1, 2, 4 … seconds; the rest waits for the next pass. */
export function pauseMs(failure: unknown, failures: number, intervalMs: number): number {
  const passing =
    isKind(failure, 'unavailable') || isKind(failure, 'timeout') || isKind(failure, 'conflict')
  return passing ? Math.min(intervalMs, 1000 * 2 ** Math.min(failures - 1, 20)) : intervalMs
}

function shippingMetrics(meter: Meter) {
  const dirSyncs = meter.counter('thanos_shipper_dir_syncs_total', 'Passes over the data directory')
  const dirSyncFailures = meter.counter(
    'thanos_shipper_dir_sync_failures_total',
    'Passes over the data directory that ended early',
  )
  const uploads = meter.counter('thanos_shipper_uploads_total', 'Blocks uploaded')
  const uploadFailures = meter.counter(
    'thanos_shipper_upload_failures_total',
    'Blocks whose upload did not end well',
  )
  const corruptedBlocks = meter.counter(
    'thanos_shipper_corrupted_blocks_total',
    'Blocks found corrupted on the local disk, once for each pass',
  )
  const uploadCompactedDone = meter.gauge(
    'thanos_shipper_upload_compacted_done',
    '1 when all compacted local blocks have been uploaded',
  )
  const uploadedBytes = meter.counter('thaw_agent_uploaded_bytes_total', 'Bytes of blocks uploaded')
  return {
    dirSyncFailures,
    count({ uploaded, failed, notReached }: ShipOutcome, { uploadCompacted }: PrometheusOptions) {
      if (notReached.length === 0) dirSyncs.inc()
      else dirSyncFailures.inc()
      uploads.inc(uploaded.length)
      uploadedBytes.inc(uploaded.reduce((sum, { byteLength }) => sum + byteLength, 0))
      const corrupted = failed.filter(({ error }) => error.kind === 'corrupt').length
      corruptedBlocks.inc(corrupted)
      uploadFailures.inc(failed.length - corrupted)
      const done = uploadCompacted && failed.length === 0 && notReached.length === 0
      uploadCompactedDone.set(done ? 1 : 0)
    },
  }
}

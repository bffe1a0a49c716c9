/** What the agent counts, under the names Thanos's sidecar has, so that its dashboards and alerts go on working. */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { VERSION } from './version.ts'

export interface AgentMetrics {
  readonly registry: Registry
  readonly dirSyncs: Counter
  readonly dirSyncFailures: Counter
  readonly uploads: Counter
  readonly uploadFailures: Counter
  readonly corruptedBlocks: Counter
  readonly uploadCompactedDone: Gauge
  readonly uploadedBytes: Counter
  readonly prometheusUp: Gauge
  readonly lastHeartbeat: Gauge
  readonly status: Gauge<'check' | 'component'>
  readonly bucketOperations: Counter<'bucket' | 'operation'>
  readonly bucketOperationFailures: Counter<'bucket' | 'operation'>
}

/** One registry for each agent, so that many can run in one process. `processMetrics` adds memory, CPU and event loop. */
export function createAgentMetrics({ processMetrics = false } = {}): AgentMetrics {
  const registry = new Registry()
  const registers = [registry]
  if (processMetrics) collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'thanos_build_info',
    help: 'Always 1, labelled by the version of the agent',
    labelNames: ['version', 'nodeversion', 'product'],
    registers,
  }).set({ version: VERSION, nodeversion: process.version, product: 'thaw' }, 1)

  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const status = new Gauge({
    name: 'thanos_status',
    help: 'Whether the agent is ready and healthy: 1 yes, 0 no',
    labelNames: ['check', 'component'] as const,
    registers,
  })
  status.set({ component: 'sidecar', check: 'ready' }, 0)
  status.set({ component: 'sidecar', check: 'healthy' }, 0)
  const operations = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ['bucket', 'operation'] as const, registers })

  return {
    registry,
    dirSyncs: counter('thanos_shipper_dir_syncs_total', 'Passes over the data directory'),
    dirSyncFailures: counter(
      'thanos_shipper_dir_sync_failures_total',
      'Passes over the data directory that ended early',
    ),
    uploads: counter('thanos_shipper_uploads_total', 'Blocks uploaded'),
    uploadFailures: counter(
      'thanos_shipper_upload_failures_total',
      'Blocks whose upload did not end well',
    ),
    corruptedBlocks: counter(
      'thanos_shipper_corrupted_blocks_total',
      'Blocks found corrupted on the local disk, once for each pass',
    ),
    uploadCompactedDone: gauge(
      'thanos_shipper_upload_compacted_done',
      '1 when all compacted local blocks have been uploaded',
    ),
    uploadedBytes: counter('thaw_agent_uploaded_bytes_total', 'Bytes of blocks uploaded'),
    prometheusUp: gauge(
      'thanos_sidecar_prometheus_up',
      'Whether the agent reaches its Prometheus: 1 yes, 0 no',
    ),
    lastHeartbeat: gauge(
      'thanos_sidecar_last_heartbeat_success_time_seconds',
      'Unix time of the last heartbeat that Prometheus answered',
    ),
    status,
    bucketOperations: operations(
      'thanos_objstore_bucket_operations_total',
      'Operations asked of the bucket',
    ),
    bucketOperationFailures: operations(
      'thanos_objstore_bucket_operation_failures_total',
      'Operations the bucket refused, objects that are not there aside',
    ),
  }
}

export function setStatus(metrics: AgentMetrics, check: 'ready' | 'healthy', fact: boolean): void {
  metrics.status.set({ component: 'sidecar', check }, fact ? 1 : 0)
}

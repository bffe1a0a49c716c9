/** The metrics of Thanos's sidecar, as one told them of itself, and which of them the agent has. */
import { describe, expect, it } from 'vitest'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { SILENT } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import { NO_STORE_API } from '#agent/store-api/serve-store-api.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { fakePrometheus, temporaryDir } from './block-fixture.ts'

/**
 * `thanos sidecar` 0.43.0-dev (e103a81bd594) with a bucket and a reloader: names of /metrics, those of Go and of the
 * process aside.
 */
const THANOS = [
  'grpc_req_panics_recovered_total counter',
  'grpc_server_handled_total counter',
  'grpc_server_handling_seconds histogram',
  'grpc_server_msg_received_total counter',
  'grpc_server_msg_sent_total counter',
  'grpc_server_started_total counter',
  'prometheus_store_received_frames histogram',
  'thanos_build_info gauge',
  'thanos_objstore_bucket_last_successful_upload_time gauge',
  'thanos_objstore_bucket_operation_duration_seconds histogram',
  'thanos_objstore_bucket_operation_failures_total counter',
  'thanos_objstore_bucket_operation_fetched_bytes_total counter',
  'thanos_objstore_bucket_operation_transferred_bytes histogram',
  'thanos_objstore_bucket_operations_total counter',
  'thanos_shipper_corrupted_blocks_total counter',
  'thanos_shipper_dir_sync_failures_total counter',
  'thanos_shipper_dir_syncs_total counter',
  'thanos_shipper_upload_compacted_done gauge',
  'thanos_shipper_upload_failures_total counter',
  'thanos_shipper_uploads_total counter',
  'thanos_sidecar_prometheus_up gauge',
  'thanos_sidecar_reloader_config_apply_operations_failed_total counter',
  'thanos_sidecar_reloader_config_apply_operations_total counter',
  'thanos_sidecar_reloader_config_environment_variable_expansion_errors gauge',
  'thanos_sidecar_reloader_info gauge',
  'thanos_sidecar_reloader_last_reload_success_timestamp_seconds gauge',
  'thanos_sidecar_reloader_last_reload_successful gauge',
  'thanos_sidecar_reloader_reloads_failed_total counter',
  'thanos_sidecar_reloader_reloads_total counter',
  'thanos_sidecar_reloader_watch_errors_total counter',
  'thanos_sidecar_reloader_watch_events_total counter',
  'thanos_sidecar_reloader_watches gauge',
  'thanos_status gauge',
  'thanos_store_server_chunks_requested histogram',
  'thanos_store_server_pending_series_requests gauge',
  'thanos_store_server_series_requested histogram',
]

/** What says something of Thanos's inside, or of a language. */
const WITHOUT = [
  'grpc_req_panics_recovered_total counter',
  'prometheus_store_received_frames histogram',
  'thanos_store_server_chunks_requested histogram',
  'thanos_store_server_pending_series_requests gauge',
  'thanos_store_server_series_requested histogram',
]

describe('the metrics of the agent', () => {
  it("are Thanos's sidecar's, and a few of its own", async () => {
    const { url: prometheusUrl } = await fakePrometheus()
    const tsdbPath = await temporaryDir()
    const { reloader, ...options } = prometheusOptions({ tsdbPath, prometheusUrl })
    const stop = new AbortController()
    const listening = Promise.withResolvers<string>()
    const serving = Promise.withResolvers<void>()
    const agent = runAgent(
      agentOptions({
        prometheuses: [{ ...options, reloader: { ...reloader, ruleDirs: [tsdbPath] } }],
        httpAddress: '127.0.0.1:0',
        storeApi: { ...NO_STORE_API, address: '127.0.0.1:0' },
      }),
      {
        bucket: memoryBucket(),
        logger: SILENT,
        now: Date.now,
        signal: stop.signal,
        onListening: listening.resolve,
        onPass: () => serving.resolve(),
      },
    )
    agent.catch(serving.reject)
    await serving.promise
    const text = await (await fetch(`${await listening.promise}/metrics`)).text()
    stop.abort()
    await agent
    const names = [...text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, name]) => name)
    expect(THANOS.filter((name) => !names.includes(name))).toEqual(WITHOUT)
    expect(names).toContain('thanos_sidecar_last_heartbeat_success_time_seconds gauge')
  })
})

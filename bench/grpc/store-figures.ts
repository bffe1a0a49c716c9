/** What a store says of itself at `/metrics`. */

export interface StoreFigures {
  readonly residentBytes: number
  /** Of that, what V8 has in use, and buffers beside it. */
  readonly heapBytes: number
  readonly externalBytes: number
  readonly cpuSeconds: number
  /** Series calls. */
  readonly started: number
  readonly handled: number
  readonly running: number
  readonly waiting: number
}

export async function storeFigures(url: string): Promise<StoreFigures> {
  const text = await (await fetch(url)).text()
  /** The sum of all lines of the metric that have the text in their labels. */
  const value = (name: string, label = ''): number =>
    text
      .split('\n')
      .filter((line) => /^[^{ ]*/.exec(line)![0] === name && line.includes(label))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  return {
    residentBytes: value('process_resident_memory_bytes'),
    heapBytes: value('nodejs_heap_size_used_bytes'),
    externalBytes: value('nodejs_external_memory_bytes'),
    cpuSeconds: value('process_cpu_seconds_total'),
    started: value('grpc_server_started_total', 'grpc_method="Series"'),
    handled: value('grpc_server_handled_total', 'grpc_method="Series"'),
    running: value('thanos_bucket_store_series_gate_queries_in_flight'),
    waiting: value('thanos_bucket_store_series_gate_queries_waiting'),
  }
}

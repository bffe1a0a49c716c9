/**
 * What do many Series calls at once take of the agent, beside Thanos's sidecar on the same Prometheus? Each stream reads all
 * series, and begins again until the time is over. Options, with their defaults:
 *   --streams=50 --series=10000 --samples=240 --seconds=60
 *   --prometheus=<binary>     default: `prometheus` of the PATH
 *   --thanos=<binary>         the peer; without it there is none
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Client, credentials } from '@grpc/grpc-js'
import { decodeSeriesResponse } from '#lib/grpc/series-messages.ts'
import { storeService } from '#lib/grpc/services.ts'
import { seriesRequest } from '#lib/grpc/store-messages.ts'
import { firstRemoteWriteRequest } from '#test/data/remote-write-request.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { answers, freePort, type PeerServer, startServer } from '#test/peer/server.ts'
import { type ProcessUsage, usageOf } from '../fresh/usage.ts'

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '50' },
    series: { type: 'string', default: '10000' },
    samples: { type: 'string', default: '240' },
    seconds: { type: 'string', default: '60' },
    prometheus: { type: 'string', default: 'prometheus' },
    thanos: { type: 'string' },
  },
})
const streams = Number(values.streams)
const seriesCount = Number(values.series)
const AGENT = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))
const BATCH = 500
/** Until connections that are over are gone. */
const SETTLE_MS = 10_000

const dir = await mkdtemp(join(tmpdir(), 'thaw-streams-'))
const prometheus = await startPrometheus({
  binary: values.prometheus,
  dataDir: dir,
  config: 'global: {external_labels: {cluster: eu, replica: a}}\n',
  flags: [
    '--storage.tsdb.min-block-duration=2h',
    '--storage.tsdb.max-block-duration=2h',
    '--web.enable-remote-write-receiver',
    '--storage.remote.read-concurrent-limit=1000',
  ],
})
try {
  await fill()
  if (values.thanos !== undefined) await measure('sidecar', values.thanos, ['sidecar'])
  await measure('agent', process.execPath, [AGENT])
} finally {
  await prometheus.stop()
  await rm(dir, { recursive: true, force: true })
}

/** Series of one metric, samples of the last hours. */
async function fill(): Promise<void> {
  const count = Number(values.samples)
  const startMs = Date.now() - count * 15_000
  for (let from = 0; from < seriesCount; from += BATCH) {
    const series = Array.from({ length: Math.min(BATCH, seriesCount - from) }, (_, i) => ({
      labels: [
        ['__name__', 'load_requests_total'],
        ['instance', `10.0.${(from + i) >> 8}.${(from + i) & 255}:9100`],
        ['job', 'load'],
        ['path', `/api/v1/things/${from + i}`],
      ] as const,
      samples: Array.from({ length: count }, (__, k) => ({
        t: startMs + k * 15_000,
        v: k * ((i % 7) + 1),
      })),
    }))
    const answer = await fetch(`${prometheus.url}/api/v1/write`, {
      method: 'POST',
      body: firstRemoteWriteRequest(series),
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    })
    if (!answer.ok) throw new Error(await answer.text())
  }
}

async function measure(name: string, file: string, command: readonly string[]): Promise<void> {
  const http = `127.0.0.1:${await freePort()}`
  const grpc = `127.0.0.1:${await freePort()}`
  const server = await startServer({
    file,
    args: [
      ...command,
      `--prometheus.url=${prometheus.url}`,
      `--tsdb.path=${dir}`,
      `--http-address=${http}`,
      `--grpc-address=${grpc}`,
      '--log.level=error',
    ],
    ready: () => answers(`http://${http}/-/ready`),
  })
  try {
    await load(name, grpc, server)
  } finally {
    await server.stop()
  }
}

async function load(name: string, grpc: string, server: PeerServer): Promise<void> {
  const before = (await usageOf(server.pid))!
  const openFiles = async (): Promise<number> => (await readdir(`/proc/${server.pid}/fd`)).length
  const filesBefore = await openFiles()
  const endMs = Date.now() + Number(values.seconds) * 1000
  const counts = Array.from({ length: streams }, () => 0)
  const firstFrames: number[] = []
  let errors = 0
  const request = seriesRequest.encode({
    maxTime: Date.now(),
    matchers: [{ type: '=', name: '__name__', value: 'load_requests_total' }],
    responseBatchSize: 64,
  })
  const { path, requestSerialize, responseDeserialize } = storeService.series
  const run = async (index: number): Promise<void> => {
    const client = new Client(grpc, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
    })
    while (Date.now() < endMs) {
      const startMs = performance.now()
      let isFirst = true
      try {
        const stream = client.makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
        )
        for await (const frame of stream) {
          if (isFirst) firstFrames.push(performance.now() - startMs)
          isFirst = false
          counts[index]! += decodeSeriesResponse(frame as Uint8Array).series.length
        }
      } catch (error) {
        errors++
        console.error((error as Error).message)
        await sleep(1000)
      }
    }
    client.close()
  }
  const resident: number[] = []
  const sampling = setInterval(() => {
    void usageOf(server.pid).then((usage) => usage && resident.push(usage.residentKb))
  }, 1000)
  await Promise.all(counts.map((_, i) => run(i)))
  clearInterval(sampling)
  const after = (await usageOf(server.pid))!
  report(name, counts, errors, firstFrames, resident, before, after)
  await sleep(SETTLE_MS)
  const settled = ((await usageOf(server.pid))!.residentKb / 1000).toFixed(0)
  const files = `${filesBefore} files open before, ${await openFiles()} after`
  console.log(`  ${SETTLE_MS / 1000} s later: ${settled} MB, ${files}`)
}

function report(
  name: string,
  counts: readonly number[],
  errors: number,
  firstFrames: number[],
  resident: readonly number[],
  before: ProcessUsage,
  after: ProcessUsage,
): void {
  const all = counts.reduce((sum, count) => sum + count, 0)
  const cpu = (after.cpuMs - before.cpuMs) / 1000
  firstFrames.sort((a, b) => a - b)
  const at = (share: number): string =>
    (firstFrames[Math.floor((firstFrames.length - 1) * share)] ?? NaN).toFixed(0)
  const mb = (kb: number | undefined): string => ((kb ?? NaN) / 1000).toFixed(0)
  const quarters = [0.25, 0.5, 0.75, 1].map((share) =>
    mb(resident[Math.floor((resident.length - 1) * share)]),
  )
  console.log(
    [
      `${name}: ${streams} streams of ${seriesCount} series for ${values.seconds} s`,
      `  ${all} series, ${errors} errors; of the streams the slowest had ${((100 * Math.min(...counts)) / Math.max(...counts)).toFixed(0)} % of the fastest`,
      `  ${((cpu / all) * 1e6).toFixed(2)} s of processor for a million series`,
      `  first frame after ${at(0.5)} ms (median), ${at(0.99)} ms (99 %)`,
      `  resident ${mb(before.residentKb)} MB before, ${quarters.join(', ')} MB after each quarter, at most ${mb(after.peakKb)} MB`,
    ].join('\n'),
  )
}

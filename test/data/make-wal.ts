/**
 * Makes a golden log with a past: a real Prometheus is started again and again, cuts a block off its head and so checkpoints its log, is
 * told to delete, and gets samples late. `node test/data/make-wal.ts <prometheus> <folder>`
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPrometheus } from '../peer/prometheus.ts'
import type { MadeSeries } from './made-series.ts'
import { DELETED, LATE, SESSIONS } from './past-series.ts'
import { firstRemoteWriteRequest } from './remote-write-request.ts'

const CONFIG = 'storage: {tsdb: {out_of_order_time_window: 1h}}\n'
const FLAGS = [
  '--enable-feature=native-histograms,exemplar-storage',
  '--storage.tsdb.retention.time=100y',
  '--storage.tsdb.wal-compression-type=zstd',
  '--web.enable-admin-api',
  '--web.enable-remote-write-receiver',
]

const [binary, folder] = process.argv.slice(2)
if (!binary || !folder) {
  console.error('node test/data/make-wal.ts <prometheus> <folder>')
  process.exit(2)
}
const dataDir = mkdtempSync(join(tmpdir(), 'thaw-golden-'))
for (const series of SESSIONS) await session(binary, async (url) => write(url, series))
await session(binary, async (url) => {
  await write(url, LATE)
  const path = `/api/v1/admin/tsdb/delete_series?match[]=${DELETED.selector}&start=${DELETED.startMs / 1000}&end=${DELETED.endMs / 1000}`
  const answer = await fetch(url + path, { method: 'POST' })
  if (!answer.ok) throw new Error(await answer.text())
})
rmSync(folder, { recursive: true, force: true })
for (const log of ['wal', 'wbl']) {
  cpSync(join(dataDir, log), join(folder, log), { recursive: true })
}
rmSync(dataDir, { recursive: true })

async function session(program: string, use: (url: string) => Promise<void>): Promise<void> {
  const server = await startPrometheus({ binary: program, dataDir, config: CONFIG, flags: FLAGS })
  try {
    await use(server.url)
    // A block is cut off behind the answer.
    await sleep(2000)
  } finally {
    await server.stop()
  }
}

/** In order of time, a request per step. */
async function write(url: string, series: readonly MadeSeries[]): Promise<void> {
  const times = new Set(series.flatMap(({ samples }) => samples.map(({ t }) => t)))
  for (const time of times) {
    const now = series
      .map((one) => ({
        ...one,
        samples: one.samples.filter(({ t }) => t === time),
        exemplars: one.exemplars?.filter(({ t }) => t === time) ?? [],
      }))
      .filter(({ samples }) => samples.length > 0)
    const answer = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-protobuf',
        'Content-Encoding': 'snappy',
        'X-Prometheus-Remote-Write-Version': '0.1.0',
      },
      body: firstRemoteWriteRequest(now),
    })
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  }
}

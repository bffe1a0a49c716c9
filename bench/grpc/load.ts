/**
 * Does `thaw store` stay as large as it is, end what it begins, and serve its clients alike, when many ask for much for a long time and some of
 * them vanish?
 *
 *     node bench/grpc/load.ts --seconds=600 --clients=50 --vanishing=10 --series=10000 --concurrency=20
 *
 * The store is a process of its own over a bucket in a directory. Each client asks for all series again and again; those that vanish pull
 * their connection in the midst of a stream, half of the time.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { labels, putBlock, testId } from '#test/store/sample-block.ts'
import { freePort } from '#test/peer/server.ts'
import { LoadClient } from './load-client.ts'
import { storeFigures, type StoreFigures } from './store-figures.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '50' },
    vanishing: { type: 'string', default: '10' },
    series: { type: 'string', default: '10000' },
    concurrency: { type: 'string', default: '20' },
    every: { type: 'string', default: '5' },
  },
})
const [seconds, clientCount, vanishing, seriesCount, concurrency, every] = [
  Number(values.seconds),
  Number(values.clients),
  Number(values.vanishing),
  Number(values.series),
  Number(values.concurrency),
  Number(values.every),
] as const

const HOUR_MS = 3_600_000
const STEP_MS = 15_000

const workDir = mkdtempSync(join(tmpdir(), 'thaw-load-'))
try {
  await makeBlocks(join(workDir, 'bucket'))
  await run(join(workDir, 'bucket'))
} finally {
  rmSync(workDir, { recursive: true })
}

/** Two blocks of two hours, one of each replica: gauges that walk. */
async function makeBlocks(directory: string): Promise<void> {
  mkdirSync(directory)
  const length = (2 * HOUR_MS) / STEP_MS
  const timestamps = Float64Array.from({ length }, (_, i) => i * STEP_MS)
  for (const [n, replica] of ['a', 'b'].entries()) {
    const series = Array.from({ length: seriesCount }, (_, s) => ({
      labels: labels({ __name__: 'load', instance: `host-${s % 100}`, series: String(s) }),
      samples: {
        length,
        timestamps,
        values: Float64Array.from({ length }, (__, i) => Math.round(50 * Math.sin((s + i) / 40))),
      },
    }))
    await putBlock(fileBucket(directory), {
      id: testId(n),
      minTimeMs: 0,
      maxTimeMs: 2 * HOUR_MS,
      externalLabels: { cluster: 'load', replica },
      series,
    })
  }
}

async function run(directory: string): Promise<void> {
  const [grpc, http] = [await freePort(), await freePort()]
  const args = [
    'cli/main.ts',
    'store',
    `--objstore.config={type: FILESYSTEM, config: {directory: "${directory}"}}`,
    `--grpc-address=127.0.0.1:${grpc}`,
    `--http-address=127.0.0.1:${http}`,
    `--store.grpc.series-max-concurrency=${concurrency}`,
    '--log.level=error',
  ]
  const store = spawn(process.execPath, args, { stdio: 'inherit' })
  const figures = (): Promise<StoreFigures> => storeFigures(`http://127.0.0.1:${http}/metrics`)
  try {
    await isReady(`http://127.0.0.1:${http}/-/ready`)
    const stop = new AbortController()
    const clients = Array.from(
      { length: clientCount },
      (_, i) => new LoadClient({ port: grpc, seed: i, vanishes: i < vanishing, seriesCount }),
    )
    const running = clients.map((client) => client.run(stop.signal))
    const over = await watch(clients, figures)
    stop.abort()
    await Promise.all(running)
    await sleep(2000)
    report(clients, over, await figures())
  } finally {
    store.kill('SIGTERM')
  }
}

async function watch(
  clients: readonly LoadClient[],
  figures: () => Promise<StoreFigures>,
): Promise<StoreFigures[]> {
  const over: StoreFigures[] = []
  const startMs = Date.now()
  console.log(
    'seconds  RSS MB  heap MB  buffers MB  running  waiting  streams  series/s  store cpu %',
  )
  let before = { ...(await figures()), series: 0, atMs: startMs }
  while (Date.now() - startMs < seconds * 1000) {
    await sleep(every * 1000)
    const now = await figures()
    const atMs = Date.now()
    const series = sum(clients.map((client) => client.seriesSeen))
    const elapsed = (atMs - before.atMs) / 1000
    const row = [
      ((atMs - startMs) / 1000).toFixed(0),
      megabytes(now.residentBytes),
      megabytes(now.heapBytes),
      megabytes(now.externalBytes),
      now.running,
      now.waiting,
      sum(clients.map((client) => client.completed)),
      ((series - before.series) / elapsed).toFixed(0),
      (((now.cpuSeconds - before.cpuSeconds) / elapsed) * 100).toFixed(0),
    ]
    console.log(
      row.map((cell, i) => String(cell).padStart([7, 7, 8, 11, 8, 8, 8, 9, 12][i]!)).join(' '),
    )
    over.push(now)
    before = { ...now, series, atMs }
  }
  return over
}

function report(
  clients: readonly LoadClient[],
  over: readonly StoreFigures[],
  after: StoreFigures,
): void {
  const third = Math.max(1, Math.floor(over.length / 3))
  const mean = (part: readonly StoreFigures[]): string =>
    megabytes(sum(part.map(({ residentBytes }) => residentBytes)) / part.length)
  const steady = clients.filter(({ vanishes }) => !vanishes)
  const completed = steady.map((client) => client.completed).sort((a, b) => a - b)
  const wrong = clients.flatMap((client) => client.wrong)
  const largest = Math.max(...over.map(({ residentBytes }) => residentBytes))
  console.log(`
RSS: ${mean(over.slice(third, 2 * third))} MB in the second third, ${mean(over.slice(-third))} MB in the last, ${megabytes(largest)} MB at most
streams of each steady client: ${completed[0]} at least, ${completed[completed.length >> 1]} in the middle, ${completed.at(-1)} at most
streams that clients left: ${sum(clients.map((client) => client.vanished))}
Series calls begun ${after.started}, ended ${after.handled}, left over ${after.started - after.handled}; running ${after.running}, waiting ${after.waiting}
answers that were wrong: ${wrong.length}${wrong.length > 0 ? `, first: ${wrong[0]}` : ''}`)
}

async function isReady(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    await sleep(100)
  }
  throw new Error('the store does not get ready')
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

function sum(all: readonly number[]): number {
  return all.reduce((total, one) => total + one, 0)
}

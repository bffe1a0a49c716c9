/** VictoriaMetrics with the series of the bench: imported once, then served without its response cache. */
import { cp } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { blockNames, readBlock } from '#test/localstack/sample-data/sample-block-files.ts'
import { answers, freePort, startServer, type PeerServer } from '#test/peer/server.ts'
import { madeOnce } from './made-once.ts'

export interface VictoriaMetrics extends PeerServer {
  readonly url: string
}

export interface VictoriaSettings {
  readonly binary: string
  /** The blocks, and the name that what was imported from them is kept under. */
  readonly blocks: string
  readonly name: string
  /** Gets a copy of what was imported. */
  readonly dataDir: string
}

/** Native histograms are left out: versions before 1.90 or so know none. */
export async function startVictoriaMetrics(settings: VictoriaSettings): Promise<VictoriaMetrics> {
  const { binary, blocks, name, dataDir } = settings
  const imported = await madeOnce(`${name}-victoria-metrics`, async (directory) => {
    const server = await start(binary, directory)
    try {
      for (const id of blockNames(blocks)) {
        await post(`${server.url}/api/v1/import`, linesOf(readBlock(blocks, id)))
        console.error(`${id}: imported`)
      }
      await settle(server.url)
    } finally {
      await server.stop()
    }
  })
  await cp(imported, dataDir, { recursive: true })
  return start(binary, dataDir)
}

async function start(binary: string, dataDir: string): Promise<VictoriaMetrics> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await startServer({
    file: binary,
    args: [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${dataDir}`,
      '-retentionPeriod=100y',
      '-search.disableCache',
      '-loggerLevel=ERROR',
    ],
    ready: () => answers(`${url}/health`),
  })
  return { ...server, url }
}

/** A line of JSON for each series of a block. */
function* linesOf(reader: BlockReader): Generator<Uint8Array> {
  const encoder = new TextEncoder()
  for (const series of reader.index.allSeries()) {
    const { timestamps, values, histograms, length } = reader.samples(series)
    if (histograms) continue
    const metric: Record<string, string> = {}
    for (let i = 0; i < series.labels.length; i += 2) {
      metric[series.labels[i]!] = series.labels[i + 1]!
    }
    yield encoder.encode(
      `{"metric":${JSON.stringify(metric)},"values":[${values.subarray(0, length).join()}],` +
        `"timestamps":[${timestamps.subarray(0, length).join()}]}\n`,
    )
  }
}

async function post(url: string, lines: Iterable<Uint8Array>): Promise<void> {
  const body = ReadableStream.from(lines)
  const response = await fetch(url, { method: 'POST', body, duplex: 'half' })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
}

/** Until all is on disk in as few parts as it wants, so that nothing merges while it is measured. */
async function settle(url: string): Promise<void> {
  await fetch(`${url}/internal/force_flush`)
  await fetch(`${url}/internal/force_merge`)
  let quiet = 0
  while (quiet < 5) {
    await sleep(500)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    const active = [...metrics.matchAll(/^vm_active_(?:force_)?merges\S* (\d+)/gm)]
    quiet = active.every(([, count]) => count === '0') ? quiet + 1 : 0
  }
}

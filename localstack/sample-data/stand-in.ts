/** Answers what the agent asks a Prometheus, for a data directory that no Prometheus runs on. */
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { stringify as formatYaml } from 'yaml'
import { META_FILE, parseBlockMeta } from '#lib/tsdb/block/meta.ts'

export interface StandInOptions {
  readonly externalLabels: Readonly<Record<string, string>>
  readonly dataDir: string
  readonly now: () => number
}

export interface StandIn {
  readonly url: string
  stop(): Promise<void>
}

/** The version whose answers these are. */
const VERSION = '3.14.0'

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const startedMs = options.now()
  const server = createServer((request, response) => {
    answer(request, options, startedMs).then(
      (ready) => send(response, ready),
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        send(response, { status: 500, type: 'text/plain; charset=utf-8', body: `${reason}\n` })
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}

async function answer(
  { method, url = '/' }: IncomingMessage,
  { externalLabels, dataDir }: StandInOptions,
  startedMs: number,
): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'Method Not Allowed\n')
  switch (new URL(url, 'http://127.0.0.1').pathname) {
    case '/-/ready':
      return text(200, 'Prometheus Server is Ready.\n')
    case '/-/healthy':
      return text(200, 'Prometheus Server is Healthy.\n')
    case '/api/v1/status/config':
      return data({ yaml: formatYaml({ global: { external_labels: externalLabels } }) })
    case '/api/v1/status/flags':
      return data({
        'storage.tsdb.min-block-duration': '2h',
        'storage.tsdb.max-block-duration': '2h',
        'storage.tsdb.path': dataDir,
      })
    case '/api/v1/status/buildinfo':
      return data({
        version: VERSION,
        revision: '',
        branch: 'HEAD',
        buildUser: '',
        buildDate: '',
        goVersion: '',
      })
    case '/metrics':
      return text(200, await metrics(dataDir, startedMs))
    default:
      return text(404, '404 page not found\n')
  }
}

async function metrics(dataDir: string, startedMs: number): Promise<string> {
  const lowestMs = await lowestTimeMs(dataDir)
  return [
    '# HELP prometheus_tsdb_lowest_timestamp_seconds Lowest timestamp value stored in the database.',
    '# TYPE prometheus_tsdb_lowest_timestamp_seconds gauge',
    `prometheus_tsdb_lowest_timestamp_seconds ${lowestMs === undefined ? NO_SAMPLE_S : lowestMs / 1000}`,
    '# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.',
    '# TYPE process_start_time_seconds gauge',
    `process_start_time_seconds ${startedMs / 1000}`,
    '',
  ].join('\n')
}

/** What Prometheus says while it has none: the largest 64-bit number of milliseconds. */
const NO_SAMPLE_S = '9.223372036854776e+15'

async function lowestTimeMs(dataDir: string): Promise<number | undefined> {
  let lowest: number | undefined
  for (const name of await readdir(dataDir)) {
    if (!/^[0-9A-HJKMNP-TV-Z]{26}$/.test(name)) continue
    // A block may be deleted since the directory was read.
    const text = await readFile(join(dataDir, name, META_FILE)).catch(() => undefined)
    if (text === undefined) continue
    const { minTime } = parseBlockMeta(text)
    if (lowest === undefined || minTime < lowest) lowest = minTime
  }
  return lowest
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function data(value: unknown): Answer {
  return {
    status: 200,
    type: 'application/json',
    body: JSON.stringify({ status: 'success', data: value }),
  }
}

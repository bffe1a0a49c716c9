/**
 * Asks a real Prometheus, first empty and then with the data of the worlds: `node test/api/golden/record.ts <prometheus> <promtool>
 * "3.14.0"`, or only what a last argument names.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { command } from '#test/peer/cache.ts'
import { remoteWriteRequest } from '#test/data/remote-write-request.ts'
import { startPrometheus } from '#test/peer/prometheus.ts'
import { answerText } from './requests.ts'
import { CLIENT_REQUESTS } from './client-requests.ts'
import { DATA_REQUESTS } from './data-requests.ts'
import {
  api,
  COMPARED_HEADERS,
  REQUESTS,
  type Golden,
  type GoldenAnswer,
  type GoldenRequest,
} from './requests.ts'
import { FEDERATE_REQUESTS, federateSeries } from './federate-world.ts'
import { TOLD_REQUESTS } from './told-requests.ts'
import { RULES, RULES_FILE, startExporter, TOLD_MS, toldConfig } from './told-world.ts'
import { HISTOGRAM_BLOCK, openMetrics } from './world.ts'

const [, , binary, promtool, version, only] = process.argv
if (!binary || !promtool || !version) {
  throw new Error('record.ts <prometheus> <promtool> <version> [<name>]')
}

const dir = await mkdtemp(join(tmpdir(), 'thaw-golden-'))
try {
  await record('empty', REQUESTS, join(dir, 'empty'))
  const filled = join(dir, 'data')
  await cp(HISTOGRAM_BLOCK.folder, join(filled, HISTOGRAM_BLOCK.ulid), { recursive: true })
  const text = join(dir, 'samples.txt')
  await writeFile(text, openMetrics())
  await command(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', text, filled])
  await record('data', DATA_REQUESTS, filled)
  await record('clients', CLIENT_REQUESTS, filled)
  const baseMs = Date.now()
  await record('federate', FEDERATE_REQUESTS, join(dir, 'federate'), {
    flags: ['--web.enable-remote-write-receiver'],
    baseMs,
    fill: (url) => write(url, baseMs),
  })
  await recordTold(join(dir, 'told'))
} finally {
  await rm(dir, { recursive: true, force: true })
}

interface Recording {
  readonly config?: string
  readonly flags?: readonly string[]
  readonly baseMs?: number
  readonly fill?: (url: string) => Promise<void>
}

async function record(
  name: string,
  requests: readonly GoldenRequest[],
  dataDir: string,
  { config = '{}\n', flags: more = [], baseMs, fill }: Recording = {},
): Promise<void> {
  if (only !== undefined && name !== only) return
  const flags = ['--storage.tsdb.retention.time=100y', ...more]
  const server = await startPrometheus({ binary: binary!, dataDir, config, flags })
  let answers: readonly GoldenAnswer[]
  try {
    await fill?.(server.url)
    answers = await askAll(server.url, requests)
  } finally {
    await server.stop()
  }
  const golden: Golden = {
    server: `Prometheus ${version}`,
    command: `prometheus --config.file=empty.yml ${flags.join(' ')} --storage.tsdb.path=<${name}>`,
    ...(baseMs === undefined ? {} : { baseMs }),
    answers,
  }
  const file = new URL(`prometheus-${version}-${name}.json`, import.meta.url)
  await writeFile(file, `${JSON.stringify(golden, null, 2)}\n`)
}

/** Until every page of the exporter is there and every rule was evaluated. */
async function recordTold(dataDir: string): Promise<void> {
  const exporter = await startExporter()
  await mkdir(dirname(RULES_FILE), { recursive: true })
  await writeFile(RULES_FILE, RULES)
  const has = async (url: string, path: string, text: string): Promise<boolean> =>
    (await ask(url, api(path))).answer.includes(text)
  await record('told', TOLD_REQUESTS, dataDir, {
    baseMs: TOLD_MS,
    config: toldConfig(exporter.address),
    flags: ['--enable-feature=exemplar-storage', '--web.external-url=http://prometheus.example'],
    fill: async (url) => {
      while (
        !exporter.isDone() ||
        !(await has(url, 'query_exemplars?query=requests_total{path="/b"}', 'trace_id')) ||
        !(await has(url, 'rules', 'firing')) ||
        (await has(url, 'rules', '"health":"unknown"'))
      ) {
        await setTimeout(200)
      }
    },
  })
  exporter.close()
  await rm(dirname(RULES_FILE), { recursive: true })
}

async function write(url: string, baseMs: number): Promise<void> {
  const series = federateSeries(baseMs)
  const times = new Set(series.flatMap(({ samples }) => samples.map(({ t }) => t)))
  for (const time of [...times].sort((a, b) => a - b)) {
    const now = series
      .map((one) => ({ ...one, samples: one.samples.filter(({ t }) => t === time) }))
      .filter(({ samples }) => samples.length > 0)
    const response = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      body: remoteWriteRequest(now),
      headers: {
        'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
        'content-encoding': 'snappy',
      },
    })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  }
}

/** Again, where a scrape or a rule came in between. */
async function askAll(
  url: string,
  requests: readonly GoldenRequest[],
): Promise<readonly GoldenAnswer[]> {
  for (;;) {
    const answers: GoldenAnswer[] = []
    for (const request of requests) answers.push(await ask(url, request))
    const changing = answers.filter(({ request: { path } }) => /\/(?:rules|targets)$/.test(path))
    const after = await Promise.all(changing.map(({ request }) => ask(url, request)))
    if (after.every(({ answer }, i) => answer === changing[i]!.answer)) return answers
  }
}

async function ask(url: string, request: GoldenRequest): Promise<GoldenAnswer> {
  const { method = 'GET', path, headers = {}, body } = request
  const response = await fetch(url + path, {
    method,
    redirect: 'manual',
    headers: { 'accept-encoding': 'identity', ...headers },
    ...(body === undefined ? {} : { body }),
  })
  return {
    request,
    status: response.status,
    headers: Object.fromEntries(
      COMPARED_HEADERS.flatMap((name) => {
        const value = response.headers.get(name)
        // Go names no type for some bodies that HEAD leaves out.
        return value === null || (method === 'HEAD' && name === 'content-type')
          ? []
          : [[name, value]]
      }),
    ),
    answer: answerText(Buffer.from(await response.arrayBuffer())),
  }
}

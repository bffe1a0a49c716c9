/**
 * Memory of `thaw serve` under a load that is too much for it: for each limit the most that was resident, and how requests were answered.
 *
 *     node bench/serve/memory.ts [limit…]      such as 0 512MiB 1GiB
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startServer } from '#test/peer/server.ts'
import { benchBlocks, DAY, MONTH, WIDE } from '../promql/make-blocks.ts'

const CLIENTS = 24
const REQUESTS = 120
const MiB = 1024 * 1024

interface Asked {
  readonly path: string
  readonly params: Readonly<Record<string, string>>
}

const range = (query: string, { startMs, endMs }: typeof DAY, step: number): Asked => ({
  path: 'query_range',
  params: { query, start: `${startMs / 1000}`, end: `${endMs / 1000}`, step: `${step}` },
})

/** From small to what no small process should do. */
const ASKED: readonly Asked[] = [
  range('sum by (job) (rate(http_requests_total[5m]))', DAY, 60),
  range('sum by (cluster) (memory_bytes)', MONTH, 3600),
  range('http_requests_total', WIDE, 15),
  range('max_over_time(memory_bytes[1h])', WIDE, 15),
  range(
    'histogram_quantile(0.9, sum by (le, cluster) (rate(latency_seconds_bucket[5m])))',
    WIDE,
    60,
  ),
  { path: 'query', params: { query: 'http_requests_total[4h]', time: `${WIDE.endMs / 1000}` } },
  {
    path: 'series',
    params: {
      'match[]': '{__name__!=""}',
      start: `${WIDE.startMs / 1000}`,
      end: `${WIDE.endMs / 1000}`,
    },
  },
  { path: 'label/pod/values', params: {} },
  range('{__name__=~".+"}', WIDE, 15),
  range('http_requests_total', MONTH, 240),
]

const source = await benchBlocks()
for (const limit of process.argv.length > 2 ? process.argv.slice(2) : ['512MiB', '1GiB', '0']) {
  process.stdout.write(`${await measured(limit)}\n`)
}

async function measured(limit: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-serve-memory-'))
  await cp(source, directory, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await startServer({
    file: process.execPath,
    args: [
      'cli/main.ts',
      'serve',
      `--objstore.config={type: FILESYSTEM, config: {directory: ${directory}}}`,
      `--http-address=127.0.0.1:${port}`,
      '--query.workers=1',
      '--query.timeout=60s',
      '--compact',
      '--rule',
      `--memory.limit=${limit}`,
    ],
    env: {
      MALLOC_ARENA_MAX: '2',
      MALLOC_MMAP_THRESHOLD_: '131072',
      MALLOC_TRIM_THRESHOLD_: '1048576',
    },
    ready: async () => (await fetch(`${url}/-/ready`)).ok,
  })
  try {
    const atRest = await memoryOf(server.pid)
    const counts = await load(url)
    const after = await memoryOf(server.pid)
    return `limit ${limit}: ${atRest.now} MiB at rest, ${after.most} MiB at most, ${after.now} MiB in the end; answers ${JSON.stringify(counts)}`
  } catch (error) {
    return `limit ${limit}: ${String(error)} ${String((error as Error).cause)}\n${server.log().slice(-2000)}`
  } finally {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function load(url: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let next = 0
  const client = async (): Promise<void> => {
    while (next < REQUESTS) {
      const { path, params } = ASKED[next++ % ASKED.length]!
      const form = new URLSearchParams(params)
      const response = await fetch(`${url}/api/v1/${path}?${form.toString()}`)
      let text = String(response.status)
      if (response.ok) for await (const _ of response.body!);
      else text += ` ${((await response.json()) as { error: string }).error.slice(0, 60)}`
      counts[text] = (counts[text] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return counts
}

async function memoryOf(pid: number): Promise<{ readonly now: number; readonly most: number }> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const of = (name: string): number =>
    Math.round((Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)![1]) * 1024) / MiB)
  return { now: of('VmRSS'), most: of('VmHWM') }
}

/** Asks servers the same query in turn, and takes wall-clock and processor time of each answer. */
import { readdir, readFile } from 'node:fs/promises'
import { get, type Agent } from 'node:http'
import type { ApiAnswer } from '#test/e2e/support/ask.ts'
import { compareAnswers } from '#test/e2e/support/compare.ts'
import { requestPath, type BenchQuery } from './queries.ts'
import type { Served } from './servers.ts'

const WARM_UP = 3

export interface Asking {
  readonly agent: Agent
  readonly gzip: boolean
  readonly rounds: number
}

/** Milliseconds. */
export interface Times {
  readonly wall: number
  /** Processor time of all threads of the process. */
  readonly cpu: number
  /** And of the thread that worked longest: the wall-clock time of a machine with nothing else to do and processors enough. */
  readonly thread: number
}

export interface Measured {
  /** The medians of each server; undefined where it was not asked. */
  readonly times: readonly (Times | undefined)[]
  readonly answers: string
}

/** The first of the servers is the one that the others' answers are compared with. */
export async function measure(
  query: BenchQuery,
  servers: readonly Served[],
  asking: Asking,
): Promise<Measured> {
  const path = requestPath(query)
  const asked = servers.map((server) => !query.native || server.nativeHistograms)
  const [first, ...others] = servers
  const reference = await answerOf(first!, path, asking)
  const answers: string[] = []
  for (const server of others) {
    if (!asked[servers.indexOf(server)]) answers.push(`${server.name}: no native histograms`)
    else answers.push(agreement(server, reference, await answerOf(server, path, asking)))
  }
  const all = servers.map((): Times[] => [])
  for (let round = -WARM_UP; round < asking.rounds; round++) {
    for (const [i, server] of servers.entries()) {
      if (!asked[i]) continue
      const times = await timed(server, path, asking)
      if (round >= 0) all[i]!.push(times)
    }
  }
  return { times: all.map(medians), answers: answers.filter(Boolean).join('; ') }
}

/** Empty for another thaw that says the same. */
function agreement(server: Served, thaw: ApiAnswer, other: ApiAnswer): string {
  const comparison = compareAnswers(thaw, other)
  const same =
    comparison.type === 'equal'
      ? `equal (${comparison.values})`
      : comparison.type === 'close'
        ? `within ${comparison.worst.toExponential(0)}`
        : undefined
  if (same !== undefined) return server.name.startsWith('thaw') ? '' : `${server.name}: ${same}`
  if (server.comparable && comparison.type === 'different') {
    return `${server.name}: DIFFERENT ${comparison.detail.slice(0, 100)}`
  }
  const [ours, theirs] = [seriesCount(thaw), seriesCount(other)]
  const series = ours === theirs ? `${ours} series too` : `${theirs} series and not ${ours}`
  return `${server.name}: n/a, ${series}`
}

function seriesCount({ data }: ApiAnswer): number {
  return (data as { result?: readonly unknown[] } | undefined)?.result?.length ?? -1
}

async function answerOf({ url }: Served, path: string, asking: Asking): Promise<ApiAnswer> {
  const { status, body } = await ask(`${url}/api/v1/${path}`, { ...asking, gzip: false })
  return { ...(JSON.parse(body.toString()) as ApiAnswer), httpStatus: status }
}

async function timed({ url, pid }: Served, path: string, asking: Asking): Promise<Times> {
  const before = await processorMs(pid)
  const start = performance.now()
  await ask(`${url}/api/v1/${path}`, asking)
  const wall = performance.now() - start
  const after = await processorMs(pid)
  const used = [...after].map(([thread, ms]) => ms - (before.get(thread) ?? 0))
  return { wall, cpu: used.reduce((sum, ms) => sum + ms, 0), thread: Math.max(...used) }
}

function ask(
  url: string,
  { agent, gzip }: Asking,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': gzip ? 'gzip' : 'identity' }
    get(url, { agent, headers }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('end', () =>
        resolve({ status: response.statusCode!, body: Buffer.concat(pieces) }),
      )
      response.on('error', reject)
    }).on('error', reject)
  })
}

/** Of each thread, since it began. */
async function processorMs(pid: number): Promise<Map<string, number>> {
  const threads = new Map<string, number>()
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
    threads.set(thread, Number(text.split(' ')[0]) / 1e6)
  }
  return threads
}

/** The most that was resident at any time since the process began. */
export async function peakMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024)
}

function medians(times: readonly Times[]): Times | undefined {
  if (times.length === 0) return undefined
  const median = (of: keyof Times): number =>
    times.map((each) => each[of]).sort((x, y) => x - y)[times.length >> 1]!
  return { wall: median('wall'), cpu: median('cpu'), thread: median('thread') }
}

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

/** Milliseconds. Processor time is that of all threads of the process. */
export interface Times {
  readonly wall: number
  readonly cpu: number
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
  const cpu = await processorMs(pid)
  const start = performance.now()
  await ask(`${url}/api/v1/${path}`, asking)
  const wall = performance.now() - start
  return { wall, cpu: (await processorMs(pid)) - cpu }
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

async function processorMs(pid: number): Promise<number> {
  let nanoseconds = 0
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
    nanoseconds += Number(text.split(' ')[0])
  }
  return nanoseconds / 1e6
}

/** The most that was resident at any time since the process began. */
export async function peakMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024)
}

function medians(times: readonly Times[]): Times | undefined {
  if (times.length === 0) return undefined
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
  return { wall: median(times.map(({ wall }) => wall)), cpu: median(times.map(({ cpu }) => cpu)) }
}

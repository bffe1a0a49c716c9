/** What the query bench prints: a row for each query as it is measured, and how thaw stands to each peer. */
import { peakMegabytes, type Measured, type Times } from './measure.ts'
import type { Served } from './servers.ts'

export interface Report {
  readonly row: (query: string, measured: Measured) => void
  readonly summary: () => Promise<void>
}

interface Pair {
  readonly ours: number
  readonly theirs: number
  readonly name: string
  readonly ratios: Times[]
}

/** `markdown`: tables that can be quoted. */
export function report(servers: readonly Served[], markdown: boolean): Report {
  let widths: readonly number[] = []
  const line = (first: string, rest: readonly string[], last = ''): void => {
    if (markdown) console.log(`| ${[first, ...rest, ...(last && [last])].join(' | ')} |`)
    else
      console.log(first.padEnd(36), ...rest.map((text, i) => text.padStart(widths[i]!)), '', last)
  }
  const heads = (first: string, rest: readonly string[], last?: string): void => {
    widths = rest.map((head) => Math.max(8, head.length))
    line(first, rest, last)
    if (markdown) line('---', Array<string>(rest.length).fill('--:'), last && '---')
  }
  const pairs = pairsOf(servers)
  // Others are in the summary: a row has to fit a screen.
  const shown = pairs.filter(({ ours }) => ours === 0)
  heads(
    'query',
    [
      ...servers.map(({ name }) => name),
      ...shown.map(({ theirs }) => `÷ ${servers[theirs]!.name}`),
      ...servers.map(({ name }) => `cpu ${name}`),
    ],
    'answers',
  )
  return {
    row(query, { times, answers }) {
      for (const pair of pairs) keep(pair, times)
      line(
        query,
        [
          ...times.map((time) => time?.wall.toFixed(1) ?? '-'),
          ...shown.map(({ theirs }) => ratioText(times[0]?.wall, times[theirs]?.wall)),
          ...times.map((time) => time?.cpu.toFixed(1) ?? '-'),
        ],
        answers,
      )
    },
    async summary() {
      console.log('')
      heads('geometric means', ['wall', 'above 1.0', 'cpu', 'busiest thread', 'queries'])
      for (const { name, theirs, ratios } of pairs) {
        const mean = (of: keyof Times): string => geometricMean(ratios.map((r) => r[of])).toFixed(3)
        // Elsewhere work moves from thread to thread while it is done.
        const thread = isThaw(servers[theirs]!) ? mean('thread') : '-'
        const above = ratios.filter(({ wall }) => wall > 1).length
        line(name, [mean('wall'), String(above), mean('cpu'), thread, String(ratios.length)])
      }
      console.log('')
      heads('peak memory', ['MB'])
      for (const { name, pid } of servers) line(name, [String(await peakMegabytes(pid))])
    },
  }
}

function isThaw({ name }: Served): boolean {
  return name.startsWith('thaw')
}

/** Every thaw with every peer, and every thaw with workers with the one that has none. */
function pairsOf(servers: readonly Served[]): Pair[] {
  return servers.flatMap((their, theirs) =>
    servers.flatMap((our, ours): Pair[] => {
      if (ours === theirs || !isThaw(our) || (isThaw(their) && theirs > 0)) return []
      const name = `${our.name} ÷ ${their.name}`
      return [{ ours, theirs, name, ratios: [] }]
    }),
  )
}

function keep({ ours, theirs, ratios }: Pair, times: readonly (Times | undefined)[]): void {
  const [a, b] = [times[ours], times[theirs]]
  if (!a || !b) return
  ratios.push({ wall: a.wall / b.wall, cpu: a.cpu / b.cpu, thread: a.thread / b.thread })
}

function ratioText(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || theirs === undefined ? '-' : (ours / theirs).toFixed(2)
}

function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
}

/** What the log of the `query` function says of the queries that were asked: each has its requests and function time. */

export interface MeasuredQueries {
  readonly count: number
  /** From the first to the last. */
  readonly days: number
  readonly gets: number
  readonly lists: number
  readonly puts: number
  readonly invokes: number
  readonly gbSeconds: number
}

interface LoggedCost {
  readonly gets: number
  readonly lists: number
  readonly puts: number
  readonly invokes: number
  readonly functionGbSeconds: number
}

/** JSON lines as the functions log them, plain or as CloudWatch exports them; others are passed over. Undefined where there is no query. */
export function measureQueries(lines: Iterable<string>): MeasuredQueries | undefined {
  const sum = { count: 0, gets: 0, lists: 0, puts: 0, invokes: 0, gbSeconds: 0 }
  let from = Infinity
  let to = -Infinity
  for (const line of lines) {
    const entry = entryOf(line)
    if (entry === undefined) continue
    const { timeMs, cost } = entry
    from = Math.min(from, timeMs)
    to = Math.max(to, timeMs)
    sum.count++
    sum.gets += cost.gets
    sum.lists += cost.lists
    sum.puts += cost.puts
    sum.invokes += cost.invokes
    sum.gbSeconds += cost.functionGbSeconds
  }
  return sum.count < 2 || to <= from ? undefined : { ...sum, days: (to - from) / 86_400_000 }
}

function entryOf(line: string): { timeMs: number; cost: LoggedCost } | undefined {
  const start = line.indexOf('{')
  if (start < 0) return undefined
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line.slice(start)) as Record<string, unknown>
  } catch {
    return undefined
  }
  const inner = entry['cost'] === undefined ? entry['message'] : entry
  if (typeof inner !== 'object' || inner === null) return undefined
  const { cost, time = entry['timestamp'] } = inner as Record<string, unknown>
  const timeMs = typeof time === 'number' ? time : Date.parse(String(time))
  if (!isCost(cost) || Number.isNaN(timeMs)) return undefined
  return { timeMs, cost }
}

const COUNTS = ['gets', 'lists', 'puts', 'invokes', 'functionGbSeconds'] as const

function isCost(cost: unknown): cost is LoggedCost {
  if (typeof cost !== 'object' || cost === null) return false
  return COUNTS.every((name) => typeof (cost as Record<string, unknown>)[name] === 'number')
}

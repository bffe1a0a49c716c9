/** The whole run once more, when all is over: every sample of every series, and what queries make of them. */
import { askUrl, type ApiAnswer, type Ask } from '#test/e2e/support/ask.ts'
import { compareAnswers } from '#test/e2e/support/compare.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { compareStretch, type Stretch, type WindowCheck, type WindowsOptions } from './windows.ts'

export interface FinalComparison {
  readonly windows: readonly WindowCheck[]
  readonly series: number
  readonly queries: number
  readonly values: number
  /** Equal but for last bits: sums of floats in another order. */
  readonly close: number
  readonly differences: readonly string[]
}

const WINDOW_MS = 300_000

/** Share of all metrics whose samples are counted over the whole run. */
const COUNTED_NAMES = 0.2

/** Aggregations too: they name no external label, so both answers have the same labels. */
const EXPRESSIONS: readonly string[] = [
  'rate(probe_requests_total[1m])',
  'sum by (path) (rate(probe_requests_total[73s]))',
  'rate(probe_latency_seconds[45s])',
  'histogram_quantile(0.9, sum by (job, route) (rate(probe_latency_seconds[1m])))',
  'rate(probe_latency_seconds_bucket{job="classic"}[1m])',
  'rate(probe_latency_seconds{job="custom"}[2m])',
  'resets(probe_requests_total[9m])',
  'resets(probe_latency_seconds[9m])',
  'count_over_time(probe_job_seconds[4m])',
  'sum by (job) (last_over_time({__name__!=""}[3m]))',
  'max_over_time(probe_load[90s])',
  'changes(probe_job_seconds[2m])',
  'probe_blink',
  'absent(probe_blink)',
  'last_over_time(up[30s])',
  'irate(probe_filler_total[20s])',
  'increase(prometheus_tsdb_head_samples_appended_total[2m])',
  'sum by (handler) (rate(prometheus_http_requests_total[1m]))',
  'deriv(go_goroutines[1m])',
  'job:probe_requests:rate1m',
  'job:probe_latency:rate1m',
  'rate(node_cpu_seconds_total[1m])',
]

export interface FinalOptions extends WindowsOptions {
  readonly span: Stretch
  readonly queries: number
  readonly seed: string
}

export async function compareAtTheEnd(options: FinalOptions): Promise<FinalComparison> {
  const windows: WindowCheck[] = []
  const { span } = options
  for (let startMs = span.startMs; startMs < span.endMs; startMs += WINDOW_MS) {
    const stretch = { startMs, endMs: Math.min(startMs + WINDOW_MS, span.endMs) }
    const check = await compareStretch(options, stretch)
    if (check === undefined) throw new Error('prometheus or thaw does not answer at the end')
    windows.push(check)
  }
  const prometheus = askUrl(options.prometheusUrl, 120_000)
  const thaw = withoutLabels(askUrl(options.thawUrl, 120_000), options.without)
  const counts = { values: 0, close: 0 }
  const differences: string[] = []
  let drawn = 0
  const draw = (): number => noise(seedOf(options.seed), drawn++)
  const ask = async (path: string, params: Record<string, string>): Promise<void> => {
    const [want, got] = await Promise.all([prometheus(path, params), thaw(path, params)])
    const comparison = compareAnswers(got, want)
    if (want.status !== 'success') differences.push(`prometheus says ${want.error}`)
    if (comparison.type === 'equal') counts.values += comparison.values
    else if (comparison.type === 'close') counts.close++
    else differences.push(`${path} ${JSON.stringify(params)}: ${comparison.detail}`)
  }
  for (let i = 0; i < options.queries; i++) {
    await ask('query_range', randomRange(EXPRESSIONS[i % EXPRESSIONS.length]!, span, draw))
  }
  const whole = `${span.endMs - span.startMs}ms`
  const time = (span.endMs / 1000).toFixed(3)
  const names = await prometheus('label/__name__/values')
  const counted = (names.data as string[]).filter(() => draw() < COUNTED_NAMES)
  for (const name of counted) {
    await ask('query', { query: `count_over_time({__name__="${name}"}[${whole}])`, time })
  }
  const all = { query: `count(last_over_time({__name__!=""}[${whole}]))`, time }
  const series = firstValue(await prometheus('query', all))
  const queries = options.queries + counted.length
  return { windows, series, queries, ...counts, differences }
}

function randomRange(
  query: string,
  { startMs, endMs }: Stretch,
  draw: () => number,
): Record<string, string> {
  const from = startMs + draw() * (endMs - startMs) * 0.8
  const to = from + draw() * (endMs - from)
  const points = 5 + Math.floor(draw() * 200)
  const step = Math.max(1, Math.floor((to - from) / points)) / 1000
  return { query, start: (from / 1000).toFixed(3), end: (to / 1000).toFixed(3), step: String(step) }
}

function withoutLabels(ask: Ask, names: readonly string[]): Ask {
  return async (path, params) => {
    const answer = await ask(path, params)
    const { result } = (answer.data ?? {}) as { result?: { metric?: Record<string, string> }[] }
    for (const series of result ?? []) {
      if (series.metric === undefined) continue
      const kept = Object.entries(series.metric).filter(([name]) => !names.includes(name))
      series.metric = Object.fromEntries(kept)
    }
    return answer
  }
}

function firstValue(answer: ApiAnswer): number {
  const { result } = answer.data as { result: { value: [number, string] }[] }
  return Number(result[0]?.value[1] ?? 0)
}

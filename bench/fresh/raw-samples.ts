/** Every raw sample of a selector in a span of time, asked of an HTTP API, and how two such answers differ. */
import type { ApiAnswer } from '#test/e2e/support/ask.ts'

/** Series (labels as JSON, sorted) → time in ms → value as it was sent; native histograms as JSON. */
export type RawSamples = ReadonlyMap<string, ReadonlyMap<number, string>>

export interface RawAnswer {
  readonly samples: RawSamples
  readonly count: number
  readonly warnings: readonly string[]
}

interface MatrixSeries {
  readonly metric: Readonly<Record<string, string>>
  readonly values?: readonly (readonly [number, string])[]
  readonly histograms?: readonly (readonly [number, unknown])[]
}

export interface RawQuestion {
  readonly selector: string
  /** Exclusive. */
  readonly startMs: number
  /** Inclusive. */
  readonly endMs: number
  /** Left out of the series' names: external labels, which Prometheus does not show. */
  readonly without: readonly string[]
}

/** Rejects when the API answers with an error. */
export async function rawSamples(
  url: string,
  question: RawQuestion,
  timeoutMs = 60_000,
): Promise<RawAnswer> {
  const { selector, startMs, endMs, without } = question
  const query = `${selector}[${endMs - startMs}ms]`
  const body = new URLSearchParams({ query, time: (endMs / 1000).toFixed(3) })
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body, signal })
  const answer = (await response.json()) as ApiAnswer
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`)
  const { result } = answer.data as { readonly result: readonly MatrixSeries[] }
  const samples = new Map<string, Map<number, string>>()
  let count = 0
  for (const { metric, values = [], histograms = [] } of result) {
    const times = new Map<number, string>()
    // 2.x takes both ends of the range.
    const put = (t: number, value: string): void => {
      const ms = Math.round(t * 1000)
      if (ms > startMs) times.set(ms, value)
    }
    for (const [t, value] of values) put(t, value)
    for (const [t, value] of histograms) put(t, JSON.stringify(value))
    count += times.size
    if (times.size > 0) samples.set(seriesName(metric, without), times)
    if (times.size < values.length + histograms.length)
      noteTwice(times, values, histograms, startMs)
  }
  return { samples, count, warnings: answer.warnings ?? [] }
}

/** A time that is there twice would be lost in the map: it gets a second, impossible one. */
function noteTwice(
  times: Map<number, string>,
  values: readonly (readonly [number, string])[],
  histograms: readonly (readonly [number, unknown])[],
  startMs: number,
): void {
  const seen = new Set<number>()
  for (const [t] of [...values, ...histograms]) {
    const ms = Math.round(t * 1000)
    if (ms > startMs && seen.has(ms)) times.set(ms + 0.5, 'twice')
    seen.add(ms)
  }
}

export function seriesName(
  metric: Readonly<Record<string, string>>,
  without: readonly string[],
): string {
  const pairs = Object.entries(metric).filter(([name]) => !without.includes(name))
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface Difference {
  /** Of the samples that are wanted. */
  readonly samples: number
  readonly missing: number
  /** There though not wanted, or there twice. */
  readonly extra: number
  readonly otherValue: number
  /** Of the first few. */
  readonly examples: readonly string[]
  /** Time of the oldest that is missing. */
  readonly oldestMissingMs: number | undefined
}

export function isEqual({ missing, extra, otherValue }: Difference): boolean {
  return missing + extra + otherValue === 0
}

const MAX_EXAMPLES = 10

export function compareRaw(got: RawSamples, wanted: RawSamples): Difference {
  const counts = { samples: 0, missing: 0, extra: 0, otherValue: 0 }
  const examples: string[] = []
  let oldestMissingMs: number | undefined
  const say = (text: string): void => {
    if (examples.length < MAX_EXAMPLES) examples.push(text)
  }
  for (const [series, times] of wanted) {
    const gotTimes = got.get(series)
    for (const [t, value] of times) {
      counts.samples++
      const gotValue = gotTimes?.get(t)
      if (gotValue === undefined) {
        counts.missing++
        if (oldestMissingMs === undefined || t < oldestMissingMs) oldestMissingMs = t
        say(`missing ${series} at ${t}`)
      } else if (gotValue !== value) {
        counts.otherValue++
        say(`${series} at ${t} is ${gotValue}, want ${value}`)
      }
    }
  }
  for (const [series, times] of got) {
    const wantedTimes = wanted.get(series)
    for (const [t, value] of times) {
      if (wantedTimes?.has(t)) continue
      counts.extra++
      say(`too many: ${series} at ${t}, ${value}`)
    }
  }
  return { ...counts, examples, oldestMissingMs }
}

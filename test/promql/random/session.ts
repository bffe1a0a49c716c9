/** Asks random queries of thaw and of a Prometheus, and judges the answers. */
import type { EngineOptions } from '#lib/promql/options.ts'
import type { ApiAnswer, Ask } from '#test/e2e/support/ask.ts'
import { compareAnswers, type Verdict } from './compare.ts'
import { type Paths, type RandomQuery, randomQuery } from './generate.ts'
import { lastBitRule, MAX_ULPS } from './rules.ts'
import { shrink } from './shrink.ts'

export interface SessionOptions {
  /** The asks in turn, one for each query. */
  readonly actual: readonly Ask[]
  readonly oracle: Ask
  readonly features: EngineOptions['features']
  readonly seed: number
  readonly from: number
  readonly count: number
  readonly paths: Paths
  readonly shrinks: boolean
  readonly atOnce: number
  readonly onDifference?: ((difference: Difference) => void) | undefined
}

export interface Difference {
  readonly number: number
  readonly query: RandomQuery
  /** The smallest query found that shows a difference at the same times. */
  readonly smallest: string
  readonly detail: string
}

export interface SessionReport {
  readonly queries: number
  /** Answers that had a value. */
  readonly withValues: number
  readonly values: number
  /** Both sides the same error. */
  readonly errors: number
  /** By rule: equal but for last bits. */
  readonly close: ReadonlyMap<string, number>
  /** Prometheus gave several answers, one of them ours. */
  readonly varying: number
  readonly differences: readonly Difference[]
}

/** How often Prometheus is asked again for a query whose answer seems wrong: its own order may be random. */
const ASKED_AGAIN = 12

export async function runSession(options: SessionOptions): Promise<SessionReport> {
  const { seed, from, count, paths, atOnce } = options
  const close = new Map<string, number>()
  const differences: Difference[] = []
  const counts = { withValues: 0, values: 0, errors: 0, varying: 0 }
  let next = from
  const worker = async (): Promise<void> => {
    while (next < from + count) {
      const number = next++
      const query = randomQuery(seed, number, paths)
      const actual = options.actual[number % options.actual.length]!
      const { verdict, answer } = await judge(query, actual, options.oracle)
      if (answer.status === 'error') counts.errors++
      if (verdict.type === 'equal') {
        counts.values += verdict.values
        if (verdict.values > 0) counts.withValues++
      } else if (verdict.type === 'allowed') {
        counts.withValues++
        if (verdict.rule === undefined) counts.varying++
        else close.set(verdict.rule, (close.get(verdict.rule) ?? 0) + 1)
      } else {
        const difference = await describe(options, number, query, actual, verdict.detail)
        differences.push(difference)
        options.onDifference?.(difference)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { queries: count, ...counts, close, differences }
}

type Judgement =
  | { readonly type: 'equal'; readonly values: number }
  | { readonly type: 'allowed'; readonly rule: string | undefined }
  | { readonly type: 'different'; readonly detail: string }

export async function judge(
  { path, params }: RandomQuery,
  actual: Ask,
  oracle: Ask,
): Promise<{ verdict: Judgement; answer: ApiAnswer }> {
  const ordered = path === 'query' && /^sort_by_label(_desc)?\(/.test(params.query)
  const [got, answer] = await Promise.all([actual(path, params), oracle(path, params)])
  const first = compareAnswers(got, answer, ordered)
  if (first.type === 'equal') return { verdict: first, answer }
  const rule = lastBitRule(params.query)
  const near = (verdict: Verdict): boolean => verdict.type === 'close' && verdict.ulps <= MAX_ULPS
  if (rule !== undefined && near(first)) return { verdict: { type: 'allowed', rule: rule.name }, answer }
  let varies = false
  for (let i = 0; i < ASKED_AGAIN; i++) {
    const again = await oracle(path, params)
    const verdict = compareAnswers(got, again, ordered)
    if (verdict.type === 'equal' || (rule !== undefined && near(verdict))) {
      return { verdict: { type: 'allowed', rule: undefined }, answer }
    }
    varies ||= compareAnswers(again, answer, ordered).type !== 'equal'
  }
  const detail =
    first.type === 'close' ? `${first.ulps} ulps apart: ${first.detail}` : first.detail
  return { verdict: { type: 'different', detail: varies ? `(varies) ${detail}` : detail }, answer }
}

async function describe(
  { oracle, features, shrinks }: SessionOptions,
  number: number,
  query: RandomQuery,
  actual: Ask,
  detail: string,
): Promise<Difference> {
  let smallestDetail = detail
  const differs = async (text: string): Promise<boolean> => {
    const params = { ...query.params, query: text }
    const { verdict } = await judge({ ...query, params }, actual, oracle)
    if (verdict.type === 'different') smallestDetail = verdict.detail
    return verdict.type === 'different'
  }
  const { query: text } = query.params
  const smallest = shrinks ? await shrink(text, features, differs) : text
  return { number, query, smallest, detail: smallestDetail }
}

/** Asks random queries of thaw and of a Prometheus, and judges the answers. */
import type { EngineOptions } from '#lib/promql/options.ts'
import type { ApiAnswer, Ask } from '#test/e2e/support/ask.ts'
import { SCRAPED, STARTED } from './catalogue.ts'
import { compareAnswers, type Verdict } from './compare.ts'
import { type Paths, type RandomQuery, randomQuery } from './generate.ts'
import { orderOf } from './order.ts'
import { isOverlooked } from './overlooked.ts'
import { isEqualLabelset, MAX_ULPS, SAME_BITS } from './rules.ts'
import { shrink } from './shrink.ts'
import { START_TIMESTAMPS } from './thaw.ts'
import { isOneAtEachStep } from './varying.ts'

export interface SessionOptions {
  /** Every other query is asked of `cut`. */
  readonly actual: { readonly whole: Ask; readonly cut: Ask }
  readonly oracle: Ask
  readonly features: EngineOptions['features']
  readonly seed: number
  readonly from: number
  readonly count: number
  readonly paths: Paths
  readonly shrinks: boolean
  readonly atOnce: number
  readonly onRandom?: ((query: RandomQuery, detail: string) => void) | undefined
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
  /** As Judgement. */
  readonly close: number
  readonly varying: number
  readonly random: number
  readonly otherError: number
  readonly overlooked: number
  readonly differences: readonly Difference[]
}

/** How often Prometheus is asked again for a query whose answer seems wrong: its own order may be random. */
const ASKED_AGAIN = 40
/** And once it has disagreed with itself. */
const ASKED_WHILE_VARYING = 400

export async function runSession(options: SessionOptions): Promise<SessionReport> {
  const { seed, from, count, paths, atOnce } = options
  const dataset = options.features.has(START_TIMESTAMPS) ? STARTED : SCRAPED
  const differences: Difference[] = []
  const counts = {
    withValues: 0,
    values: 0,
    errors: 0,
    close: 0,
    varying: 0,
    random: 0,
    otherError: 0,
    overlooked: 0,
  }
  let next = from
  const worker = async (): Promise<void> => {
    while (next < from + count) {
      const number = next++
      const query = randomQuery(seed, number, paths, dataset)
      const actual = number % 2 === 0 ? options.actual.whole : options.actual.cut
      const { verdict, answer } = await judgeBoth(options, query, actual)
      if (answer.status === 'error') counts.errors++
      if (verdict.type === 'equal') {
        counts.values += verdict.values
        if (verdict.values > 0) counts.withValues++
      } else if (verdict.type !== 'different') {
        counts[verdict.type]++
        if (verdict.type === 'random') options.onRandom?.(query, verdict.detail)
      } else {
        const difference = await describe(options, number, query, actual, verdict.detail)
        differences.push(difference)
        options.onDifference?.(difference)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { queries: count, ...counts, differences }
}

export type Judgement =
  | { readonly type: 'equal'; readonly values: number }
  /** See LAST_BITS. */
  | { readonly type: 'close' }
  /** See RANDOM_ORDER: one of the answers of Prometheus is ours. */
  | { readonly type: 'varying' }
  /** The same, and none of those seen is ours. */
  | { readonly type: 'random'; readonly detail: string }
  /** See SEVERAL_ERRORS, and KINDS_TOGETHER and EQUAL_INSIDE. */
  | { readonly type: 'otherError' | 'overlooked' }
  | { readonly type: 'different'; readonly detail: string }

interface Judged {
  readonly verdict: Judgement
  readonly got: ApiAnswer
  readonly answer: ApiAnswer
}

async function judgeBoth(
  { actual: { whole, cut }, oracle, features }: SessionOptions,
  query: RandomQuery,
  actual: Ask,
): Promise<Judged> {
  const judged = await judge(query, actual, oracle)
  const { verdict, got, answer } = judged
  if (verdict.type !== 'different') return judged
  if (isEqualLabelset(got) && (await isOverlooked(query, answer, oracle, features))) {
    return { ...judged, verdict: { type: 'overlooked' } }
  }
  const ranged = query.path === 'query_range'
  if (ranged && actual === cut && got.httpStatus === 422 && answer.httpStatus === 422) {
    const asWhole = await judge(query, whole, oracle)
    if (asWhole.verdict.type === 'equal') return { ...judged, verdict: { type: 'otherError' } }
  }
  return judged
}

export async function judge(query: RandomQuery, actual: Ask, oracle: Ask): Promise<Judged> {
  const { path, params } = query
  const [got, answer] = await Promise.all([actual(path, params), oracle(path, params)])
  const order = orderOf(query, answer)
  const first = compareAnswers(got, answer, order)
  if (first.type === 'equal') return { verdict: first, got, answer }
  if (isNear(first)) return { verdict: { type: 'close' }, got, answer }
  const answers = [answer]
  const detail = first.type === 'close' ? `${first.ulps} ulps apart: ${first.detail}` : first.detail
  let varies = false
  while (answers.length <= (varies ? ASKED_WHILE_VARYING : ASKED_AGAIN)) {
    const again = await oracle(path, params)
    const verdict = compareAnswers(got, again, order)
    if (verdict.type === 'equal' || isNear(verdict))
      return { verdict: { type: 'varying' }, got, answer }
    varies ||= compareAnswers(again, answer, order).type !== 'equal'
    answers.push(again)
    if (varies && answers.length % ASKED_AGAIN === 0 && isOneAtEachStep(got, answers))
      return { verdict: { type: 'varying' }, got, answer }
  }
  // Failing where Prometheus never fails, or the other way round, has nothing to do with order.
  const likeOurs = answers.some(({ httpStatus }) => httpStatus === got.httpStatus)
  return { verdict: { type: varies && likeOurs ? 'random' : 'different', detail }, got, answer }
}

function isNear(verdict: Verdict): boolean {
  return !SAME_BITS && verdict.type === 'close' && verdict.ulps <= MAX_ULPS
}

async function describe(
  options: SessionOptions,
  number: number,
  query: RandomQuery,
  actual: Ask,
  detail: string,
): Promise<Difference> {
  let smallestDetail = detail
  const differs = async (text: string): Promise<boolean> => {
    const params = { ...query.params, query: text }
    const { verdict } = await judgeBoth(options, { ...query, params }, actual)
    if (verdict.type === 'different') smallestDetail = verdict.detail
    return verdict.type === 'different'
  }
  const { query: text } = query.params
  const { features, shrinks } = options
  const smallest = shrinks ? await shrink(text, features, differs) : text
  return { number, query, smallest, detail: smallestDetail }
}

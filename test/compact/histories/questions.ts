/** What is asked of a world again and again: of the lists that are compared with Prometheus, and by chance. */
import type { Params } from '#test/e2e/support/ask.ts'
import { randomRequest } from '#test/e2e/support/random-requests.ts'
import type { Chance } from '#test/e2e/support/thanos-random.ts'
import { FLOATS, FLOATS_3, HISTOGRAMS } from '#test/e2e/support/written-queries.ts'
import { HOUR_MS, START_MS, type World } from './world.ts'

export interface Question {
  readonly path: string
  readonly params: Params
}

/** What a question may need of times before the first of its own. */
export const REACH_MS = 6 * HOUR_MS

const LIST = [...FLOATS, ...FLOATS_3, ...HISTOGRAMS].map((one) =>
  typeof one === 'string' ? one : one[0],
)

const METRIC = /\b(?:level|constant|hole|gone|flapping|late|special|once|\w+_total|\w+_seconds)\b/g

export function makeQuestions(chance: Chance, world: World, count: number): Question[] {
  const known = new Set(world.metrics)
  const isKnown = (expr: string): boolean =>
    (expr.match(METRIC) ?? []).every((name) => known.has(name))
  const listed = LIST.filter(isKnown)
  const start = START_MS / 1000
  const end = world.endMs / 1000
  const anyTime = (): number => start + Math.floor(chance.number(end - start))
  const questions: Question[] = []
  if (!world.hasTombstones) questions.push(...namesOf(chance, world))
  while (questions.length < count) {
    const kind = chance.whole(0, 3)
    const query = chance.one(listed.length > 0 ? listed : world.metrics)
    if (kind === 0) {
      const request = randomRequest(chance.whole(0, 1e6), chance.whole(0, 1e6))
      if (isKnown(request.expr)) questions.push(request)
    } else if (kind === 1) {
      const time = anyTime()
      const isRange = /^\w+$/.test(query) && chance.is(0.5)
      questions.push({ path: 'query', params: { query: isRange ? `${query}[2h]` : query, time } })
    } else {
      const whole = kind === 2
      const from = whole ? start - 61 : anyTime()
      const to = whole ? end + 600 : from + chance.number(3 * 3600)
      const step = whole ? Math.ceil((end - start) / 40) : chance.one([61, 97, 300])
      questions.push({ path: 'query_range', params: { query, start: from, end: to, step } })
    }
  }
  return questions
}

/** Of all the time, since names are not kept apart by times within a block. */
function namesOf(chance: Chance, { metrics, endMs }: World): Question[] {
  const whole = { start: START_MS / 1000 - 7200, end: endMs / 1000 + 7200 }
  const selector = chance.one(metrics)
  return chance.one<Question[]>([
    [],
    [{ path: 'labels', params: whole }],
    [{ path: 'label/__name__/values', params: { ...whole, 'match[]': selector } }],
    [{ path: 'label/job/values', params: whole }],
    [{ path: 'series', params: { ...whole, 'match[]': selector } }],
  ])
}

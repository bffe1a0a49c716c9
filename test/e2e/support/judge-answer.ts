/** What came back for a question while anything may go wrong: the right answer, a part that says so, or an error in known words. */
import { isDeepStrictEqual } from 'node:util'
import type { ApiAnswer } from './ask.ts'
import {
  type LimitsWorld,
  newQuestion,
  type Params,
  rightAnswer,
  samplesOf,
  urlOf,
} from './limits-world.ts'
import type { LocalCloud } from './local-cloud.ts'

/** `refused`: by the gateway, which lost or did not find a function. `flaw`: none of the others. */
export type Verdict = 'right' | 'part' | 'error' | 'refused' | 'flaw'

const GATEWAY = new Map([
  [500, '{"message":"Internal Server Error"}'],
  [503, '{"message":"Service Unavailable"}'],
])

const ERRORS = /^(query timed out in |thaw-store ran out of memory or was killed|thaw-store: )/
const MISSING = /^no data from .* thaw-store/

export interface Judged {
  readonly verdict: Verdict
  /** What was seen, where it is a flaw. */
  readonly flaw?: string
}

export async function judgeAnswer(
  world: LimitsWorld,
  local: LocalCloud,
  question: Params = newQuestion(),
): Promise<Judged> {
  const { status, text } = await read(urlOf(local, question))
  if (GATEWAY.get(status) === text) return { verdict: 'refused' }
  const flaw = (): Judged => ({ verdict: 'flaw', flaw: `${status} ${text.slice(0, 500)}` })
  const answer = JSON.parse(text) as ApiAnswer
  if (status !== 200) {
    return status === 503 && ERRORS.test(answer.error ?? '') ? { verdict: 'error' } : flaw()
  }
  const right = await rightAnswer(world, question)
  if (answer.warnings === undefined) {
    return isDeepStrictEqual(answer.data, right.data) ? { verdict: 'right' } : flaw()
  }
  const all = new Set(samplesOf(right))
  const isPart =
    answer.warnings.every((warning) => MISSING.test(warning)) &&
    samplesOf(answer).every((line) => all.has(line))
  return isPart ? { verdict: 'part' } : flaw()
}

async function read(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}

/** Asks two sides all requests and sums up how equal the answers are. */
import type { ApiAnswer, Ask } from './ask.ts'
import { compareAnswers } from './compare.ts'
import type { Request } from './requests.ts'

export interface CompareAllOptions {
  /** Why answers to a request may differ in their last bits; undefined where they may not. */
  readonly mayBeClose: (request: Request) => string | undefined
  /** A further comparison: what is wrong, if anything. */
  readonly also?: ((actual: ApiAnswer, expected: ApiAnswer) => string | undefined) | undefined
}

export interface Report {
  readonly differences: readonly string[]
  /** Of answers that are equal to the last bit. */
  readonly values: number
  /** Expressions that no request got a value for. */
  readonly silent: readonly string[]
  readonly summary: string
}

/** Of half an answer, which is no equal one whatever its values. */
const LACKS = /^no data from |^block \S+ is left out: /

export async function compareAll(
  requests: readonly Request[],
  actual: Ask,
  expected: Ask,
  { mayBeClose, also = () => undefined }: CompareAllOptions,
): Promise<Report> {
  const differences: string[] = []
  const silent = new Set(requests.map(({ asked }) => asked.expr))
  const close = new Map<string, Set<string>>()
  let values = 0
  let equal = 0
  let worst = 0
  for (const request of requests) {
    const { asked, path, params, ordered } = request
    const [got, want] = [await actual(path, params), await expected(path, params)]
    const comparison = compareAnswers(got, want, ordered)
    const where = `${path} ${JSON.stringify(params)}`
    const further = also(got, want)
    if (further !== undefined) differences.push(`${where}: ${further}`)
    const lack = got.warnings?.find((warning) => LACKS.test(warning))
    if (lack !== undefined) differences.push(`${where}: ${lack}`)
    if (comparison.type === 'different') differences.push(`${where}: ${comparison.detail}`)
    else if (comparison.type === 'equal') {
      equal++
      values += comparison.values
      if (comparison.values > 0) silent.delete(asked.expr)
    } else {
      const reason = mayBeClose(request)
      if (reason === undefined) {
        differences.push(`${where}: equal only to ${comparison.worst}`)
        continue
      }
      worst = Math.max(worst, comparison.worst)
      silent.delete(asked.expr)
      const expressions = close.get(reason)
      if (expressions) expressions.add(asked.expr)
      else close.set(reason, new Set([asked.expr]))
    }
  }
  const expressions = new Set(requests.map(({ asked }) => asked.expr))
  const reasons = [...close].map(([reason, { size }]) => `  ${size} expressions: ${reason}`)
  const lines = [
    `${expressions.size} expressions in ${requests.length} requests, ${equal} answers equal to the last bit (${values} values)`,
    ...(reasons.length > 0
      ? [`the others within ${worst.toExponential(1)} of each value:`, ...reasons]
      : []),
  ]
  return { differences, values, silent: [...silent], summary: lines.join('\n') }
}

/** Warnings and infos, whose order means nothing. */
export function sameAnnotations(actual: ApiAnswer, expected: ApiAnswer): string | undefined {
  const of = ({ warnings = [], infos = [] }: ApiAnswer): string =>
    [...warnings, ...infos].sort().join('\n')
  return of(actual) === of(expected) ? undefined : `says ${of(actual)}, want ${of(expected)}`
}

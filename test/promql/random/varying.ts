/** What the answers of a Prometheus that disagrees with itself allow. See RANDOM_ORDER. */
import type { ApiAnswer } from '#test/e2e/support/ask.ts'
import { compareAnswers } from './compare.ts'
import { anyDuplicates } from './rules.ts'

interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values?: readonly (readonly [time: number, value: string])[]
  readonly histograms?: readonly (readonly [time: number, histogram: object])[]
}

/** Whether an answer is at every step one of `answers`: what is picked at one step says nothing of the next. */
export function isOneAtEachStep(got: ApiAnswer, answers: readonly ApiAnswer[]): boolean {
  if (got.status === 'error') {
    const alike = answers.filter(({ httpStatus }) => httpStatus === got.httpStatus)
    return alike.some(({ error }) => anyDuplicates(error) === anyDuplicates(got.error))
  }
  const steps = stepsOf(got)
  if (!steps) return false
  const said = { ...got, data: EMPTY }
  const seen = answers.filter(
    (answer) =>
      answer.status === 'success' &&
      compareAnswers({ ...answer, data: EMPTY }, said, 'none').type === 'equal',
  )
  const allowed = seen.map((answer) => stepsOf(answer) ?? new Map<number, string>())
  const times = new Set([steps, ...allowed].flatMap((one) => [...one.keys()]))
  return (
    allowed.length > 0 &&
    [...times].every((time) => allowed.some((one) => one.get(time) === steps.get(time)))
  )
}

const EMPTY = { resultType: 'matrix', result: [] }

/** All series of each step as a text; undefined for what has no steps. */
function stepsOf({ data }: ApiAnswer): Map<number, string> | undefined {
  const { resultType, result } = data as { resultType: string; result: readonly Series[] }
  if (resultType !== 'matrix') return undefined
  const steps = new Map<number, string[]>()
  for (const { metric, values = [], histograms = [] } of result) {
    const labels = JSON.stringify(Object.entries(metric).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    for (const [time, value] of [...values, ...histograms]) {
      const series = steps.get(time)
      const text = `${labels} ${JSON.stringify(value)}`
      if (series) series.push(text)
      else steps.set(time, [text])
    }
  }
  return new Map([...steps].map(([time, series]) => [time, series.sort().join('\n')]))
}

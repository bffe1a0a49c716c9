/** labels, label values and series: what there is, without samples. */
import { DomainError } from '#lib/model/errors.ts'
import type { LabelsAnswer } from '#lib/promql/backend.ts'
import type { LabelRequest } from '#lib/storage/storage.ts'
import { costHeaders } from './query-cost.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import { cappedWarnings, TRUNCATED } from './annotations.ts'
import { limitParam, optionalTime, timeoutMs, withParam, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { parseMatcherSets } from './expression.ts'
import { parseLabelName } from './label-name.ts'
import { writeSeriesAnswer, writeStringsAnswer } from './write-labels.ts'
import { readScope } from './scope-params.ts'

export async function labelNames(call: Call): Promise<Answer> {
  return await answerLabels(call, (request, signal) =>
    call.parts.backend.labelNames(request, readScope(call, 0), signal),
  )
}

export async function labelValues(call: Call): Promise<Answer> {
  const name = parseLabelName(call.pathPart)
  return await answerLabels(call, (request, signal) =>
    call.parts.backend.labelValues(name, request, readScope(call, 0), signal),
  )
}

async function answerLabels(
  call: Call,
  ask: (request: LabelRequest, signal: AbortSignal) => Promise<LabelsAnswer>,
): Promise<Answer> {
  const limit = limitParam(call)
  const times = timesOf(call)
  const matcherSets = parseMatcherSets(call.form.all('match[]'))
  const request = { ...times, matcherSets, limit: oneMore(limit) }
  const { values, warnings, cost } = await withDeadline(timeoutMs(call), call.client, (signal) =>
    ask(request, signal),
  )
  const truncated = limit > 0 && values.length > limit
  const body = writeStringsAnswer(
    truncated ? values.slice(0, limit) : values,
    cappedWarnings(truncated ? [TRUNCATED, ...warnings] : warnings),
    call.parts.limits.maxAnswerBytes,
  )
  return { ...jsonAnswer(body, warnings.length === 0), headers: cost && costHeaders(cost) }
}

export async function series(call: Call): Promise<Answer> {
  const { form, parts } = call
  if (form.flaw !== undefined) {
    throw new DomainError('invalid', `error parsing form values: ${form.flaw}`)
  }
  const selectors = form.all('match[]')
  if (selectors.length === 0) {
    throw new DomainError('invalid', 'no match[] parameter provided')
  }
  const limit = limitParam(call)
  const times = timesOf(call)
  const matcherSets = withParam('match[]', () => parseMatcherSets(selectors))
  const request = { ...times, matcherSets, limit: oneMore(limit) }
  const scope = readScope(call, 0)
  const answer = await withDeadline(timeoutMs(call), call.client, (signal) =>
    parts.backend.series(request, scope, signal),
  )
  const { series: found, warnings, cost } = answer
  const truncated = limit > 0 && found.length > limit
  const body = writeSeriesAnswer(
    truncated ? found.slice(0, limit) : found,
    cappedWarnings(truncated ? [TRUNCATED, ...warnings] : warnings),
    parts.limits.maxAnswerBytes,
  )
  return { ...jsonAnswer(body, warnings.length === 0), headers: cost && costHeaders(cost) }
}

function timesOf(call: Call): Pick<LabelRequest, 'startMs' | 'endMs'> {
  return {
    startMs: optionalTime(call, 'start', -Infinity),
    endMs: optionalTime(call, 'end', Infinity),
  }
}

/** One more than the limit is asked for, to know whether there was more. */
function oneMore(limit: number): number {
  return limit === 0 ? 0 : limit + 1
}

/** query_explain and query_range_explain: the operators of a plan as Thanos shows them. */
import { DomainError } from '#lib/model/errors.ts'
import { planTree } from '#lib/promql/plan/explain.ts'
import { planQuery } from '#lib/promql/plan/plan.ts'
import { dataAnswer, type Answer } from './answer.ts'
import type { Call } from './call.ts'
import { instantForm, prepareQuery, rangeForm, type QueryForm } from './query-routes.ts'
import { checkEngine } from './scope-params.ts'

export function explainInstant(call: Call): Answer {
  return explainQuery(call, instantForm(call))
}

export function explainRange(call: Call): Answer {
  return explainQuery(call, rangeForm(call))
}

/** The plan of the whole query: slices have the same for fewer steps. */
function explainQuery(call: Call, form: QueryForm): Answer {
  if (checkEngine(call.form) === 'prometheus') {
    throw new DomainError('invalid', "engine type must be 'thanos'")
  }
  const { expr, options } = prepareQuery(call, form)
  return dataAnswer(planTree(planQuery(expr, form.grid, form.grid, options)))
}

/** Calls of functions over range vectors: finds the function, its input series and the heads of its output. */
import { DomainError } from '#lib/model/errors.ts'
import { labelValue, METRIC_NAME, quoteGo, withoutLabels, type Labels } from '#lib/model/labels.ts'
import type { Call, MatrixSelector, Subquery } from '../parse/ast.ts'
import { unwrapParens } from '../plan/expr-facts.ts'
import { ABSENT, FLOAT } from '../result.ts'
import { changes, resets } from '../function/changes.ts'
import { instantValueFunction } from '../function/instant-value.ts'
import { OVER_TIME_FUNCTIONS } from '../function/over-time.ts'
import { rateFunction } from '../function/rate.ts'
import { deriv, doubleExponentialSmoothing, predictLinear } from '../function/regression.ts'
import { absentLabels } from '../function/absent.ts'
import { newColumn, storedColumns, type Column, type VectorOperator } from './column.ts'
import { saidBy } from './annotation-set.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { mergeEqualLabels, METADATA_LABELS } from './merge-series.ts'
import {
  rangeFunctionOperator,
  type RangeCall,
  type RangeExtension,
  type RangeFunction,
  type RangeSource,
} from './range-function.ts'

const RANGE_FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  ...OVER_TIME_FUNCTIONS,
  rate: rateFunction(true, true),
  increase: rateFunction(true, false),
  delta: rateFunction(false, false),
  irate: instantValueFunction(true),
  idelta: instantValueFunction(false),
  changes,
  resets,
  deriv,
  predict_linear: predictLinear,
  double_exponential_smoothing: doubleExponentialSmoothing,
}

/** They act like offset, so the name stays. */
const NOWHERE = { start: 0, end: 0 }
const KEEPS_NAME: ReadonlySet<string> = new Set(['last_over_time', 'first_over_time'])

const ANCHORED = ['changes', 'delta', 'increase', 'rate', 'resets']
const SMOOTHED = ['delta', 'increase', 'rate']
const COUNTER_SUFFIX = /_(total|sum|count|bucket)$/

export function rangeCall(
  evaluation: Evaluation,
  call: Call,
  arg: MatrixSelector | Subquery,
  source: RangeSource,
  params: readonly Float64Array[],
  grid: EvalGrid,
): VectorOperator {
  const fn = RANGE_FUNCTIONS[call.func]
  if (!fn) throw new DomainError('unsupported', `function "${call.func}" is not supported yet`)
  const first = call.args[0]!
  const rangeInfo: RangeCall = {
    evaluation,
    rangeMs: arg.range.ms,
    extension: extensionOf(call, arg),
    // Prometheus loses the position of a subquery.
    position: saidBy(call.position, first.type === 'subquery' ? NOWHERE : first.position),
    callPosition: call.position,
    params,
  }
  const drops = !KEEPS_NAME.has(call.func)
  const delayed = evaluation.delayedNameRemoval
  const heads = source.heads.map(({ labels, dropName }) => ({
    labels: !delayed && (drops || dropName) ? withoutLabels(labels, METADATA_LABELS) : labels,
    dropName: drops || dropName,
  }))
  const operator = rangeFunctionOperator({
    evaluation,
    source,
    heads,
    arg,
    grid,
    call: rangeInfo,
    fn,
    after:
      call.func === 'rate' || call.func === 'increase'
        ? (labels, out) => noteNonCounter(evaluation, labels, out, rangeInfo)
        : undefined,
  })
  // absent_over_time only asks whether there is any, so equal labels don't matter to it.
  if (call.func === 'absent_over_time' || delayed) return operator
  return mergeEqualLabels(operator, 'coexistence')
}

function extensionOf(call: Call, arg: MatrixSelector | Subquery): RangeExtension {
  if (arg.type !== 'matrix') return 'none'
  const { anchored, smoothed } = arg.selector
  const check = (modifier: string, allowed: readonly string[]) => {
    if (allowed.includes(call.func)) return
    throw new DomainError(
      'execution',
      `${modifier} modifier can only be used with: ${allowed.join(', ')} - not with ${call.func}`,
    )
  }
  if (anchored) check('anchored', ANCHORED)
  else if (smoothed) check('smoothed', SMOOTHED)
  return anchored ? 'anchored' : smoothed ? 'smoothed' : 'none'
}

function noteNonCounter(
  evaluation: Evaluation,
  labels: Labels,
  out: Column,
  call: RangeCall,
): void {
  const name = labelValue(labels, METRIC_NAME)
  if (name === '' || COUNTER_SUFFIX.test(name) || !out.presence.includes(FLOAT)) return
  evaluation.annotations.info(
    `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quoteGo(name)}`,
    call.position,
  )
}

/** One series with 1 wherever `operator` has nothing: absent() and absent_over_time(). */
export async function absence(
  evaluation: Evaluation,
  call: Call,
  operator: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const result = newColumn(grid.stepCount)
  result.values.fill(1)
  result.presence.fill(FLOAT)
  // A selector has nothing to say, so that nobody needs its other series once there is one at every step.
  const arg = unwrapParens(call.args[0]!)
  const quiet = arg.type === 'vector' && !arg.smoothed
  let left = grid.stepCount
  for (let index = 0; index < operator.heads.length; index++) {
    if (quiet && left === 0) break
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const { presence } = operator.column(index)
    for (let step = 0; step < presence.length; step++) {
      if (presence[step] === ABSENT || result.presence[step] === ABSENT) continue
      result.presence[step] = ABSENT
      left--
    }
  }
  const dropName = call.func === 'absent_over_time'
  return storedColumns([{ labels: absentLabels(call.args[0]!), dropName }], [result])
}

/** From expression to operators: the one switch over the tree. */
import type {
  Aggregation,
  Binary,
  Call,
  Expr,
  MatrixSelector,
  Subquery,
  Unary,
} from '../parse/ast.ts'
import { typeOf } from '../parse/type.ts'
import { subqueryGrid } from '../plan/reach.ts'
import { isStepInvariant, unwrapParens } from '../plan/expr-facts.ts'
import { ABSENT, FLOAT } from '../result.ts'
import { maximum, minimum } from '../function/float-math.ts'
import { scaleHistogram } from '../histogram/working-histogram.ts'
import { aggregateK } from './aggregate-k.ts'
import { aggregate } from './aggregate.ts'
import { scalarBinary, vectorScalarBinary } from './binary-scalar.ts'
import { vectorBinary } from './binary-vector.ts'
import {
  clearColumn,
  newColumn,
  NOTHING,
  setHistogram,
  setRow,
  type VectorOperator,
} from './column.ts'
import { countValues } from './count-values.ts'
import { gridTime, type EvalGrid, type Evaluation } from './evaluation.ts'
import { instantSelector, referenceTime } from './instant-selector.ts'
import { dropNames, mergeEqualLabels } from './merge-series.ts'
import { absence, rangeCall } from './range-call.ts'
import type { RangeSource } from './range-function.ts'
import { setOperation } from './set-operation.ts'
import { smoothedSelector } from './smoothed-selector.ts'
import { subquerySource } from './subquery.ts'
import { vectorCall } from './vector-call.ts'

/** `expr` is resolved and a vector. What must be known before the first column is computed on the way. */
export async function buildVector(
  evaluation: Evaluation,
  expr: Expr,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const { meter } = evaluation
  if (!meter || expr.type === 'paren') return vectorOperator(evaluation, expr, grid)
  const operator = await meter.building(expr, () => vectorOperator(evaluation, expr, grid))
  return meter.vector(expr, operator)
}

async function vectorOperator(
  evaluation: Evaluation,
  expr: Expr,
  grid: EvalGrid,
): Promise<VectorOperator> {
  if (grid.stepCount === 0) return NOTHING
  if (isPinned(expr, grid)) {
    return repeated(await vectorOperator(evaluation, expr, oneStep(grid)), grid)
  }
  switch (expr.type) {
    case 'vector':
      return expr.smoothed
        ? smoothedSelector(evaluation, expr, grid)
        : instantSelector(evaluation, expr, grid)
    case 'aggregation':
      return buildAggregation(evaluation, expr, grid)
    case 'call':
      return buildCall(evaluation, expr, grid)
    case 'binary':
      return buildBinary(evaluation, expr, grid)
    case 'unary':
      return buildUnary(evaluation, expr, grid)
    case 'paren':
      return buildVector(evaluation, expr.input, grid)
    case 'number':
    case 'string':
    case 'matrix':
    case 'subquery':
      throw new Error(`bug: ${expr.type} is no vector`)
    default:
      return expr satisfies never
  }
}

/** A value at every step. */
export async function buildScalar(
  evaluation: Evaluation,
  expr: Expr,
  grid: EvalGrid,
): Promise<Float64Array> {
  const { meter } = evaluation
  if (!meter || expr.type === 'paren') return scalarValues(evaluation, expr, grid)
  meter.scalar(expr)
  return meter.building(expr, () => scalarValues(evaluation, expr, grid))
}

async function scalarValues(
  evaluation: Evaluation,
  expr: Expr,
  grid: EvalGrid,
): Promise<Float64Array> {
  if (grid.stepCount > 0 && expr.type !== 'number' && isPinned(expr, grid)) {
    const [value] = await scalarValues(evaluation, expr, oneStep(grid))
    return new Float64Array(grid.stepCount).fill(value!)
  }
  switch (expr.type) {
    case 'number':
      return new Float64Array(grid.stepCount).fill(expr.value)
    case 'paren':
      return buildScalar(evaluation, expr.input, grid)
    case 'unary': {
      const values = await buildScalar(evaluation, expr.input, grid)
      return expr.op === '-' ? values.map((value) => -value) : values
    }
    case 'binary':
      return scalarBinary(
        expr.op,
        await buildScalar(evaluation, expr.left, grid),
        await buildScalar(evaluation, expr.right, grid),
      )
    case 'call':
      return buildScalarCall(evaluation, expr, grid)
    case 'string':
    case 'vector':
    case 'matrix':
    case 'subquery':
    case 'aggregation':
      throw new Error(`bug: ${expr.type} is no scalar`)
    default:
      return expr satisfies never
  }
}

/** Whether one evaluation is enough for all steps. */
export function isPinned(expr: Expr, grid: EvalGrid): boolean {
  if (grid.single || (grid.inParameter && grid.stepCount === 1)) return false
  return isStepInvariant(expr)
}

export function oneStep(grid: EvalGrid): EvalGrid {
  return { ...grid, stepCount: 1, single: !grid.inParameter }
}

function repeated(once: VectorOperator, grid: EvalGrid): VectorOperator {
  const out = newColumn(grid.stepCount)
  return {
    heads: once.heads,
    column(index) {
      clearColumn(out)
      const { values, presence, histograms } = once.column(index)
      out.values.fill(values[0]!)
      if (presence[0] === FLOAT || presence[0] === ABSENT) out.presence.fill(presence[0])
      else for (let i = 0; i < grid.stepCount; i++) setRow(out, i, histograms!, 0)
      return out
    },
  }
}

async function buildScalarCall(
  evaluation: Evaluation,
  call: Call,
  grid: EvalGrid,
): Promise<Float64Array> {
  const [first, second] = call.args
  switch (call.func) {
    case 'time':
      return Float64Array.from({ length: grid.stepCount }, (_, i) => gridTime(grid, i) / 1000)
    case 'pi':
      return new Float64Array(grid.stepCount).fill(Math.PI)
    case 'scalar':
      return onlyFloats(evaluation, await buildVector(evaluation, first!, grid), grid)
    case 'max_of':
    case 'min_of': {
      const pick = call.func === 'max_of' ? maximum : minimum
      const left = await buildScalar(evaluation, first!, grid)
      const right = await buildScalar(evaluation, second!, grid)
      return left.map((value, i) => pick(value, right[i]!))
    }
    default:
      throw new Error(`bug: ${call.func} is no scalar function`)
  }
}

/** The float of each step, NaN where there is none or more than one. */
async function onlyFloats(
  evaluation: Evaluation,
  input: VectorOperator,
  grid: EvalGrid,
): Promise<Float64Array> {
  const result = new Float64Array(grid.stepCount).fill(NaN)
  const found = new Uint8Array(grid.stepCount)
  for (let index = 0; index < input.heads.length; index++) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const { values, presence } = input.column(index)
    for (let i = 0; i < grid.stepCount; i++) {
      if (presence[i] !== FLOAT) continue
      result[i] = found[i] === 0 ? values[i]! : NaN
      found[i] = 1
    }
  }
  return result
}

async function buildAggregation(
  evaluation: Evaluation,
  expr: Aggregation,
  grid: EvalGrid,
): Promise<VectorOperator> {
  if (expr.op === 'count_values') {
    const label = unwrapParens(expr.param!)
    if (label.type !== 'string') throw new Error('bug: label of count_values is no string')
    const input = await buildVector(evaluation, expr.input, grid)
    return countValues(evaluation, expr, label.value, input, grid)
  }
  const paramGrid = { ...grid, inParameter: true }
  const param = expr.param && (await buildScalar(evaluation, expr.param, paramGrid))
  const input = await buildVector(evaluation, expr.input, grid)
  switch (expr.op) {
    case 'topk':
    case 'bottomk':
    case 'limitk':
    case 'limit_ratio':
      return aggregateK(evaluation, expr, input, param!, grid)
    case 'sum':
    case 'avg':
    case 'count':
    case 'min':
    case 'max':
    case 'group':
    case 'stddev':
    case 'stdvar':
    case 'quantile':
      return aggregate(evaluation, expr, input, param, grid)
    default:
      return expr.op satisfies never
  }
}

async function buildBinary(
  evaluation: Evaluation,
  expr: Binary,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const { left, right } = expr
  if (typeOf(right) === 'scalar') {
    const vector = await buildVector(evaluation, left, grid)
    const scalar = await buildScalar(evaluation, right, grid)
    return vectorScalarBinary(evaluation, expr, vector, scalar, false)
  }
  if (typeOf(left) === 'scalar') {
    const scalar = await buildScalar(evaluation, left, grid)
    const vector = await buildVector(evaluation, right, grid)
    return vectorScalarBinary(evaluation, expr, vector, scalar, true)
  }
  const leftVector = await buildVector(evaluation, left, grid)
  const rightVector = await buildVector(evaluation, right, grid)
  switch (expr.op) {
    case 'and':
    case 'or':
    case 'unless':
      return setOperation(evaluation, expr, leftVector, rightVector, grid)
    default:
      return vectorBinary(evaluation, expr, leftVector, rightVector, grid)
  }
}

async function buildUnary(
  evaluation: Evaluation,
  expr: Unary,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const input = await buildVector(evaluation, expr.input, grid)
  if (expr.op === '+') return input
  return mergeEqualLabels({
    heads: dropNames(input.heads, evaluation.delayedNameRemoval),
    column(index) {
      const column = input.column(index)
      const { values, presence } = column
      for (let i = 0; i < values.length; i++) {
        if (presence[i] === FLOAT) values[i] = -values[i]!
        else if (presence[i] !== ABSENT) {
          setHistogram(column, i, scaleHistogram(column.histograms!.at(i)!, -1))
        }
      }
      return column
    },
  })
}

async function buildCall(
  evaluation: Evaluation,
  call: Call,
  grid: EvalGrid,
): Promise<VectorOperator> {
  if (call.func === 'absent') {
    return absence(evaluation, call, await buildVector(evaluation, call.args[0]!, grid), grid)
  }
  let range: MatrixSelector | Subquery | undefined
  for (const arg of call.args) if (arg.type === 'matrix' || arg.type === 'subquery') range = arg
  if (!range) {
    return vectorCall(evaluation, call, grid, { vector: buildVector, scalar: buildScalar })
  }
  const source = await rangeSource(evaluation, range, grid)
  const params: Float64Array[] = []
  for (const arg of call.args) {
    if (arg !== range) params.push(await buildScalar(evaluation, arg, grid))
  }
  const operator = rangeCall(evaluation, call, range, source, params, grid)
  if (call.func !== 'absent_over_time') return operator
  return absence(evaluation, call, operator, grid)
}

/** The samples that windows over `grid` slide over. */
export async function rangeSource(
  evaluation: Evaluation,
  range: MatrixSelector | Subquery,
  grid: EvalGrid,
): Promise<RangeSource> {
  const { meter } = evaluation
  if (!meter) return sourceOf(evaluation, range, grid)
  const source = await meter.building(range, () => sourceOf(evaluation, range, grid))
  return meter.range(range, source)
}

async function sourceOf(
  evaluation: Evaluation,
  range: MatrixSelector | Subquery,
  grid: EvalGrid,
): Promise<RangeSource> {
  if (range.type === 'matrix') {
    const windows = {
      ...referenceTime(range.selector, grid),
      stepCount: grid.stepCount,
      rangeMs: range.range.ms,
    }
    const set = evaluation.seriesOf(range.selector, windows)
    return {
      heads: set.labels.map((labels) => ({ labels, dropName: false })),
      samples: (index) => set.samples(index),
    }
  }
  const inner = gridOfSubquery(range, grid)
  evaluation.checkSteps(inner.stepCount)
  return subquerySource(await vectorOf(evaluation, range.input, inner), inner)
}

/** A scalar in a subquery is a series without labels. */
async function vectorOf(
  evaluation: Evaluation,
  expr: Expr,
  grid: EvalGrid,
): Promise<VectorOperator> {
  if (typeOf(expr) !== 'scalar') return buildVector(evaluation, expr, grid)
  const column = newColumn(grid.stepCount)
  column.values.set(await buildScalar(evaluation, expr, grid))
  column.presence.fill(FLOAT)
  return { heads: [{ labels: [], dropName: false }], column: () => column }
}

export function gridOfSubquery(subquery: Subquery, grid: EvalGrid): EvalGrid {
  const at = subquery.at?.type === 'timestamp' ? subquery.at.ms : undefined
  const first = at ?? grid.startMs
  const last = at ?? gridTime(grid, Math.max(0, grid.stepCount - 1))
  const inner = subqueryGrid(subquery, first, last)
  const single = inner.stepCount === 1 && inner.startMs === last - subquery.offset.ms
  return { ...inner, single, inParameter: grid.inParameter }
}

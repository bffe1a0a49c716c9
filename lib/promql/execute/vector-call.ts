/** Calls of functions that take instant vectors and scalars. */
import { DomainError } from '#lib/model/errors.ts'
import type { Call, Expr } from '../parse/ast.ts'
import { unwrapParens } from '../plan/expr-facts.ts'
import { ABSENT, FLOAT } from '../result.ts'
import { DATE_FUNCTIONS } from '../function/date.ts'
import { MATH_FUNCTIONS, PARAMETER_FUNCTIONS } from '../function/math.ts'
import { compareByLabels, compareValues } from '../function/sort.ts'
import { nativeVariance } from '../histogram/native-quantile.ts'
import { saidBy } from './annotation-set.ts'
import { newColumn, NOTHING, storedColumns, type VectorOperator } from './column.ts'
import { gridTime, type EvalGrid, type Evaluation } from './evaluation.ts'
import {
  fractionEstimate,
  histogramOperator,
  labelledEstimates,
  quantileEstimate,
  warnAboutQuantiles,
} from './histogram-quantile.ts'
import { infoCall } from './info.ts'
import { instantSelector, type SampleAspect } from './instant-selector.ts'
import { labelJoin, labelReplace } from './label-function.ts'
import { drain, materialize } from './materialize.ts'
import { dropNames, mergeEqualLabels } from './merge-series.ts'
import { evaluationTimes, floatFunction, histogramFunction } from './vector-function.ts'

export interface Builder {
  vector(evaluation: Evaluation, expr: Expr, grid: EvalGrid): Promise<VectorOperator>
  scalar(evaluation: Evaluation, expr: Expr, grid: EvalGrid): Promise<Float64Array>
}

export async function vectorCall(
  evaluation: Evaluation,
  call: Call,
  grid: EvalGrid,
  build: Builder,
): Promise<VectorOperator> {
  const { func, args } = call
  const vector = (index: number) => build.vector(evaluation, args[index]!, grid)
  const scalar = (index: number) => build.scalar(evaluation, args[index]!, grid)
  const constant = (value: number) => new Float64Array(grid.stepCount).fill(value)

  const compute = MATH_FUNCTIONS[func]
  if (compute) return floatFunction(evaluation, await vector(0), compute)
  const withParameters = PARAMETER_FUNCTIONS[func]
  if (withParameters) {
    const input = await vector(0)
    const a = args.length > 1 ? await scalar(1) : constant(1)
    const b = args.length > 2 ? await scalar(2) : constant(0)
    return floatFunction(evaluation, input, (value, step) =>
      withParameters(value, a[step]!, b[step]!),
    )
  }
  const date = DATE_FUNCTIONS[func]
  if (date) {
    if (args.length > 0) return floatFunction(evaluation, await vector(0), date)
    return oneSeries(Float64Array.from(constant(0), (_, i) => date(gridTime(grid, i) / 1000)))
  }
  switch (func) {
    case 'vector':
      return oneSeries(await scalar(0))
    case 'timestamp':
    case 'start_timestamp':
      return timestampCall(evaluation, call, grid, build)
    case 'sort':
    case 'sort_desc':
    case 'sort_by_label':
    case 'sort_by_label_desc':
      return sortCall(evaluation, call, await vector(0), grid)
    case 'label_replace':
      return labelReplace(await vector(0), strings(args.slice(1)))
    case 'label_join':
      return labelJoin(await vector(0), strings(args.slice(1)))
    case 'histogram_count':
      return histogramFunction(evaluation, await vector(0), ({ counts }, row) => counts[row]!)
    case 'histogram_sum':
      return histogramFunction(evaluation, await vector(0), ({ sums }, row) => sums[row]!)
    case 'histogram_avg':
      return histogramFunction(
        evaluation,
        await vector(0),
        ({ sums, counts }, row) => sums[row]! / counts[row]!,
      )
    case 'histogram_stdvar':
      return histogramFunction(evaluation, await vector(0), nativeVariance)
    case 'histogram_stddev':
      return histogramFunction(evaluation, await vector(0), (rows, row) =>
        Math.sqrt(nativeVariance(rows, row)),
      )
    case 'histogram_quantile': {
      const q = await scalar(0)
      const input = await vector(1)
      warnAboutQuantiles(evaluation, q, saidBy(call.position, args[0]!.position))
      const place = saidBy(call.position, args[1]!.position)
      return histogramOperator(evaluation, input, [quantileEstimate(q)], place, grid)
    }
    case 'histogram_quantiles': {
      const input = await vector(0)
      const [label = ''] = strings([args[1]!])
      const estimates = []
      for (let i = 2; i < args.length; i++) {
        const q = await scalar(i)
        warnAboutQuantiles(evaluation, q, saidBy(call.position, args[i]!.position, i))
        estimates.push(...labelledEstimates(q, label))
      }
      const place = saidBy(call.position, args[0]!.position)
      return histogramOperator(evaluation, input, estimates, place, grid)
    }
    case 'histogram_fraction': {
      const estimate = fractionEstimate(await scalar(0), await scalar(1))
      const input = await vector(2)
      const place = saidBy(call.position, args[2]!.position)
      return histogramOperator(evaluation, input, [estimate], place, grid)
    }
    case 'info':
      return infoCall(evaluation, call, await vector(0), grid)
    default:
      throw new DomainError('unsupported', `function "${func}" is not supported yet`)
  }
}

function strings(args: readonly Expr[]): string[] {
  return args.map((arg) => {
    const inner = unwrapParens(arg)
    if (inner.type !== 'string') throw new Error('bug: argument is no string')
    return inner.value
  })
}

function oneSeries(values: Float64Array): VectorOperator {
  const column = newColumn(values.length)
  column.values.set(values)
  column.presence.fill(FLOAT)
  return storedColumns([{ labels: [], dropName: false }], [column])
}

/** The sample's own time is only known of a selector. */
async function timestampCall(
  evaluation: Evaluation,
  call: Call,
  grid: EvalGrid,
  build: Builder,
): Promise<VectorOperator> {
  const arg = unwrapParens(call.args[0]!)
  const aspect: SampleAspect = call.func === 'timestamp' ? 'timestamp' : 'start-timestamp'
  if (aspect === 'start-timestamp' && arg.type !== 'vector') {
    // Nothing comes out, but what the argument warns of and how it fails does.
    const input = await build.vector(evaluation, arg, grid)
    await drain(evaluation, input, input.heads.keys(), grid)
    return NOTHING
  }
  if (arg.type === 'vector') {
    if (aspect === 'start-timestamp' && !evaluation.useStartTimestamps) return NOTHING
    const input = instantSelector(evaluation, arg, grid, aspect)
    const heads = dropNames(input.heads, evaluation.delayedNameRemoval)
    return mergeEqualLabels({ heads, column: (index) => input.column(index) })
  }
  return evaluationTimes(evaluation, await build.vector(evaluation, arg, grid), grid)
}

async function sortCall(
  evaluation: Evaluation,
  call: Call,
  unsorted: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  if (!grid.single) {
    evaluation.annotations.warn(
      'sort is ineffective for range queries since results are always ordered by labels',
      call.position,
    )
  }
  const byLabel = call.func.startsWith('sort_by_label')
  const descending = call.func.endsWith('_desc')
  const input = byLabel ? unsorted : floatsOnly(unsorted)
  if (!grid.single) return input
  const stored = await materialize(evaluation, input, grid)
  const columns = stored.heads.map((_, index) => stored.column(index))
  const order = [...stored.heads.keys()].filter((index) => columns[index]!.presence[0] !== ABSENT)
  if (byLabel) {
    const names = strings(call.args.slice(1))
    const sign = descending ? -1 : 1
    const labels = (index: number) => stored.heads[index]!.labels
    order.sort((a, b) => sign * compareByLabels(labels(a), labels(b), names))
  } else {
    const value = (index: number) => columns[index]!.values[0]!
    order.sort((a, b) => compareValues(value(a), value(b), descending))
  }
  return storedColumns(
    order.map((index) => stored.heads[index]!),
    order.map((index) => columns[index]!),
  )
}

function floatsOnly(input: VectorOperator): VectorOperator {
  return {
    heads: input.heads,
    column(index) {
      const column = input.column(index)
      const { presence } = column
      for (let i = 0; i < presence.length; i++) if (presence[i] !== FLOAT) presence[i] = ABSENT
      return column
    },
  }
}

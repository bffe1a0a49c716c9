/** Aggregations that give one series per group: input series go into their group one by one and are let go. */
import { labelValue, METRIC_NAME, quoteGo } from '#lib/model/labels.ts'
import type { Aggregation } from '../parse/ast.ts'
import { formatGeneral } from '../function/float-math.ts'
import {
  countAccumulator,
  extremeAccumulator,
  groupAccumulator,
  quantileAccumulator,
  varianceAccumulator,
  type Accumulator,
} from './accumulators.ts'
import type { Column, VectorOperator } from './column.ts'
import { saidBy } from './annotation-set.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { GroupIndex, groupingOf } from './grouping.ts'
import { averageAccumulator, sumAccumulator, type SumNotes } from './sum-accumulators.ts'

/**
 * A group of more series is computed before anyone asks, with pauses between them; smaller ones when they are asked
 * for, so that many groups are never in memory together.
 */
const LATE_MEMBERS = 64
/** The same for the series that are read on the way, where members are groups themselves. */
const LATE_SERIES = 1024

export async function aggregate(
  evaluation: Evaluation,
  aggregation: Aggregation,
  input: VectorOperator,
  param: Float64Array | undefined,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const { annotations } = evaluation
  const position = saidBy(aggregation.position, aggregation.input.position)
  let currentName = ''
  const notes: SumNotes = {
    mixed: () =>
      annotations.warn('encountered a mix of histograms and floats for aggregation', position),
    resetCollision: () =>
      annotations.warn('conflicting counter resets during histogram aggregation', position),
    incompatible: () =>
      annotations.warn(
        `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quoteGo(currentName)}`,
        position,
      ),
    reconciled: () =>
      annotations.info('mismatched custom buckets were reconciled during aggregation', position),
  }
  const ignore = () => {
    annotations.info(`ignored histogram in ${aggregation.op} aggregation`, position)
  }
  if (aggregation.op === 'quantile') warnAboutQuantile(evaluation, aggregation, param!)

  const index = new GroupIndex(groupingOf(aggregation))
  const members: number[][] = []
  for (const [i, { labels }] of input.heads.entries()) {
    const group = index.of(labels)
    ;(members[group] ??= []).push(i)
  }
  const heads = index.labels.map((labels, group) => ({
    labels,
    dropName: members[group]!.some((i) => input.heads[i]!.dropName),
  }))
  const seriesEach = evaluation.seriesBelow(aggregation.input) / Math.max(1, input.heads.length)
  const late = Math.min(LATE_MEMBERS, LATE_SERIES / Math.max(1, seriesEach))
  const early: (Column | undefined)[] = []
  for (const [group, list] of members.entries()) {
    if (list.length <= late) continue
    const accumulator = make()
    for (const i of list) {
      if (evaluation.due(grid.stepCount)) await evaluation.pause()
      add(accumulator, i)
    }
    early[group] = accumulator.finish()
    evaluation.hold(grid.stepCount)
  }
  let shared: Accumulator | undefined
  return {
    heads,
    column(group) {
      const column = early[group]
      if (column) return column
      shared ??= make()
      shared.clear()
      for (const i of members[group]!) add(shared, i)
      return shared.finish()
    },
  }

  function add(accumulator: Accumulator, i: number): void {
    currentName = labelValue(input.heads[i]!.labels, METRIC_NAME)
    accumulator.add(input.column(i))
  }

  function make(): Accumulator {
    const { stepCount } = grid
    switch (aggregation.op) {
      case 'sum':
        return sumAccumulator(stepCount, () => notes)
      case 'avg':
        return averageAccumulator(stepCount, () => notes)
      case 'count':
        return countAccumulator(stepCount)
      case 'group':
        return groupAccumulator(stepCount)
      case 'min':
      case 'max':
        return extremeAccumulator(aggregation.op, stepCount, ignore)
      case 'stddev':
      case 'stdvar':
        return varianceAccumulator(aggregation.op, stepCount, ignore)
      case 'quantile':
        return quantileAccumulator(param!, stepCount, ignore)
      default:
        throw new Error(`bug: ${aggregation.op} is not a group aggregation`)
    }
  }
}

/** About the whole query at once: the worst parameters are named. */
function warnAboutQuantile(
  evaluation: Evaluation,
  aggregation: Aggregation,
  params: Float64Array,
): void {
  const bad: number[] = []
  let low = Infinity
  let high = -Infinity
  for (const q of params) {
    if (q !== q) bad[0] = q
    if (q < low) low = q
    if (q > high) high = q
  }
  if (high > 1) bad.push(high)
  if (low < 0) bad.push(low)
  for (const q of bad) {
    evaluation.annotations.warn(
      `quantile value should be between 0 and 1, got ${formatGeneral(q)}`,
      saidBy(aggregation.position, aggregation.param!.position),
    )
  }
}

/** Aggregations that pick series: topk, bottomk, limitk and limit_ratio. State is what is picked so far, per group and step. */
import { DomainError } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Aggregation } from '../parse/ast.ts'
import { ABSENT, HISTOGRAM } from '../result.ts'
import { formatGeneral } from '../function/float-math.ts'
import {
  newColumn,
  NOTHING,
  setFloat,
  setHistogram,
  storedColumns,
  type Column,
  type VectorOperator,
} from './column.ts'
import { saidBy } from './annotation-set.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { GroupIndex, groupingOf } from './grouping.ts'
import { drain } from './materialize.ts'
import { hashRatio, loadHash } from './label-hash.ts'

interface Pick {
  readonly series: number
  readonly value: number
  readonly histogram: FloatHistogram | undefined
}

export async function aggregateK(
  evaluation: Evaluation,
  aggregation: Aggregation,
  input: VectorOperator,
  params: Float64Array,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const op = aggregation.op as 'topk' | 'bottomk' | 'limitk' | 'limit_ratio'
  if (!checkParams(evaluation, aggregation, params)) {
    await drain(evaluation, input, input.heads.keys(), grid)
    return NOTHING
  }
  if (op === 'limit_ratio') await loadHash()
  const index = new GroupIndex(groupingOf(aggregation))
  /** Per group, per step. */
  const picked: (Pick[] | undefined)[][] = []
  const worse = op === 'bottomk' ? higherFirst : lowerFirst
  for (const [series, { labels }] of input.heads.entries()) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const group = index.of(labels)
    const steps = (picked[group] ??= Array.from({ length: grid.stepCount }))
    take(series, labels, input.column(series), steps)
  }
  return output()

  function take(
    series: number,
    labels: Labels,
    column: Column,
    steps: (Pick[] | undefined)[],
  ): void {
    const ratio = op === 'limit_ratio' ? hashRatio(labels) : 0
    for (let step = 0; step < grid.stepCount; step++) {
      const kind = column.presence[step]
      if (kind === ABSENT) continue
      const param = params[step]!
      const histogram = kind === HISTOGRAM ? column.histograms!.at(step) : undefined
      const value = histogram ? 0 : column.values[step]!
      const heap = (steps[step] ??= [])
      if (op === 'limit_ratio') {
        if (!inRatio(param, ratio)) continue
        heap.push({ series, value, histogram })
        // Nothing is thrown out; it is the order in which Prometheus goes on with what was picked.
        siftUp(heap, lowerFirst)
        continue
      }
      const k = Math.trunc(param)
      if (k < 1) continue
      if (op === 'limitk') {
        if (heap.length >= k) continue
        heap.push({ series, value, histogram })
        siftUp(heap, lowerFirst)
        continue
      }
      if (histogram) {
        evaluation.annotations.info(`ignored histogram in ${op} aggregation`, aggregation.position)
        continue
      }
      if (heap.length < k) {
        heap.push({ series, value, histogram })
        siftUp(heap, worse)
      } else if (worse(heap[0]!.value, value) && !Number.isNaN(value)) {
        heap[0] = { series, value, histogram }
        siftDown(heap, worse)
      }
    }
  }

  function output(): VectorOperator {
    const columns: (Column | undefined)[] = []
    const order: number[] = []
    for (const steps of picked) {
      for (const [step, heap] of steps.entries()) {
        if (!heap) continue
        if (op === 'topk' || op === 'bottomk') {
          heap.sort((a, b) => (worse(b.value, a.value) ? -1 : worse(a.value, b.value) ? 1 : 0))
        }
        for (const { series, value, histogram } of heap) {
          let column = columns[series]
          if (!column) {
            column = columns[series] = newColumn(grid.stepCount)
            order.push(series)
          }
          if (histogram) setHistogram(column, step, histogram)
          else setFloat(column, step, value)
        }
      }
    }
    // Over many steps no order is better than another; this one does not depend on which steps they are.
    if (!grid.single) order.sort((a, b) => a - b)
    evaluation.hold(order.length * grid.stepCount)
    return storedColumns(
      order.map((series) => input.heads[series]!),
      order.map((series) => columns[series]!),
    )
  }
}

/** False when nothing can come out. */
function checkParams(
  evaluation: Evaluation,
  aggregation: Aggregation,
  params: Float64Array,
): boolean {
  let low = Infinity
  let high = -Infinity
  let nan = false
  for (const value of params) {
    if (value !== value) nan = true
    if (value < low) low = value
    if (value > high) high = value
  }
  const { annotations } = evaluation
  if (aggregation.op === 'limit_ratio') {
    if (low === 0 && high === 0) return false
    if (nan) throw new DomainError('execution', 'Ratio value is NaN')
    const warn = (value: number, cap: number) => {
      annotations.warn(
        `ratio value should be between -1 and 1, got ${formatGeneral(value)}, capping to ${cap}`,
        saidBy(aggregation.position, aggregation.param!.position),
      )
    }
    if (high > 1) warn(high, 1)
    if (low < -1) warn(low, -1)
    return true
  }
  if (!nan && high < 1) return false
  if (nan) throw new DomainError('execution', 'Parameter value is NaN')
  if (low <= -(2 ** 63)) {
    throw new DomainError('execution', `Scalar value ${formatGeneral(low)} underflows int64`)
  }
  if (high >= 2 ** 63) {
    throw new DomainError('execution', `Scalar value ${formatGeneral(high)} overflows int64`)
  }
  return true
}

/** A negative ratio takes what the positive one below it by 1 leaves. */
function inRatio(param: number, offset: number): boolean {
  const ratio = Math.max(-1, Math.min(1, param))
  if (ratio === 0) return false
  return ratio > 0 ? offset < ratio : offset >= 1 + ratio
}

/** Whether a is nearer to being thrown out than b; NaN is always. */
type Order = (a: number, b: number) => boolean

const lowerFirst: Order = (a, b) => (Number.isNaN(a) ? true : a < b)
const higherFirst: Order = (a, b) => (Number.isNaN(a) ? true : a > b)

function siftUp(heap: Pick[], worse: Order): void {
  let child = heap.length - 1
  while (child > 0) {
    const parent = (child - 1) >> 1
    if (!worse(heap[child]!.value, heap[parent]!.value)) return
    swap(heap, child, parent)
    child = parent
  }
}

function siftDown(heap: Pick[], worse: Order): void {
  let parent = 0
  for (;;) {
    let child = 2 * parent + 1
    if (child >= heap.length) return
    if (child + 1 < heap.length && worse(heap[child + 1]!.value, heap[child]!.value)) child++
    if (!worse(heap[child]!.value, heap[parent]!.value)) return
    swap(heap, child, parent)
    parent = child
  }
}

function swap(heap: Pick[], a: number, b: number): void {
  const kept = heap[a]!
  heap[a] = heap[b]!
  heap[b] = kept
}

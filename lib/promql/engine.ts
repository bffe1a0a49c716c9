/** Evaluates a PromQL expression over a storage: all input first, then columns series by series. */
import { isKind } from '#lib/model/errors.ts'
import { compareLabels, labelsKey, withoutLabels, type Labels } from '#lib/model/labels.ts'
import { isStale, type SampleColumns } from '#lib/model/samples.ts'
import type { SeriesSet, Storage } from '#lib/storage/storage.ts'
import { buildScalar, buildVector, gridOfSubquery, rangeSource } from './execute/build.ts'
import { copyColumn, isEmpty, type VectorOperator } from './execute/column.ts'
import { Evaluation, throwIfAborted, type EvalGrid } from './execute/evaluation.ts'
import { firstError } from './execute/first-error.ts'
import { referenceTime } from './execute/instant-selector.ts'
import { duplicateLabelsError, METADATA_LABELS, removeMarkedNames } from './execute/merge-series.ts'
import type { EngineOptions } from './options.ts'
import type { Expr, MatrixSelector, Subquery, VectorSelector } from './parse/ast.ts'
import { typeOf } from './parse/type.ts'
import { unwrapParens } from './plan/expr-facts.ts'
import { planQuery, type Plan } from './plan/plan.ts'
import type { QueryOutcome, QueryValue, RawSeries, StepGrid, StepSeries } from './result.ts'

export interface EvaluateRequest {
  /** Resolved or as parsed. */
  readonly expr: Expr
  /** The query, for the positions in annotations. */
  readonly text: string
  /** The steps to compute. */
  readonly grid: StepGrid
  /** The query's steps, of which `grid` may be a part: what start(), end(), step() and range() mean. */
  readonly whole: StepGrid
  readonly storage: Storage
  /** The storage has some of the series only: see Evaluation. */
  readonly sharded?: boolean | undefined
  readonly options: EngineOptions
  readonly signal?: AbortSignal | undefined
  /** A clock in milliseconds: what each operator takes is wanted. */
  readonly analyze?: (() => number) | undefined
}

/**
 * Rejects with DomainError: 'execution' for what has no answer, 'limit', 'timeout', 'canceled', 'invalid' for
 * durations that come out wrong, 'unsupported', and whatever the storage rejects with.
 */
export async function evaluate(request: EvaluateRequest): Promise<QueryOutcome> {
  const { text, grid, whole, storage, sharded, options, signal, analyze } = request
  throwIfAborted(signal)
  const plan = planQuery(request.expr, whole, grid, options)
  const { expr } = plan
  const sets = await readAll(plan, storage, signal)
  const { stats } = plan
  const begin = (): Evaluation =>
    new Evaluation({ options, storage, sharded, whole, sets, stats, signal, analyze })
  const evaluation = begin()
  evaluation.checkSteps(grid.stepCount)
  const evalGrid: EvalGrid = {
    startMs: grid.startMs,
    stepMs: grid.stepMs,
    stepCount: grid.stepCount,
    single: whole.stepCount === 1 && (whole.endMs ?? whole.startMs) === whole.startMs,
  }
  let value: QueryValue
  try {
    value = await valueOf(evaluation, expr, evalGrid, whole.stepMs === 0)
  } catch (error) {
    throw isKind(error, 'execution') ? await firstError(begin, expr, evalGrid, error) : error
  }
  return {
    grid,
    value,
    annotations: evaluation.annotations.show(text),
    warnings: evaluation.warnings,
    stats: {
      samplesRead: evaluation.samplesRead,
      peakSamples: evaluation.peakSamples,
      seriesRead: evaluation.seriesRead,
    },
    ...(evaluation.meter && { analysis: evaluation.meter.analysis(expr) }),
  }
}

/** All reads at the same time. */
async function readAll(
  { reads }: Plan,
  storage: Storage,
  signal: AbortSignal | undefined,
): Promise<Map<VectorSelector, SeriesSet>> {
  const sets = new Map<VectorSelector, SeriesSet>()
  await Promise.all(
    reads.map(async ({ request, selectors }) => {
      const set = await storage.select(request, signal)
      const shared = selectors.length > 1 ? decodedOnce(set) : set
      for (const selector of selectors) sets.set(selector, shared)
    }),
  )
  return sets
}

/** Functions over the same samples often ask for one series right after another of them did. */
function decodedOnce(set: SeriesSet): SeriesSet {
  let last = -1
  let decoded: SampleColumns | undefined
  return {
    ...set,
    samples(index) {
      if (index !== last || !decoded) {
        last = -1
        decoded = set.samples(index)
        last = index
      }
      return decoded
    },
  }
}

async function valueOf(
  evaluation: Evaluation,
  expr: Expr,
  grid: EvalGrid,
  instant: boolean,
): Promise<QueryValue> {
  switch (typeOf(expr)) {
    case 'scalar':
      return { type: 'scalar', values: await buildScalar(evaluation, expr, grid) }
    case 'string': {
      const literal = unwrapParens(expr)
      return { type: 'string', value: literal.type === 'string' ? literal.value : '' }
    }
    case 'vector': {
      const operator = await buildVector(evaluation, expr, grid)
      const named = evaluation.delayedNameRemoval ? removeMarkedNames(operator) : operator
      const series = await collect(evaluation, named, grid)
      if (!instant) series.sort((a, b) => compareLabels(a.labels, b.labels))
      return { type: 'vector', series }
    }
    case 'matrix': {
      const range = unwrapParens(expr) as MatrixSelector | Subquery
      const series = await rawSeries(evaluation, range, grid)
      series.sort((a, b) => compareLabels(a.labels, b.labels))
      return { type: 'matrix', series }
    }
  }
}

async function collect(
  evaluation: Evaluation,
  operator: VectorOperator,
  grid: EvalGrid,
): Promise<StepSeries[]> {
  const series: StepSeries[] = []
  for (const [index, { labels }] of operator.heads.entries()) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const column = operator.column(index)
    if (isEmpty(column)) continue
    evaluation.hold(grid.stepCount)
    evaluation.countResult(labelBytes(labels) + grid.stepCount * BYTES_PER_STEP)
    const { values, presence, histograms } = copyColumn(column)
    series.push({ labels, values, presence, histograms })
  }
  return series
}

/** A float and its presence. */
const BYTES_PER_STEP = 9

function labelBytes(labels: Labels): number {
  return labels.reduce((total, text) => total + text.length, 0)
}

/** The samples of a range selector or subquery as they are, stale markers left out. */
async function rawSeries(
  evaluation: Evaluation,
  range: MatrixSelector | Subquery,
  grid: EvalGrid,
): Promise<RawSeries[]> {
  const source = await rangeSource(evaluation, range, grid)
  const end =
    range.type === 'matrix'
      ? referenceTime(range.selector, grid).startMs
      : gridOfSubquery(range, grid).startMs + Number.MAX_SAFE_INTEGER
  const start = range.type === 'matrix' ? end - range.range.ms : -Infinity
  const found: RawSeries[] = []
  const seen = new Set<string>()
  for (const [index, { labels, dropName }] of source.heads.entries()) {
    if (evaluation.due(1)) await evaluation.pause()
    const samples = rawSamples(source.samples(index), start, end)
    if (samples.length === 0) continue
    evaluation.hold(samples.length)
    evaluation.countResult(labelBytes(labels) + samples.length * 16)
    const named: Labels = dropName ? withoutLabels(labels, METADATA_LABELS) : labels
    const key = labelsKey(named)
    if (seen.has(key)) throw duplicateLabelsError()
    seen.add(key)
    found.push({ labels: named, samples })
  }
  return found
}

function rawSamples(columns: SampleColumns, after: number, end: number): SampleColumns {
  const { timestamps, values, histograms } = columns
  const kept: number[] = []
  for (let i = 0; i < columns.length; i++) {
    const t = timestamps[i]!
    if (t > after && t <= end && !isStale(values, i)) kept.push(i)
  }
  return {
    length: kept.length,
    timestamps: Float64Array.from(kept, (i) => timestamps[i]!),
    values: Float64Array.from(kept, (i) => values[i]!),
    histograms: histograms?.gather(kept),
  }
}

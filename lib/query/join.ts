/** Puts the answers of slices together: concatenation of steps, union of what they say beside it. */
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { Labels } from '#lib/model/labels.ts'
import { compareLabels, labelsKey } from '#lib/model/labels.ts'
import { joinAnnotations } from '#lib/promql/execute/join-annotations.ts'
import type { PartialAggregation } from '#lib/promql/plan/shard.ts'
import { ABSENT } from '#lib/promql/result.ts'
import type { QueryOutcome, QueryValue, StepGrid, StepSeries } from '#lib/promql/result.ts'
import type { StepRun } from './cut.ts'
import { joinAnalyses } from './join-analysis.ts'

/** The outcome of one run of steps; undefined where the slice failed and half an answer is wanted. */
export interface RunOutcome {
  readonly run: StepRun
  readonly outcome: QueryOutcome | undefined
}

/** `partial` says what becomes of values that several parts have of one series at one step. */
export function joinOutcomes(
  grid: StepGrid,
  parts: readonly RunOutcome[],
  partial?: PartialAggregation,
): QueryOutcome {
  const outcomes = parts.flatMap(({ outcome }) => outcome ?? [])
  const only = parts.length === 1 ? outcomes[0] : undefined
  if (only) return only
  const analysis = joinAnalyses(outcomes.flatMap((outcome) => outcome.analysis ?? []))
  return {
    grid,
    value: joinValues(grid, parts, partial),
    annotations: joinAnnotations(outcomes.map(({ annotations }) => annotations)),
    warnings: union(outcomes.map((outcome) => outcome.warnings)),
    stats: {
      samplesRead: sum(outcomes.map((outcome) => outcome.stats.samplesRead)),
      seriesRead: sum(outcomes.map((outcome) => outcome.stats.seriesRead)),
      peakSamples: Math.max(0, ...outcomes.map((outcome) => outcome.stats.peakSamples)),
    },
    ...(analysis && { analysis }),
  }
}

function joinValues(
  grid: StepGrid,
  parts: readonly RunOutcome[],
  partial: PartialAggregation | undefined,
): QueryValue {
  const scalar = parts.some(({ outcome }) => outcome?.value.type === 'scalar')
  if (scalar) {
    const values = new Float64Array(grid.stepCount).fill(NaN)
    for (const { run, outcome } of parts) {
      if (outcome?.value.type === 'scalar') values.set(outcome.value.values, run.first)
    }
    return { type: 'scalar', values }
  }
  return { type: 'vector', series: joinSeries(grid, parts, partial) }
}

interface JoinedSeries {
  readonly labels: Labels
  readonly values: Float64Array
  readonly presence: Uint8Array
  histograms?: HistogramColumn
}

function joinSeries(
  grid: StepGrid,
  parts: readonly RunOutcome[],
  partial: PartialAggregation | undefined,
): StepSeries[] {
  const byKey = new Map<string, JoinedSeries>()
  for (const { run, outcome } of parts) {
    if (outcome?.value.type !== 'vector') continue
    for (const series of outcome.value.series) {
      const key = labelsKey(series.labels)
      let joined = byKey.get(key)
      if (!joined) {
        joined = {
          labels: series.labels,
          values: new Float64Array(grid.stepCount),
          presence: new Uint8Array(grid.stepCount),
        }
        byKey.set(key, joined)
      }
      if (partial) {
        addPartial(joined, run, series, partial)
        continue
      }
      joined.values.set(series.values, run.first)
      joined.presence.set(series.presence, run.first)
      if (series.histograms) {
        joined.histograms ??= new HistogramColumn(grid.stepCount)
        for (let i = 0; i < run.count; i++) {
          joined.histograms.copyRow(run.first + i, series.histograms, i)
        }
      }
    }
  }
  return [...byKey.values()].sort((a, b) => compareLabels(a.labels, b.labels))
}

function addPartial(
  { values, presence }: JoinedSeries,
  { first, count }: StepRun,
  part: StepSeries,
  partial: PartialAggregation,
): void {
  for (let i = 0; i < count; i++) {
    if (part.presence[i] === ABSENT) continue
    const counts = partial === 'count' && presence[first + i] !== ABSENT
    values[first + i] = counts ? values[first + i]! + part.values[i]! : part.values[i]!
    presence[first + i] = part.presence[i]!
  }
}

function union(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

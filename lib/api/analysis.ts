/** What the operators of a query took, in the shape of Thanos's `analysis`. */
import { goDuration } from '#lib/model/go-duration.ts'
import type { OperatorAnalysis } from '#lib/promql/result.ts'

/** `series` is ours; the rest Thanos has too. */
export interface AnalysisJson {
  readonly name: string
  readonly executionTime: string
  readonly totalSamples: number
  readonly series: number
  readonly children?: readonly AnalysisJson[]
}

export function describeAnalysis(analysis: OperatorAnalysis): AnalysisJson {
  const { name, series, samples, milliseconds, children } = analysis
  return {
    name,
    executionTime: goDuration(milliseconds),
    totalSamples: samples,
    series,
    ...(children.length > 0 && { children: children.map(describeAnalysis) }),
  }
}

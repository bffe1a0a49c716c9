/** Adds up what the operators of slices took: slices of a query have the same operators. */
import type { OperatorAnalysis } from '#lib/promql/result.ts'

/** Times are of all functions together. A series that two slices have counts twice. Undefined where there is none. */
export function joinAnalyses(parts: readonly OperatorAnalysis[]): OperatorAnalysis | undefined {
  const [first, ...others] = parts
  return first && others.reduce(add, first)
}

function add(a: OperatorAnalysis, b: OperatorAnalysis): OperatorAnalysis {
  return {
    name: a.name,
    series: a.series + b.series,
    samples: a.samples + b.samples,
    milliseconds: a.milliseconds + b.milliseconds,
    children: a.children.map((child, i) => {
      const other = b.children[i]
      return other ? add(child, other) : child
    }),
  }
}

/** What a query cost, for its `stats` and for the headers of its answer. */
import type { QueryAnswer, QueryCost } from '#lib/promql/backend.ts'

export interface QueryTimings {
  readonly prepareSeconds: number
  readonly queueSeconds: number
  readonly evalSeconds: number
}

/** Prometheus's `stats`, and what it has no place for under `thaw`. */
export function describeStats(
  { stats, cost }: QueryAnswer,
  { prepareSeconds, queueSeconds, evalSeconds }: QueryTimings,
): unknown {
  return {
    timings: {
      evalTotalTime: evalSeconds,
      resultSortTime: 0,
      queryPreparationTime: prepareSeconds,
      innerEvalTime: evalSeconds,
      execQueueTime: queueSeconds,
      execTotalTime: prepareSeconds + queueSeconds + evalSeconds,
    },
    samples: {
      totalQueryableSamples: stats.samplesRead,
      samplesRead: stats.samplesRead,
      peakSamples: stats.peakSamples,
    },
    thaw: { series: stats.seriesRead, ...describeCost(cost) },
  }
}

/** The same names in `stats`, and in logs. */
export function describeCost(cost: QueryCost): Readonly<Record<string, number | boolean>> {
  return {
    slices: cost.slices,
    invokes: cost.invokes,
    gets: cost.gets,
    lists: cost.lists,
    puts: cost.puts,
    bytes: cost.bytes,
    functionSeconds: cost.functionMs / 1000,
    functionGbSeconds: rounded(cost.functionGbSeconds),
    steps: cost.steps,
    cachedSteps: cost.cachedSteps,
    shared: cost.shared,
    estimatedUsd: rounded(cost.usd),
  }
}

/** The same in short, on every answer, so that a proxy's log can have it. */
export function costHeaders(cost: QueryCost): Readonly<Record<string, string>> {
  const { gets, lists, puts, invokes, functionMs, cachedSteps, steps } = cost
  return {
    'x-thaw-bucket-requests': `get=${gets}, list=${lists}, put=${puts}`,
    'x-thaw-bucket-bytes': String(cost.bytes),
    'x-thaw-invokes': String(invokes),
    'x-thaw-function-ms': String(Math.round(functionMs)),
    'x-thaw-cached-steps': `${cachedSteps}/${steps}`,
    'x-thaw-estimated-usd': String(rounded(cost.usd)),
  }
}

/** To a thousandth of a millionth. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9
}

/** Evaluates some runs of a query's steps: their slices are planned and run together, and joined to one outcome each. */
import { isKind, LimitError } from '#lib/model/errors.ts'
import type { LimitsOf } from '#lib/promql/query-limits.ts'
import type { QueryOutcome } from '#lib/promql/result.ts'
import type { CutOptions, StepRun } from './cut.ts'
import { runGrid } from './cut.ts'
import { joinOutcomes } from './join.ts'
import { planSlices, withoutShards, type SlicePlan } from './plan-slices.ts'
import type { PreparedQuery } from './prepare-query.ts'
import type { SlicesOutcome, SlicesRequest, SlicesRunner } from './run-slices.ts'
import { runSlices } from './run-slices.ts'

export interface StepsRunner extends SlicesRunner {
  readonly cut: CutOptions
  /** Who may have how much read for a query. */
  readonly limitsOf?: LimitsOf | undefined
}

export interface StepsRequest extends Pick<SlicesRequest, 'meter' | 'signal'> {
  /** A block that is gone is an error, whatever the scope says. */
  readonly goneBlockFails: boolean
}

export interface StepsOutcome {
  readonly run: StepRun
  readonly outcome: QueryOutcome
  /** No slice stayed away. */
  readonly whole: boolean
}

/** Runs in their order; warnings say which slices stayed away, and why. */
export async function runSteps(
  runner: StepsRunner,
  prepared: PreparedQuery,
  runs: readonly StepRun[],
  { meter, signal, goneBlockFails }: StepsRequest,
): Promise<{ readonly outcomes: readonly StepsOutcome[]; readonly warnings: readonly string[] }> {
  const { grid } = prepared.request
  const plans = runs.map((run) => planSlices(prepared, run, { ...runner.cut, goneBlockFails }))
  const ran = await runPlans(runner, prepared, plans, { meter, signal })
  let from = 0
  const outcomes = runs.map((run, i): StepsOutcome => {
    const parts = ran.outcomes.slice(from, (from += ran.counts[i]!))
    const rebased = parts.map(({ run: { first, count }, outcome }) => ({
      run: { first: first - run.first, count },
      outcome,
    }))
    const whole = parts.every(({ outcome }) => outcome !== undefined)
    return { run, outcome: joinOutcomes(runGrid(grid, run), rebased, plans[i]!.partial), whole }
  })
  return { outcomes, warnings: ran.warnings }
}

function checkBytes(bytes: number, maxBytes: number): void {
  if (maxBytes === 0 || bytes <= maxBytes) return
  throw new LimitError(
    `the query would read about ${Math.ceil(bytes)} bytes of chunks, ${maxBytes} are allowed: ` +
      'ask for a shorter range or name the metric, or raise --query.max-bytes',
    maxBytes,
    bytes,
  )
}

/** `counts`: how many of the outcomes are of each plan. */
async function runPlans(
  runner: StepsRunner,
  prepared: PreparedQuery,
  plans: readonly SlicePlan[],
  { meter, signal }: Pick<StepsRequest, 'meter' | 'signal'>,
): Promise<SlicesOutcome & { readonly counts: readonly number[] }> {
  const slices = plans.flatMap((plan) => plan.slices)
  const runs = plans.flatMap((plan) => plan.runs)
  const bytes = plans.reduce((sum, plan) => sum + plan.bytes, 0)
  checkBytes(bytes, runner.limitsOf?.(prepared.request.scope.tenant).maxBytes ?? 0)
  // Little work, and be it in several places, is done sooner than asked of another function.
  const inPlace = slices.length === 1 || bytes <= runner.cut.sliceBytes
  const { partialResponse } = prepared.request.scope
  try {
    const request = { partialResponse, inPlace, meter, signal }
    const ran = await runSlices(runner, { slices, runs }, request)
    return { ...ran, counts: plans.map((plan) => plan.slices.length) }
  } catch (error) {
    // Which series fails first, and whether some failures are one, is only known where all series are.
    if (!isKind(error, 'execution') || slices.every(({ shard }) => !shard)) throw error
    return runPlans(runner, prepared, plans.map(withoutShards), { meter, signal })
  }
}
